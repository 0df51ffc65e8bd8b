"""Runs of the real CLI through a real kernel on sqlite, as several processes have them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
from steer import ExecutionHandle, RuntimeKernel
from steer.events import Event, JobStatusChanged, ToolEnded, ToolStarted
from steer.fold import Fold
from steer.ports.policy import Outcome, Question, ToolQuestion, Verdict
from steer.values import JobStatus, RunResult
from steer_claude_code.testing import connect

__all__ = [
    "PATIENCE",
    "AllowAll",
    "Asks",
    "check_history",
    "events_of",
    "open_kernel",
    "parked",
    "sqlite",
    "told",
]

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds after which a test that waits has failed."""


class AllowAll:
    """Allows everything."""

    name = "allow-all"
    version = "1"

    def evaluate(self, _question: Question, /) -> Verdict | None:
        return Verdict.allow()


class Asks:
    """Has a person asked about some tools, and allows all else."""

    name = "asks"
    version = "1"

    def __init__(self, *tools: str) -> None:
        self._tools = tools

    def evaluate(self, question: Question, /) -> Verdict | None:
        if isinstance(question, ToolQuestion) and question.tool in self._tools:
            return Verdict(outcome=Outcome.ASK, reason="a person has to say")
        return Verdict.allow()


def sqlite(folder: Path) -> str:
    """The storage of all that runs in a folder."""
    return f"sqlite:///{folder}/runs.db"


@asynccontextmanager
async def open_kernel(base_url: str, **fields: Any) -> AsyncIterator[RuntimeKernel]:
    """A kernel whose models are served at an address; closed at the end."""
    usual: dict[str, Any] = {
        "policies": [AllowAll()],
        "runtime_config": {"claude-code": connect(base_url)},
    }
    with anyio.fail_after(PATIENCE):
        async with RuntimeKernel(**(usual | fields)) as kernel:
            yield kernel


async def events_of(handle: ExecutionHandle) -> list[Event]:
    """All durable events of a job that has ended."""
    return [event async for event in handle.events() if event.seq is not None]


def told(events: Sequence[Event], kind: type[T]) -> list[T]:
    """What events of one kind say."""
    return [event.data for event in events if isinstance(event.data, kind)]


async def parked(handle: ExecutionHandle, *, after: int = 0) -> int:
    """Wait until the journal says, past ``after``, that the job waits; return where it says so."""
    async for event in handle.events(live=False):
        data, seq = event.data, event.seq or 0
        waits = isinstance(data, JobStatusChanged) and data.new is JobStatus.WAITING_ACTION
        if waits and seq > after:
            return seq
    raise AssertionError("the job has ended and never waited")


def check_history(result: RunResult, events: Sequence[Event]) -> None:
    """What must hold of every job, however it ended and however often its process died."""
    types = [event.type for event in events]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert types.count("job.started") == 1
    assert [event.terminal for event in events].index(True) == len(events) - 1
    fold = Fold(job_id=result.job_id, scope_id=result.scope_id, run_id=result.run_id)
    for event in events:
        fold.add(event)
    assert fold.result() == result
    for kind in (ToolStarted, ToolEnded):
        ids = [(event.path, event.data.call_id) for event in events if isinstance(event.data, kind)]
        assert len(ids) == len(set(ids)), f"{kind} was told twice"
