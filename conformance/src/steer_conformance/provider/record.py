"""What a provider remembers: each request, how it ended, and what it cost."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from steer_conformance.provider.notices import Notices
from steer_conformance.provider.parts import Usage
from steer_conformance.provider.replies import Reply
from steer_conformance.provider.request import Request

__all__ = ["NOTHING", "Bill", "Log", "Recorded"]

NOTHING = Usage(input_tokens=0, output_tokens=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded(Request):
    """A request and what became of it, as it stood when it was looked at.

    ``finished``: the whole of the reply was handed to the network. ``disconnected``: the client
    left before that. Neither is set while the reply is under way or after a scripted drop.
    Moments are in seconds of ``time.monotonic``. ``billed`` counts what was sent: a stream that
    was cut is billed up to its last delta. ``error`` says why the provider could not play.
    """

    at: float
    ended_at: float | None = None
    reply: Reply | None = None
    deltas: int = 0
    billed: Usage = NOTHING
    finished: bool = False
    disconnected: bool = False
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """What all requests cost together, and by model."""

    total: Usage = NOTHING
    by_model: dict[str, Usage] = field(default_factory=dict)

    @classmethod
    def of(cls, requests: Iterable[Recorded]) -> Bill:
        """The sum of what the requests were billed."""
        total, by_model = NOTHING, dict[str, Usage]()
        for request in requests:
            if request.billed != NOTHING:
                total += request.billed
                by_model[request.model] = by_model.get(request.model, NOTHING) + request.billed
        return cls(total=total, by_model=by_model)


class Log:
    """The requests of a provider, in the order they came. Safe in any thread."""

    def __init__(self, notices: Notices) -> None:
        self._lock = threading.Lock()
        self._notices = notices
        self._records: list[Recorded | None] = []
        self._closed = False

    @property
    def requests(self) -> tuple[Recorded, ...]:
        """A snapshot."""
        with self._lock:
            return tuple(record for record in self._records if record is not None)

    def next_index(self) -> int:
        """The number of the request that has just come, from 1."""
        with self._lock:
            self._records.append(None)
            return len(self._records)

    def add(self, request: Request, at: float) -> None:
        """Remember a request under its index."""
        arrived = {each.name: getattr(request, each.name) for each in fields(Request)}
        with self._lock:
            self._records[request.index - 1] = Recorded(**arrived, at=at)
        self._notices.announce()

    def update(self, index: int, **changes: Any) -> None:
        """Note what became of a request. Once closed, what was noted stays."""
        with self._lock:
            record = self._records[index - 1]
            if record is None or self._closed:
                return
            self._records[index - 1] = replace(record, **changes)
        self._notices.announce()

    def close(self) -> None:
        """Note nothing more: what ends from now on is ended by us, not by a client."""
        with self._lock:
            self._closed = True
