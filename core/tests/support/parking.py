"""Jobs that are parked for people: an agent that is found again, and who goes on with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from asking import asking
from kernels import PATIENCE, FixedPolicy, noting, open_kernel
from steer import (
    ApprovalSpec,
    ExecutionHandle,
    ExecutionRequest,
    PrepareOptions,
    RuntimeKernel,
)
from steer.capabilities import Capabilities
from steer.events import JobStatusChanged
from steer.ports.policy import Question, ToolQuestion, Verdict
from steer.ports.records import JobRecord
from steer.values import JobStatus
from stepwise import (
    CAPABILITIES,
    Call,
    PreparedStepwise,
    Stepwise,
    StepwiseRuntime,
    ToolSpec,
    Turn,
    registry,
)

AT_ONCE = ApprovalSpec(inline_seconds=0)


class FoundAgain(StepwiseRuntime):
    """Runs one agent, whatever it is given, so that a reference is enough to find it again."""

    def __init__(self, agent: Stepwise, capabilities: Capabilities = CAPABILITIES) -> None:
        self._agent = agent
        self._capabilities = capabilities

    def prepare(self, _agent: object, _options: PrepareOptions, /) -> PreparedStepwise:
        return PreparedStepwise(
            source=self._agent, fingerprint="found again", capabilities=self._capabilities
        )


def parked_request(folder: Path, **fields: Any) -> ExecutionRequest:
    """A request by reference, parked as soon as it waits for a person."""
    file = folder / "agent.toml"
    if not file.exists():
        file.write_text('name = "stepwise"\ninstructions = "x"\n')
    usual: dict[str, Any] = {"prompt": "Pay", "runtime": "stepwise", "approvals": AT_ONCE}
    return ExecutionRequest(agent=str(file), **(usual | fields))


async def until(handle: ExecutionHandle, status: JobStatus, *, after: int = 0) -> JobRecord:
    """Wait until the journal tells that the job has come to ``status``; return the job."""
    with anyio.fail_after(PATIENCE):
        async for event in handle.events(live=False):
            data = event.data
            if (
                isinstance(data, JobStatusChanged)
                and data.new is status
                and (event.seq or 0) > after
            ):
                break
    return await handle.job()


@asynccontextmanager
async def parking_kernel(
    agent: Stepwise | StepwiseRuntime, **fields: Any
) -> AsyncIterator[RuntimeKernel]:
    runtime = agent if isinstance(agent, StepwiseRuntime) else FoundAgain(agent)
    usual: dict[str, Any] = {"policies": [asking()], "registry": registry(runtime)}
    async with open_kernel(**(usual | fields)) as kernel:
        yield kernel


def side_by_side(paid: list[Any], other: ToolSpec) -> Stepwise:
    calls = (
        Call(tool="pay", arguments={"amount": 1}, call_id="c1"),
        Call(tool="other", call_id="c2"),
    )
    return Stepwise(
        turns=(Turn(calls=calls), Turn(text="Done.")),
        tools={"pay": ToolSpec(run=noting(paid)), "other": other},
    )


def asking_about(*tools: str) -> FixedPolicy:
    def answer(question: Question) -> Verdict:
        asks = isinstance(question, ToolQuestion) and question.tool in tools
        return Verdict.ask("money moves") if asks else Verdict.allow()

    return FixedPolicy(answer)
