"""What a worker tells of its jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from steer.ports.records import JobRecord
from steer.values import RunResult

__all__ = ["WorkNote", "WorkStep"]

WorkStep: TypeAlias = Literal[
    "started", "ended", "parked", "retried", "given_back", "lost", "left", "waits"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkNote:
    """A step of one job in a worker.

    ``started``: the worker took it. ``ended``: ``result`` is what it came to. ``parked``: it waits
    for a person. ``retried``: it failed and is queued again. ``given_back``: it is queued, because
    the worker stops. ``lost``: another process has it, or the store could not be written.
    ``left``: it was not taken, because the worker does not have the policies that it began under;
    told once. ``waits``: it was not taken, because another job has its session; it is once that
    has ended.
    ``due_at`` is when it goes on by itself, ``reason`` says why it does not go on now. ``job`` is
    the job as it was claimed.
    """

    step: WorkStep
    job: JobRecord
    result: RunResult | None = None
    due_at: datetime | None = None
    reason: str = ""
