"""Files of jobs: kept in the store for them, and told of in the journal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from steer._engine.running import RunningJob
from steer._engine.telling import Telling
from steer._engine.told_files import created
from steer.errors import Conflict, InvalidAnswer
from steer.events import Event
from steer.ports.artifact import ArtifactStore, Content
from steer.ports.changes import EventsAppended
from steer.ports.records import ArtifactRecord, JobRecord
from steer.ports.storage import Storage

__all__ = ["Artifacts"]

_TRIES = 5


class Artifacts:
    """Keeps files, and says ``artifact.created`` where this process may write the job's journal.

    It may where it runs the job, and where nobody does. Of a file for a job that another process
    holds, that one tells once it sees that a question for a file was answered. A job that has ended
    gets the file and no event.
    """

    def __init__(
        self,
        *,
        store: ArtifactStore,
        storage: Storage,
        telling: Telling,
        running: Callable[[str, str], RunningJob | None],
        on_committed: Callable[[JobRecord, Sequence[Event]], Awaitable[None]],
    ) -> None:
        self.store = store
        self._storage = storage
        self._telling = telling
        self._running = running
        self._on_committed = on_committed

    async def put(
        self,
        scope_id: str,
        job_id: str,
        content: Content,
        *,
        name: str,
        media_type: str,
        created_by: str = "",
        action_id: str | None = None,
    ) -> ArtifactRecord:
        """Keep a file of a job: see ``RuntimeKernel.put_artifact``."""
        # Asked here too, since not every store of files knows of jobs.
        await self._storage.jobs.get(scope_id, job_id)
        if action_id is not None:
            action = await self._storage.actions.get(scope_id, action_id)
            if action.job_id != job_id:
                raise InvalidAnswer(
                    f"action {action_id} is of job {action.job_id}, not of job {job_id}",
                    fix="Upload the file for the job that asked",
                )
        artifact = await self.store.put(
            scope_id,
            job_id,
            content,
            name=name,
            media_type=media_type,
            created_by=created_by,
            action_id=action_id,
        )
        await self._tell(scope_id, artifact)
        return artifact

    async def _tell(self, scope_id: str, artifact: ArtifactRecord) -> None:
        running = self._running(scope_id, artifact.job_id)
        if running is not None:
            running.state.tell(created(artifact))
            return
        for _ in range(_TRIES):
            job = await self._storage.jobs.get(scope_id, artifact.job_id)
            if job.owner is not None or job.status.terminal:
                return
            events = self._telling.events(job, (created(artifact), ()))
            try:
                await self._storage.commit(
                    scope_id, job.job_id, None, [EventsAppended(events=events)]
                )
            except Conflict:
                # Somebody else wrote or took the job meanwhile: look at it once more.
                continue
            await self._on_committed(job, events)
            return
