"""The topics of signals, and signalling one."""

from __future__ import annotations

import logging

from steer.ports.records import Owner
from steer.ports.signals import SignalChannel

__all__ = ["NO_SCOPE", "answers_topic", "job_topic", "owner_topic", "queue_topic", "tell_topic"]

NO_SCOPE = ""
"""The scope of signals between processes; no tenant has it."""

_log = logging.getLogger("steer.engine")


async def tell_topic(signals: SignalChannel, scope_id: str, topic: str) -> None:
    """Signal a topic, where that can be done: what it tells of is durable already."""
    try:
        await signals.publish(scope_id, topic)
    except Exception:
        # Whoever waits for it polls; a lost signal only makes them later.
        _log.exception("could not signal %s", topic)


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
