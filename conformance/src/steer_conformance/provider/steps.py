"""What is sent for a reply, in which order, and what happens on the way: a pure plan.

The plan is a sequence of steps that something with a connection carries out. Frames that
nothing separates go out together, so that a long stream costs few writes; each delta is still
an event of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Final, TypeAlias

from steer_conformance.provider.dialect import Dialect, Frame
from steer_conformance.provider.replies import (
    Drop,
    Failure,
    Garbage,
    Hold,
    Mark,
    Raw,
    Reply,
    StreamError,
    Truncate,
    Turn,
)
from steer_conformance.provider.request import Request

__all__ = ["Abort", "Head", "Pause", "Send", "Step", "WaitFor", "plan"]

_BATCH: Final = 16_384
"""Bytes that are gathered before they are written."""
_END: Final = Frame(b"")


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """Status and headers. ``length`` is None for a body whose length is not announced."""

    status: int
    content_type: str
    length: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Send:
    """Bytes of the body, of which ``deltas`` deltas are part; ``last`` ends the body."""

    data: bytes
    deltas: int = 0
    last: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Nothing until the gate of this name is opened."""

    gate: str


@dataclass(frozen=True, slots=True)
class Abort:
    """The connection is closed here, whatever was promised."""


Step: TypeAlias = Head | Send | Pause | WaitFor | Abort


def plan(reply: Reply, dialect: Dialect, request: Request) -> Iterator[Step]:
    """The steps that answer ``request`` with ``reply``."""
    if reply.latency:
        yield Pause(reply.latency)
    match reply:
        case Turn():
            yield from _plan_turn(reply, dialect, request)
        case Failure():
            yield from _plan_failure(reply, dialect, request)
        case Raw():
            head = Head(status=reply.status, content_type=reply.content_type, headers=reply.headers)
            yield head
            yield Send(data=reply.body, last=True)


def _plan_failure(failure: Failure, dialect: Dialect, request: Request) -> Iterator[Step]:
    body = failure.body
    if body is None:
        body = dialect.failure(failure, f"req_{request.index}")
    headers = dict(failure.headers)
    if failure.retry_after is not None:
        headers["retry-after"] = f"{failure.retry_after:.12g}"
    yield Head(
        status=failure.status,
        content_type="application/json",
        length=len(body),
        headers=headers,
    )
    yield Send(data=body, last=True)


def _plan_turn(turn: Turn, dialect: Dialect, request: Request) -> Iterator[Step]:
    for mark in turn.marks:
        if isinstance(mark, Hold) and (mark.after is None or not request.stream):
            yield WaitFor(mark.name)
    if Drop() in turn.marks:
        yield Abort()
    elif request.stream:
        yield Head(status=200, content_type=dialect.stream_type)
        yield from _plan_stream(turn, dialect, request)
    else:
        yield from _plan_plain(turn, dialect, request)


def _plan_plain(turn: Turn, dialect: Dialect, request: Request) -> Iterator[Step]:
    body, status = dialect.plain(turn, request)
    end: int | None = None
    for mark in turn.marks:
        match mark:
            case StreamError(failure=failure):
                yield from _plan_failure(failure, dialect, request)
                return
            case Garbage(data=data):
                body = data
            case Truncate(after_bytes=size):
                body = body[:size]
            case Drop(after_bytes=size):
                end = size or 0
            case Hold():
                pass
    yield Head(status=status, content_type="application/json", length=len(body))
    if end is None:
        yield Send(data=body, deltas=turn.deltas, last=True)
    else:
        yield Send(data=body[:end], deltas=turn.deltas)
        yield Abort()


def _plan_stream(turn: Turn, dialect: Dialect, request: Request) -> Iterator[Step]:
    frames = dialect.stream(turn, request)
    lost = False
    for mark in turn.marks:
        if isinstance(mark, Drop | Truncate) and mark.after_bytes is not None:
            frames = _cut(frames, mark.after_bytes)
            lost = isinstance(mark, Drop)

    places = _by_place(turn.marks)
    batch = _Batch()
    passed = 0
    for sent, frame in enumerate(chain(frames, [_END])):
        # A mark stands right after its delta; one at 0 right before the first.
        while places and places[0][0] == passed and (passed or frame.delta or frame is _END):
            _, mark = places.popleft()
            yield from _meet(mark, batch, dialect, sent)
            if isinstance(mark, StreamError | Drop):
                return
        if frame.delta and passed and turn.gap:
            yield batch.flush()
            yield Pause(turn.gap)
        batch.add(frame.data, deltas=frame.delta)
        passed += frame.delta
        if len(batch) >= _BATCH:
            yield batch.flush()
    yield batch.flush(last=not lost)
    if lost:
        yield Abort()


def _meet(mark: Mark, batch: _Batch, dialect: Dialect, sent: int) -> Iterator[Step]:
    """What happens at a mark, ``sent`` frames after the beginning."""
    match mark:
        case Hold(name=name):
            yield batch.flush()
            yield WaitFor(name)
        case Garbage(data=data):
            batch.add(data)
        case StreamError(failure=failure):
            batch.add(dialect.stream_error(failure, sent))
            yield batch.flush(last=True)
        case Drop():
            yield batch.flush()
            yield Abort()
        case Truncate():
            pass


class _Batch:
    """Bytes that wait to be written, and how many deltas are in them."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._deltas = 0

    def __len__(self) -> int:
        return len(self._data)

    def add(self, data: bytes, *, deltas: int = 0) -> None:
        self._data += data
        self._deltas += deltas

    def flush(self, *, last: bool = False) -> Send:
        send = Send(data=bytes(self._data), deltas=self._deltas, last=last)
        self._data.clear()
        self._deltas = 0
        return send


def _by_place(marks: Iterable[Mark]) -> deque[tuple[int, Mark]]:
    """The marks that stand at a delta, in the order in which the stream meets them."""
    placed = [
        (mark.after, mark)
        for mark in marks
        if not isinstance(mark, Truncate) and mark.after is not None
    ]
    return deque(sorted(placed, key=itemgetter(0)))


def _cut(frames: Iterator[Frame], size: int) -> Iterator[Frame]:
    """The first ``size`` bytes of a stream. A delta of which a part is sent counts as sent."""
    for frame in frames:
        if len(frame.data) >= size:
            yield Frame(frame.data[:size], delta=frame.delta and size > 0)
            return
        yield frame
        size -= len(frame.data)
