"""A session as one job goes on with it: taken when the job is, added to when it has succeeded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import anyio

from steer._engine.fitting import check_input
from steer._engine.state import Stop
from steer._engine.work import Rebuild, Work
from steer.clock import Clock
from steer.errors import ConfigError, NotFound, PluginError, RuntimeFailure, SteerError
from steer.ports.changes import Change, SessionAppended, SessionTaken
from steer.ports.compaction import Compaction
from steer.ports.records import JobRecord, SessionRecord
from steer.ports.runtime import Finished, PastRun, Prepared
from steer.ports.storage import Storage
from steer.request import check_conversation
from steer.sessions import Compacted, SessionItem, decode_item, encode_item, past_runs
from steer.values import JobStatus, Message, Role, TextPart

__all__ = ["Conversation", "Conversing", "check_said", "check_whole"]

COMPACT_SECONDS = 30.0
"""How long a compaction may take; ``Compaction.compact`` says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """What a job is shown of its session, and by which changes the job takes it.

    ``version`` is the session's once it is taken: nobody else appends until the job has ended.
    """

    session_id: str
    version: int
    past: tuple[PastRun, ...] = ()
    taking: tuple[Change, ...] = ()

    def seen_by(self, runtime: str, prepared: Prepared) -> tuple[PastRun, ...]:
        """Return the past with the vendor's items only where this runtime gave them."""
        takes = prepared.capabilities.session_items
        return tuple(
            run
            if run.items is None or (takes and run.runtime == runtime)
            else replace(run, items=None)
            for run in self.past
        )

    def added(
        self, job: JobRecord, asked: Sequence[Message], finished: Finished, *, clock: Clock
    ) -> SessionAppended:
        """Return what a run that has succeeded adds."""
        run = PastRun(
            messages=(*asked, *_said(finished)), runtime=job.runtime, items=finished.items
        )
        item = SessionItem(run=run, job_id=job.job_id, at=clock.now())
        return SessionAppended(
            session_id=self.session_id, expected_version=self.version, items=(encode_item(item),)
        )


class Conversing:
    """Reads sessions for the jobs that go on with them, and has them made shorter."""

    def __init__(self, *, storage: Storage, clock: Clock, compaction: Compaction | None) -> None:
        self._storage = storage
        self._clock = clock
        self._compaction = compaction

    async def join(self, job: JobRecord) -> Conversation | None:
        """Return the session that a job is to go on with, ``None`` where it has none.

        The job that holds it is shown what it was shown before. Raises ``ConfigError`` where it
        cannot be read, and ``RuntimeFailure`` where the compaction fails.
        """
        if job.session_id is None:
            return None
        record = await self._read(job.scope_id, job.session_id)
        past = past_runs(map(decode_item, record.items))
        taken = SessionTaken(session_id=job.session_id, expected_version=record.version)
        as_it_is = Conversation(
            session_id=job.session_id, version=record.version, past=past, taking=(taken,)
        )
        if record.held_by == job.job_id or not past:
            return as_it_is
        shorter = await self._shorter(past)
        if shorter is None:
            return as_it_is
        item = encode_item(Compacted(runs=shorter, job_id=job.job_id, at=self._clock.now()))
        kept = SessionAppended(
            session_id=job.session_id, expected_version=record.version, items=(item,)
        )
        return Conversation(
            session_id=job.session_id,
            version=record.version + 1,
            # As it is read by whoever goes on with the job.
            past=past_runs((decode_item(item),)),
            taking=(taken, kept),
        )

    async def join_again(
        self, job: JobRecord, work: Work | Rebuild | Stop
    ) -> tuple[Work | Rebuild | Stop, Conversation | None]:
        """Return what to do with a job that is to be claimed, and the session it goes on with.

        One whose session cannot be read, or made shorter, ends with the reason.
        """
        if isinstance(work, Stop):
            return work, None
        try:
            return work, await self.join(job)
        except (ConfigError, RuntimeFailure) as error:
            return Stop(status=JobStatus.FAILED, error=error), None

    async def moved(self, job: JobRecord, seen: Conversation) -> bool:
        """Whether somebody has added to a session since a job looked at it."""
        now = await self._read(job.scope_id, seen.session_id)
        taken = seen.taking[0]
        return isinstance(taken, SessionTaken) and now.version != taken.expected_version

    async def _read(self, scope_id: str, session_id: str) -> SessionRecord:
        try:
            return await self._storage.sessions.get(scope_id, session_id)
        except NotFound:
            return SessionRecord(session_id=session_id)

    async def _shorter(self, past: tuple[PastRun, ...]) -> tuple[PastRun, ...] | None:
        if self._compaction is None:
            return None
        name = type(self._compaction).__name__
        try:
            with anyio.fail_after(COMPACT_SECONDS):
                shorter = await self._compaction.compact(past)
            if shorter is None:
                return None
            check_conversation(
                [message for run in shorter for message in run.messages], unique=False
            )
        except TimeoutError as error:
            raise RuntimeFailure(
                f"the compaction {name} took more than {COMPACT_SECONDS:g} s"
            ) from error
        except SteerError as error:
            raise RuntimeFailure(f"the compaction {name} failed: {error}") from error
        except Exception as error:
            raise RuntimeFailure(
                f"the compaction {name} raised {type(error).__name__}: {error}"
            ) from error
        return tuple(shorter)


def check_whole(past: Sequence[PastRun], asked: Sequence[Message], prepared: Prepared) -> None:
    """Refuse what cannot follow a session's history. Raises ``ConfigError``."""
    if not past:
        return
    if any(message.role in {Role.ASSISTANT, Role.TOOL} for message in asked):
        raise ConfigError(
            "the session has a history already, and the messages hold answers of their own",
            fix="Give only what is new, or leave session_id out",
        )
    whole = [message for run in past for message in run.messages]
    check_input([*whole, *asked], prepared)


def check_said(job: JobRecord, asked: Sequence[Message], finished: Finished) -> None:
    """Raise ``PluginError`` where what a run adds could not be shown to the next one."""
    try:
        check_conversation([*asked, *_said(finished)], unique=False)
    except ConfigError as error:
        raise PluginError(
            job.runtime, f"says of its run what is no conversation: {error}"
        ) from error


def _said(finished: Finished) -> tuple[Message, ...]:
    if finished.said or not finished.content:
        return finished.said
    return (Message(role=Role.ASSISTANT, content=(TextPart(text=finished.content),)),)
