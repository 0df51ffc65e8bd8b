"""What is told of a job's files by whoever runs the job."""

from __future__ import annotations

import logging

from steer._engine.state import JobState
from steer.events import ArtifactCreated
from steer.ports.records import ArtifactRecord
from steer.ports.storage import MAX_PAGE

__all__ = ["created", "tell_files"]

_log = logging.getLogger("steer.engine")


def created(artifact: ArtifactRecord) -> ArtifactCreated:
    """Return the event that tells of a new file."""
    return ArtifactCreated(
        artifact_id=artifact.artifact_id,
        name=artifact.name,
        media_type=artifact.media_type,
        digest=artifact.digest,
    )


async def tell_files(state: JobState) -> None:
    """Tell of the job's files that nobody has told of yet: those that another process brought."""
    context = state.context
    cursor = None
    try:
        while True:
            page = await state.artifacts.list(
                context.scope_id, job_id=context.job_id, limit=MAX_PAGE, cursor=cursor
            )
            for artifact in page.items:
                state.tell(created(artifact))
            cursor = page.cursor
            if cursor is None:
                return
    except Exception:
        # The files are kept, and a run does not fail for what is told of them.
        _log.exception("could not look for the files of job %s", context.job_id)
