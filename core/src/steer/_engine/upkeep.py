"""What a process owes its running jobs: heartbeats, and an ear for whoever wants them to end."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import anyio

from steer._engine.family import orphaned_by
from steer._engine.leases import LEASE_SECONDS
from steer._engine.running import RunningJob
from steer._engine.state import JobState, Stop
from steer._engine.topics import NO_SCOPE, owner_topic
from steer.clock import Clock
from steer.errors import Conflict, InvalidTransition, Released, StaleFence
from steer.ports.records import JobRecord, Owner
from steer.ports.signals import SignalChannel
from steer.ports.storage import HeldJob, Storage
from steer.values import JobStatus

__all__ = ["Upkeep"]

HEARTBEAT_SECONDS = LEASE_SECONDS / 3

CANCEL_POLL_SECONDS = 1.0
"""How late another process's cancellation is noticed when its signal got lost."""

LISTEN_AGAIN_SECONDS = 30.0
"""The longest until listening is tried again, after it failed several times."""

PARENT_POLL_SECONDS = 2.0
"""How late it is noticed that a parent has ended in another process."""

_log = logging.getLogger("steer.engine")


class Upkeep:
    """Three loops that sleep while this process has no jobs for them.

    ``parents`` are those of the jobs that wait here, which nobody runs; ``end_child`` ends one.
    """

    def __init__(
        self,
        *,
        running: Mapping[tuple[str, str], RunningJob],
        storage: Storage,
        signals: SignalChannel,
        clock: Clock,
        owner: Owner,
        parents: Callable[[], Mapping[tuple[str, str], str]],
        end_child: Callable[[JobRecord, Stop], Awaitable[None]],
    ) -> None:
        self._running = running
        self._storage = storage
        self._signals = signals
        self._clock = clock
        self._owner = owner
        self._parents = parents
        self._end_child = end_child
        self._busy = anyio.Event()
        self._child = anyio.Event()

    def open(self, spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], object]) -> None:
        """Start what runs in the background."""
        for work in (self.keep_leases, self.watch_cancellations, self.watch_parents):
            spawn(work)

    def note_child(self) -> None:
        """Say that there is a job with a parent."""
        self._child.set()

    def note_busy(self) -> None:
        """Say that there is a job to look after."""
        self._busy.set()

    async def keep_leases(self) -> None:
        """Extend the leases of all jobs here, in one write each time."""
        while True:
            await self._until_busy()
            await self._clock.sleep_until(self._clock.monotonic() + HEARTBEAT_SECONDS)
            await self._guarded(self._renew)

    async def watch_cancellations(self) -> None:
        """Stop the jobs that another process wants stopped."""
        failures = 0
        while True:
            await self._until_busy()
            try:
                async with self._signals.subscribe(NO_SCOPE, owner_topic(self._owner)) as waiter:
                    failures = 0
                    while self._running:
                        await waiter.wait(CANCEL_POLL_SECONDS)
                        await self._guarded(self._look_for_cancellations)
            except Exception:
                _log.exception("could not listen for cancellations; looking for them instead")
                pause = min(CANCEL_POLL_SECONDS * 2**failures, LISTEN_AGAIN_SECONDS)
                failures += 1
                await self._look_without_signals(pause)

    async def _look_without_signals(self, seconds: float) -> None:
        end = self._clock.monotonic() + seconds
        while self._running and self._clock.monotonic() < end:
            await self._clock.sleep_until(self._clock.monotonic() + CANCEL_POLL_SECONDS)
            await self._guarded(self._look_for_cancellations)

    async def watch_parents(self) -> None:
        """End the jobs, running or waiting, whose parent, which does not run here, has ended."""
        while True:
            await self._child.wait()
            self._child = anyio.Event()
            while self._has_children():
                await self._clock.sleep_until(self._clock.monotonic() + PARENT_POLL_SECONDS)
                await self._guarded(self._look_at_parents)

    def _has_children(self) -> bool:
        running = self._running.values()
        return bool(self._parents()) or any(job.state.context.parent_job_id for job in running)

    async def _look_at_parents(self) -> None:
        running: dict[tuple[str, str], list[JobState]] = {}
        for (scope_id, _), job in self._running.items():
            if (parent_id := job.state.context.parent_job_id) is not None:
                running.setdefault((scope_id, parent_id), []).append(job.state)
        waiting: dict[tuple[str, str], list[str]] = {}
        for (scope_id, job_id), parent_id in self._parents().items():
            waiting.setdefault((scope_id, parent_id), []).append(job_id)
        # The engine itself ends the children of what it runs.
        for scope_id, parent_id in (running.keys() | waiting.keys()) - self._running.keys():
            if (await self._storage.jobs.get(scope_id, parent_id)).status.terminal:
                stop = orphaned_by(parent_id)
                for state in running.get((scope_id, parent_id), ()):
                    state.stop(stop)
                for job_id in waiting.get((scope_id, parent_id), ()):
                    await self._end_waiting(scope_id, job_id, stop)

    async def _end_waiting(self, scope_id: str, job_id: str, stop: Stop) -> None:
        child = await self._storage.jobs.get(scope_id, job_id)
        # Whoever runs it looks at its parent too.
        if child.owner is None and not child.status.terminal:
            with contextlib.suppress(Conflict, InvalidTransition, Released):
                await self._end_child(child, stop)

    async def _until_busy(self) -> None:
        while not self._running:
            # Two loops wait for one event, so only a used one is replaced.
            if self._busy.is_set():
                self._busy = anyio.Event()
            await self._busy.wait()

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        # A store that is away for a moment must not end the loop: the leases run on their own
        # clock, and an effect is not begun once one has run out.
        try:
            await step()
        except Exception:
            _log.exception("could not look after the jobs of this process")

    async def _renew(self) -> None:
        jobs = {(job.scope_id, job.job_id): job for job in self._held()}
        if not jobs:
            return
        asked = self._clock.monotonic()
        lost = await self._storage.jobs.renew(tuple(jobs.values()), lease_seconds=LEASE_SECONDS)
        for held in lost:
            job = self._running.get((held.scope_id, held.job_id))
            if job is not None and job.state.committer.fence == held.fence:
                job.state.lose(StaleFence(f"job {held.job_id} was taken over by another process"))
        for key in jobs.keys() - {(held.scope_id, held.job_id) for held in lost}:
            job = self._running.get(key)
            if job is not None:
                job.state.lease.until = asked + LEASE_SECONDS

    async def _look_for_cancellations(self) -> None:
        held = self._held()
        if not held:
            return
        for job_id, (reason, by) in (await self._storage.jobs.cancellations(held)).items():
            for state in self._states(job_id):
                state.stop(Stop(status=JobStatus.CANCELLED, reason=reason, by=by))

    def _held(self) -> tuple[HeldJob, ...]:
        return tuple(
            HeldJob(scope_id=scope_id, job_id=job_id, fence=job.state.committer.fence)
            for (scope_id, job_id), job in self._running.items()
        )

    def _states(self, job_id: str) -> list[JobState]:
        return [job.state for (_, held), job in self._running.items() if held == job_id]
