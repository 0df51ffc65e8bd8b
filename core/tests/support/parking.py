"""Jobs that are parked for people: an agent that is found again, and who goes on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
from kernels import PATIENCE
from steer import ApprovalSpec, ExecutionHandle, ExecutionRequest, PrepareOptions
from steer.capabilities import Capabilities
from steer.events import JobStatusChanged
from steer.ports.records import JobRecord
from steer.values import JobStatus
from stepwise import CAPABILITIES, PreparedStepwise, Stepwise, StepwiseRuntime

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
