"""The events of one running job: numbered, fanned out live, and held until they are committed."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from steer.events import Event, EventData, ModelReasoning, ModelToken
from steer.fold import Fold
from steer.values import well_formed

__all__ = ["Feed", "Snapshot", "Wakeup"]

RING_SIZE = 4096
"""Events a subscriber may at least lag behind before it falls back to the journal."""

RECENT = 64
"""Committed events that a new subscriber gets without a look into the journal: one who follows a
run from its start, as most do, never waits for a read."""

_LIVE = (ModelToken, ModelReasoning)


class Wakeup:
    """A waiter in one event loop that any thread can wake, once.

    A future and not an ``asyncio.Event``: one is made for each wait of each reader.
    """

    __slots__ = ("_loop", "_thread", "_woken")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._woken = self._loop.create_future()

    async def wait(self) -> None:
        """Wait until woken."""
        await self._woken

    def wake(self) -> None:
        """Wake the waiter, from any thread."""
        if threading.get_ident() == self._thread:
            self._wake()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        # Whoever waited may have been cancelled since.
        if not self._woken.done():
            self._woken.set_result(None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What a new subscriber needs, taken in one critical section.

    Up to ``in_journal`` it has to read the journal; ``tail`` is what comes after that, text that
    is in no durable event yet included; ``index`` is where the live events go on.
    """

    in_journal: int
    tail: tuple[Event, ...]
    index: int


@dataclass(slots=True)
class _OpenText:
    """Text of one part that no durable event holds yet."""

    first: Event
    pieces: list[str] = field(default_factory=list)


class Feed:
    """Numbers events, keeps what is not committed, and lets any number of readers follow.

    ``lock`` is the job's own: whoever holds it may add events and records that must be
    committed together. ``on_first_pending`` is called, under the lock, when something is
    waiting to be committed and nothing was before.
    """

    def __init__(
        self,
        *,
        job_id: str,
        attempt: int,
        last_seq: int,
        fold: Fold,
        lock: threading.RLock,
        now: Callable[[], datetime],
        on_first_pending: Callable[[], None],
    ) -> None:
        self._job_id = job_id
        self._attempt = attempt
        self._seq = self._committed = last_seq
        self.fold = fold
        self._lock = lock
        self._now = now
        self._on_first_pending = on_first_pending
        self._ring: list[Event] = []
        self._base = 0
        self._pending: list[Event] = []
        self._in_flight: deque[Event] = deque()
        self._recent: deque[Event] = deque(maxlen=RECENT)
        self._open: dict[tuple[str, int], _OpenText] = {}
        self._waiters: list[Wakeup] = []
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more will come: the terminal event is committed, or the job is lost."""
        return self._closed

    @property
    def committed_seq(self) -> int:
        """The number of the newest event that the journal is known to hold."""
        return self._committed

    def emit(
        self, data: EventData, *, path: tuple[str, ...] = (), turn: int = 0, agent: str | None
    ) -> None:
        """Add an event; from any thread."""
        with self._lock:
            if isinstance(data, _LIVE):
                if not data.text.isascii():
                    # Here, so that every reader gets the same text, live and from the journal.
                    data = replace(data, text=well_formed(data.text))
                event = self._event(data, None, path, turn, agent)
                self._buffer(event, data)
            else:
                self._flush_open()
                self._seq += 1
                event = self._event(data, self._seq, path, turn, agent)
                self._note_pending()
                self._pending.append(event)
            self.fold.add(event)
            self._publish(event)

    def take(self) -> tuple[Event, ...]:
        """Return the durable events for the next commit; call with the lock held."""
        self._flush_open()
        taken = tuple(self._pending)
        self._in_flight.extend(taken)
        self._pending.clear()
        return taken

    def committed(self, seq: int) -> None:
        """Note that the journal holds everything up to ``seq``."""
        with self._lock:
            self._committed = max(self._committed, seq)
            while self._in_flight and (self._in_flight[0].seq or 0) <= seq:
                self._recent.append(self._in_flight.popleft())

    def close(self) -> None:
        """Say that nothing more will come, and wake everybody."""
        with self._lock:
            self._closed = True
            self._wake()

    def snapshot(self, after: int) -> Snapshot:
        """Register a reader that has seen everything up to the number ``after``.

        History and the place in the live stream are fixed in one step.
        """
        with self._lock:
            recent, in_journal = tuple(self._recent), self._committed
            if recent and (recent[0].seq or 0) <= after + 1:
                in_journal = after
            else:
                recent = ()
            return Snapshot(
                in_journal=in_journal,
                tail=(
                    *recent,
                    *self._in_flight,
                    *self._pending,
                    *(self._joined(text, seq=None) for text in self._open.values()),
                ),
                index=self._base + len(self._ring),
            )

    def since(self, index: int) -> Sequence[Event] | None:
        """Return the live events from ``index`` on, or ``None`` where they are gone."""
        with self._lock:
            if index < self._base:
                return None
            return self._ring[index - self._base :]

    async def wait(self, index: int) -> None:
        """Wait until there is an event at ``index``, or the feed is closed."""
        with self._lock:
            if self._closed or index < self._base + len(self._ring):
                return
            waiter = Wakeup()
            self._waiters.append(waiter)
        await waiter.wait()

    def _buffer(self, event: Event, data: ModelToken | ModelReasoning) -> None:
        key = (data.call, data.part)
        text = self._open.get(key)
        if text is None:
            self._note_pending()
            text = self._open[key] = _OpenText(first=event)
        text.pieces.append(data.text)

    def _flush_open(self) -> None:
        """Make durable events of the text so far, so that order holds and little is repeated."""
        if not self._open:
            return
        texts, self._open = self._open, {}
        for text in texts.values():
            self._seq += 1
            event = self._joined(text, seq=self._seq)
            self._pending.append(event)
            self._publish(event)

    def _joined(self, text: _OpenText, *, seq: int | None) -> Event:
        first, data = text.first, text.first.data
        assert isinstance(data, _LIVE)  # noqa: S101 - only those are buffered
        return Event(
            job_id=first.job_id,
            data=type(data)(
                call=data.call, part=data.part, offset=data.offset, text="".join(text.pieces)
            ),
            time=first.time,
            seq=seq,
            attempt=first.attempt,
            path=first.path,
            turn=first.turn,
            agent=first.agent,
        )

    def _event(
        self,
        data: EventData,
        seq: int | None,
        path: tuple[str, ...],
        turn: int,
        agent: str | None,
    ) -> Event:
        return Event(
            job_id=self._job_id,
            data=data,
            time=self._now(),
            seq=seq,
            attempt=self._attempt,
            path=path,
            turn=turn,
            agent=agent,
        )

    def _note_pending(self) -> None:
        if not self._pending and not self._open:
            self._on_first_pending()

    def _publish(self, event: Event) -> None:
        ring = self._ring
        ring.append(event)
        if len(ring) >= 2 * RING_SIZE:
            # Many at a time: taking one off the front of a list moves all the others.
            del ring[:RING_SIZE]
            self._base += RING_SIZE
        if self._waiters:
            self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.wake()
