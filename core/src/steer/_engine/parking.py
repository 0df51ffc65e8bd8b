"""Whether a run that waits for people is to be parked, so that its process may go."""

from __future__ import annotations

import math
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from steer.capabilities import Capabilities, Suspension
from steer.clock import Clock
from steer.context import ApprovalSpec
from steer.errors import Suspending
from steer.ports.gate import ToolCall
from steer.ports.policy import ToolKind
from steer.ports.records import EffectKey

__all__ = ["CONTAINERS", "Parking"]

SETTLE_SECONDS = 5.0
"""How long a run that could leave stays for calls that may go on beside the one that waits."""

LEAVE_SECONDS = 30.0
"""How long a run may take to come back once it was suspended and none of its effects runs."""

# A nested agent does nothing by itself: what it calls passes the gate call by call.
CONTAINERS = (ToolKind.AGENT, ToolKind.HANDOFF)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wait:
    """A question that waits for its answer; ``until`` is when its inline time is over, monotonic.

    ``left_by`` is the call that a run can leave behind meanwhile.
    """

    left_by: EffectKey | None
    until: float


class Parking:
    """Knows what in one run waits for people, and decides when the run leaves.

    That is once the inline time of one call is over, and nothing waits that would be lost: a call
    which this runtime cannot leave behind, or a tool that asks in the middle of its work. Calls
    that may go on beside it are let begin first, or a job with two questions would be taken up and
    parked again without ever making use of an answer. From then on nothing new begins, and what
    runs comes to its end. All here but ``effect_begins`` and ``effect_ends`` is called in the
    kernel's event loop.

    ``answered`` are the calls about which a person answered before this attempt.
    """

    def __init__(
        self,
        *,
        spec: ApprovalSpec,
        clock: Clock,
        answered: Iterable[EffectKey] = (),
    ) -> None:
        inline = spec.inline_seconds
        self._inline = math.inf if inline is None else inline
        self._able = False
        self._capabilities = Capabilities()
        self._clock = clock
        self._waits: dict[str, _Wait] = {}
        self._answered = set(answered)
        self._deciding = 0
        self._granted: set[EffectKey] = set()
        self._changed: anyio.Event | None = None
        self._lock = threading.Lock()
        self._effects = 0
        self._idle: anyio.Event | None = None
        self._left: anyio.Event | None = None
        self.requested = False
        """Whether the run is being parked."""
        self.on_request: Callable[[], object] = lambda: None

    def enable(self, capabilities: Capabilities) -> None:
        """Say what the runtime can do, of a run that another process could go on with."""
        self._able, self._capabilities = capabilities.replay, capabilities

    def check(self) -> None:
        """Raise ``Suspending`` once the run is being parked."""
        if self.requested:
            raise Suspending("the run is being parked until a person has answered")

    def can_leave(self, call: EffectKey) -> bool:
        """Whether this runtime can leave a call behind that waits, or a request to a model."""
        can = self._capabilities
        return (
            self._able
            and can.suspend is not Suspension.NONE
            and (not call.path or can.suspend_in_subagents)
        )

    def held(self, call: EffectKey) -> bool:
        """Whether a question about a call is held in this process at all, be it for a while."""
        return self._inline > 0 or not self.can_leave(call)

    @contextmanager
    def deciding(self, call: EffectKey) -> Iterator[None]:
        """Note that it is being decided whether a call may run."""
        self._deciding += 1
        try:
            yield
        finally:
            self._deciding -= 1
            self._answered.discard(call)
            self.nudge()

    def granted(self, key: EffectKey) -> None:
        """Note that a call may run, and so is about to."""
        self._granted.add(key)

    def begun(self, key: EffectKey) -> None:
        """Note that a call which may run has begun."""
        self._granted.discard(key)
        self.nudge()

    def wait_begins(self, action_id: str, *, left_by: EffectKey | None) -> None:
        """Note that a question waits for its answer from now on."""
        until = self._clock.monotonic() + self._inline
        self._waits[action_id] = _Wait(left_by=left_by, until=until)
        self.nudge()

    def wait_ends(self, action_id: str) -> None:
        """Note that a question is not waited for any more."""
        if self._waits.pop(action_id, None) is not None:
            self.nudge()

    def seconds_left(self, action_id: str) -> float | None:
        """Return in how long to ask again whether it is time, ``None`` where only a nudge helps."""
        until, now = self._waits[action_id].until, self._clock.monotonic()
        for moment in (until, until + SETTLE_SECONDS):
            if now < moment < math.inf:
                return moment - now
        return None

    def is_time(self) -> bool:
        """Whether the run leaves; from now on, if it does not yet."""
        if not self.requested and self._may_leave():
            self.requested, self._left = True, anyio.Event()
            self.nudge()
            self.on_request()
        return self.requested

    def leave_now(self) -> bool:
        """Hold no question inline any longer; return whether the run can leave those there are."""
        self._inline = 0.0
        now = self._clock.monotonic()
        self._waits = {
            action_id: _Wait(left_by=wait.left_by, until=min(wait.until, now))
            for action_id, wait in self._waits.items()
        }
        self.nudge()
        return all(wait.left_by is not None for wait in self._waits.values())

    def nudge(self) -> None:
        """Let everybody who waits for people look again."""
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()

    def nudged(self) -> Callable[[], Awaitable[None]]:
        """Return what waits until something here has changed since this call.

        Since this call and not since the wait begins: what changes in between would be missed.
        """
        if self._changed is None:
            self._changed = anyio.Event()
        return self._changed.wait

    def effect_begins(self, call: ToolCall) -> None:
        """Note that an effect runs, from any thread."""
        if call.kind not in CONTAINERS:
            with self._lock:
                self._effects += 1

    def effect_ends(self, call: ToolCall, at_home: Callable[[Callable[[], None]], None]) -> None:
        """Note that it has ended, from any thread."""
        if call.kind in CONTAINERS:
            return
        with self._lock:
            self._effects -= 1
            idle = self._effects == 0
        if idle and self.requested:
            at_home(self._note_idle)

    def left(self) -> None:
        """Note that the run is over, so that nobody has to see to its end."""
        if self._left is not None:
            self._left.set()

    async def see_off(self, cancel: Callable[[], None]) -> None:
        """Wait until the run has left; cancel it if it stays although nothing of it runs."""
        if self._left is None:
            return
        async with anyio.create_task_group() as group:

            async def lose_patience() -> None:
                while True:
                    await self._until_idle()
                    await self._clock.sleep_until(self._clock.monotonic() + LEAVE_SECONDS)
                    if not self._effects:
                        cancel()
                        return

            group.start_soon(lose_patience)
            await self._left.wait()
            group.cancel_scope.cancel()

    async def _until_idle(self) -> None:
        while self._effects:
            self._idle = anyio.Event()
            await self._idle.wait()

    def _note_idle(self) -> None:
        if self._idle is not None:
            self._idle.set()

    def _may_leave(self) -> bool:
        waits = self._waits.values()
        if any(wait.left_by is None for wait in waits):
            return False
        if self._capabilities.suspend is Suspension.ONE_PER_MESSAGE and len(waits) > 1:
            return False
        now = self._clock.monotonic()
        since = min((wait.until for wait in waits), default=math.inf)
        return since <= now and (now >= since + SETTLE_SECONDS or not self._goes_on())

    def _goes_on(self) -> bool:
        """Whether a call is about to begin beside those that wait."""
        if self._deciding > len(self._waits) or self._granted:
            return True
        messages = {
            (wait.left_by.path, wait.left_by.message)
            for wait in self._waits.values()
            if wait.left_by
        }
        return any((key.path, key.message) in messages for key in self._answered)
