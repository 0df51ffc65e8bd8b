"""All events of a job that are in the journal."""

from __future__ import annotations

from steer.events import Event
from steer.ports.records import JobRecord
from steer.ports.storage import MAX_PAGE, Storage

__all__ = ["history_of"]


async def history_of(storage: Storage, job: JobRecord) -> list[Event]:
    """Return the job's events, in order. Raises ``NotFound``."""
    events: list[Event] = []
    while True:
        after = events[-1].seq or 0 if events else 0
        page = await storage.journal.events(job.scope_id, job.job_id, after=after)
        events.extend(page)
        if len(page) < MAX_PAGE:
            return events
