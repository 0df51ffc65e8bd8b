"""Which jobs a worker leaves in their queue, because it is not their turn in a session."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from anyio.abc import TaskGroup

from steer._engine.engine import Engine
from steer._engine.turns import until_ended
from steer.ports.records import JobRecord

__all__ = ["SessionTurns"]

_Session = tuple[str, str]

_log = logging.getLogger("steer.engine")


class SessionTurns:
    """Knows the sessions that are busy, each with the job that has it, until that has ended.

    ``group`` is where it waits for these ends, ``wake`` is called at each.
    """

    def __init__(self, engine: Engine, group: TaskGroup, *, wake: Callable[[], object]) -> None:
        self._engine = engine
        self._group = group
        self._wake = wake
        self._busy: dict[_Session, str] = {}

    def first(self, due: Iterable[JobRecord]) -> Iterator[JobRecord]:
        """Yield, of jobs in the order they are due, those whose turn it may be."""
        seen: set[_Session] = set()
        for job in due:
            session = _session_of(job)
            if session is None:
                yield job
            elif self._busy.get(session, job.job_id) == job.job_id and session not in seen:
                seen.add(session)
                yield job

    def taken(self, job: JobRecord) -> None:
        """Note that a job runs here, and has its session."""
        session = _session_of(job)
        if session is not None:
            self._busy[session] = job.job_id

    def left(self, job: JobRecord) -> None:
        """Note that a job runs here no more; whether it still has its session is seen again."""
        session = _session_of(job)
        if session is not None and self._busy.get(session) == job.job_id:
            del self._busy[session]

    def met(self, job: JobRecord, holder_id: str) -> None:
        """Note that another job has the session that a job wants, and wait for its end."""
        session = _session_of(job)
        if session is not None:
            self._busy[session] = holder_id
            self._group.start_soon(self._watch, session, holder_id)

    async def _watch(self, session: _Session, holder_id: str) -> None:
        try:
            await until_ended(self._engine, session[0], holder_id)
        except Exception:
            # A store that is away for a moment: whoever is due next meets the holder again.
            _log.exception("could not wait for the end of job %s", holder_id)
        if self._busy.get(session) == holder_id:
            del self._busy[session]
        self._wake()


def _session_of(job: JobRecord) -> _Session | None:
    return None if job.session_id is None else (job.scope_id, job.session_id)
