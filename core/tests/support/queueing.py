"""Workers in the process of a test, and agents that another kernel can build again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from kernels import noting
from steer import PrepareOptions, RuntimeKernel
from steer.plugins import PluginRegistry
from steer.working import WorkNote
from stepwise import Call, PreparedStepwise, Stepwise, StepwiseRuntime, ToolSpec, Turn, registry

HELLO = Stepwise(turns=(Turn(text="Hello."),))


def agent_file(folder: Path) -> str:
    """The name of an agent in a file; what runs it is up to the plugins."""
    file = folder / "agent.toml"
    file.write_text('name = "agent"\ninstructions = "x"\n')
    return str(file)


class EitherRuntime(StepwiseRuntime):
    """Runs the agents that are given as objects, and its own one for those that are in files."""

    def __init__(self, agent: Stepwise) -> None:
        self._agent = agent

    def prepare(self, agent: object, _options: PrepareOptions, /) -> PreparedStepwise:
        source = agent if isinstance(agent, Stepwise) else self._agent
        return PreparedStepwise(source=source, fingerprint=source.name)


def plugins(agent: Stepwise = HELLO) -> PluginRegistry:
    """The plugins of a process whose runtime runs this agent in place of any file's."""
    return registry(EitherRuntime(agent))


def notes_into(notes: list[Any]) -> Stepwise:
    """An agent whose one tool makes a note."""
    tool = ToolSpec(run=noting(notes))
    return Stepwise(turns=(Turn(calls=(Call(tool="note"),)), Turn(text="x")), tools={"note": tool})


@asynccontextmanager
async def working(kernel: RuntimeKernel, **how: Any) -> AsyncIterator[list[WorkNote]]:
    """A worker in this process, stopped at the end."""
    notes: list[WorkNote] = []
    stop = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: kernel.work(stop=stop, tell=notes.append, **how))
        yield notes
        stop.set()
