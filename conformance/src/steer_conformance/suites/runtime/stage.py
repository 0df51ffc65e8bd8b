"""A stage: the scripted provider, the runtime that asks it, and the runs that are made there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from steer import ExecutionRequest, RuntimeKernel
from steer.agents import Agent
from steer.errors import SteerError
from steer.events import Event
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Finished, Prepared, Runtime, Suspended
from steer.values import RunResult

from steer_conformance.provider import Provider
from steer_conformance.suites.runtime.gate import BareGate
from steer_conformance.suites.runtime.run import BareRun

__all__ = ["PATIENCE", "Stage"]

PATIENCE = 15.0
"""Seconds after which a run that does not go on has failed its check; each run has them anew."""


@dataclass(kw_only=True)
class Stage:
    """A provider and a runtime, both open.

    ``name`` is what the runtime is called in kernels that ``kernels`` makes, ``model`` what its
    agents ask. ``bound`` is what ends whatever does not go on.
    """

    name: str
    model: str
    kernels: Callable[..., RuntimeKernel]
    provider: Provider
    runtime: Runtime
    bound: asyncio.Timeout
    runs: list[BareRun] = field(default_factory=list)

    def agent(self, name: str = "agent", **fields: Any) -> Agent:
        """An agent in steer's own words, for the model that the runtime knows."""
        return Agent(name=name, **({"model": self.model} | fields))

    def prepare(self, agent: object = None, **options: Any) -> Prepared:
        """Prepare an agent, one that only talks unless another is given."""
        return self.runtime.prepare(agent or self.agent(), PrepareOptions(**options))

    def begin(self, gate: BareGate | None = None, **fields: Any) -> BareRun:
        """A run to be made, over a gate that allows everything unless another is given."""
        run = BareRun(gate=gate or BareGate(), **fields)
        self.runs.append(run)
        self.be_patient()
        return run

    def be_patient(self, *, more: float = 0.0) -> None:
        """Wait as long as for a run that begins now, and ``more`` seconds."""
        if not self.bound.expired():
            self.bound.reschedule(asyncio.get_running_loop().time() + PATIENCE + more)

    async def run(
        self,
        agent: object = None,
        *,
        gate: BareGate | None = None,
        run: BareRun | None = None,
        options: dict[str, Any] | None = None,
        prepared: Prepared | None = None,
        **fields: Any,
    ) -> tuple[Finished, BareRun]:
        """Run an agent to its result over a bare gate."""
        run = run or self.begin(gate, **fields)
        outcome = await self.play(prepared or self.prepare(agent, **(options or {})), run)
        assert isinstance(outcome, Finished), f"it returned {outcome!r}, and nobody suspended it"
        return outcome, run

    async def play(self, prepared: Prepared, run: BareRun) -> Finished | Suspended:
        """Run what is prepared; whatever comes of it, nothing may be told afterwards."""
        try:
            outcome = await self.runtime.run(prepared, run)
        finally:
            run.gate.narration.ends()
        run.gate.returned(outcome)
        return outcome

    async def failure(self, agent: object = None, **how: Any) -> tuple[SteerError, BareRun]:
        """Run an agent that has to fail with an error of steer's; return the error."""
        run = how.pop("run", None) or self.begin(how.pop("gate", None))
        try:
            finished, _ = await self.run(agent, run=run, **how)
        except SteerError as error:
            return error, run
        except Exception as error:
            raise AssertionError(
                f"it raised {type(error).__name__}, which is no SteerError: {error}"
            ) from error
        raise AssertionError(f"it had to fail, and returned {finished!r}")

    def begun(self, prepared: Prepared, run: BareRun) -> asyncio.Task[Finished | Suspended]:
        """Start a run in a task of its own."""
        return asyncio.create_task(self.play(prepared, run), name="run under test")

    @asynccontextmanager
    async def kernel(self, **fields: Any) -> AsyncIterator[RuntimeKernel]:
        """A kernel that has the plugin and the way to the provider, closed at the end."""
        async with self.kernels(self.provider.url, **fields) as kernel:
            yield kernel

    def request(self, agent: object = None, **fields: Any) -> ExecutionRequest:
        """A request for the runtime under test."""
        usual: dict[str, Any] = {"prompt": "Hello?", "runtime": self.name}
        return ExecutionRequest(agent=agent or self.agent(), **(usual | fields))

    async def job(
        self, agent: object = None, *, kernel: dict[str, Any] | None = None, **fields: Any
    ) -> tuple[RunResult, Sequence[Event]]:
        """Run an agent to its end in a kernel; return the result and all events."""
        async with self.kernel(**(kernel or {})) as opened:
            handle = await opened.execute(self.request(agent, **fields))
            return await handle.result(), [event async for event in handle.events()]

    def check(self) -> None:
        """Fail where a run broke the rules of its gate."""
        for run in self.runs:
            run.gate.check()
