"""Agents that go on with sessions: what each run was shown, and what the session holds then."""

from __future__ import annotations

from typing import Any

from kernels import request
from steer import ExecutionRequest, PrepareOptions, RuntimeKernel
from steer.plugins import PluginRegistry
from steer.ports.runtime import Finished, PastRun, Prepared, Run, Suspended
from steer.values import Message
from stepwise import PreparedStepwise, Stepwise, StepwiseRuntime, Turn, registry


def lines(messages: Any) -> list[str]:
    """Messages as who says what."""
    return [f"{message.role}: {message.text}" for message in messages]


class Shown(StepwiseRuntime):
    """Runs the agent that it is given, or its own in place of a file's; notes what runs saw."""

    def __init__(self, agent: Stepwise | None = None) -> None:
        self._agent = agent or Stepwise(turns=(Turn(text="Hello."),))
        self.runs: list[list[str]] = []
        self.pasts: list[tuple[PastRun, ...]] = []

    def prepare(self, agent: object, _options: PrepareOptions, /) -> PreparedStepwise:
        source = agent if isinstance(agent, Stepwise) else self._agent
        return PreparedStepwise(source=source, fingerprint=source.name)

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        self.runs.append(lines(run.input))
        self.pasts.append(run.past)
        return await super().run(prepared, run)

    @property
    def plugins(self) -> PluginRegistry:
        """The plugins of a process that has this runtime."""
        return registry(self)


def saying(text: str, **fields: Any) -> Stepwise:
    """An agent that says this."""
    return Stepwise(turns=(Turn(text=text),), **fields)


def talk(prompt: str | None = "Hi", agent: Any = None, **fields: Any) -> ExecutionRequest:
    """A request in the session ``talk``."""
    given: dict[str, Any] = {"session_id": "talk", "prompt": prompt, "runtime": "stepwise"}
    return request(agent, **(given | fields))


async def kept(kernel: RuntimeKernel, session_id: str = "talk") -> list[str]:
    """What the session's next run would be shown."""
    session = await kernel.session(session_id)
    return lines(said(session.past))


def said(past: Any) -> list[Message]:
    """All messages of runs."""
    return [message for run in past for message in run.messages]
