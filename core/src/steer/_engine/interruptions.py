"""What went with the process of a job, so that no other process can go on with it."""

from __future__ import annotations

from steer.errors import Interrupted

__all__ = ["agent_is_gone", "context_is_gone"]


def agent_is_gone(job_id: str) -> Interrupted:
    """Return how a job ends whose agent was a live object."""
    return Interrupted(
        f"the process that ran job {job_id} is gone, and its agent was an object of it",
        fix="Name agents by file or module to have their jobs survive",
    )


def context_is_gone(job_id: str) -> Interrupted:
    """Return how a job ends that was given an object of its author's, without which it is wrong."""
    return Interrupted(
        f"the process that ran job {job_id} is gone, and its user_context was an object of it",
        fix="Run it without a user_context, or with an idempotency_key, and ask for the same again",
    )
