"""The topics of signals."""

from __future__ import annotations

from steer.ports.records import Owner

__all__ = ["NO_SCOPE", "answers_topic", "job_topic", "owner_topic", "queue_topic"]

NO_SCOPE = ""
"""The scope of signals between processes; no tenant has it."""


def job_topic(job_id: str) -> str:
    """The topic that is signalled when a job has new events."""
    return f"job:{job_id}"


def owner_topic(owner: Owner) -> str:
    """The topic that wakes a process to look for cancellations of its jobs."""
    return f"owner:{owner.token}"


def answers_topic(job_id: str) -> str:
    """The topic that is signalled when a question of a job has ended."""
    return f"answers:{job_id}"


def queue_topic(queue: str) -> str:
    """The topic that wakes the workers of a queue to look for due jobs."""
    return f"queue:{queue}"
