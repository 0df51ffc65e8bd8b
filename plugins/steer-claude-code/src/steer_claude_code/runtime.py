"""The runtime: prepares agents, and runs them with the vendor's own CLI."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

from steer.errors import PluginError, RuntimeFailure
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Finished, Prepared, Run, Suspended

from steer_claude_code.agent.prepared import ClaudeCodePrepared, prepare
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.models.upstream import Upstream
from steer_claude_code.process.clients import Clients
from steer_claude_code.run.driving import Driven

__all__ = ["ClaudeCodeRuntime", "open_runtime"]

_CLOSE_SECONDS = 30.0
"""How long another event loop may take to close what belongs to it."""


def open_runtime(config: ClaudeCodeConfig | None = None) -> ClaudeCodeRuntime:
    """Open the runtime ``claude-code``; ``aclose`` it when done."""
    return ClaudeCodeRuntime(config or ClaudeCodeConfig())


@dataclass(frozen=True, slots=True)
class _Resources:
    """What the runs of one event loop share."""

    clients: Clients
    upstream: Upstream

    async def aclose(self) -> None:
        await self.clients.aclose()
        await self.upstream.aclose()


class ClaudeCodeRuntime:
    """Implements ``steer.ports.runtime.Runtime`` over the Claude Agent SDK and its CLI."""

    def __init__(self, config: ClaudeCodeConfig) -> None:
        self._config = config
        self._resources: dict[asyncio.AbstractEventLoop, _Resources] = {}

    def prepare(self, agent: object, options: PrepareOptions, /) -> ClaudeCodePrepared:
        """Check once what an agent is for the CLI: see ``Runtime.prepare``."""
        return prepare(agent, options, config=self._config)

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        """Run a prepared agent: see ``Runtime.run``."""
        if not isinstance(prepared, ClaudeCodePrepared):
            raise PluginError("claude-code", "was given an agent that another runtime prepared")
        here = self._here()
        driven = Driven(prepared, run, upstream=here.upstream)
        clients = here.clients.client(
            prepared, scope_id=run.context.scope_id, history=driven.beginning.history
        )
        async with clients as client:
            return await driven.on(client)

    async def aclose(self) -> None:
        """End the processes that wait for runs, and close connections, in every event loop.

        Raises ``RuntimeFailure`` where another event loop does not do that within 30 seconds.
        """
        resources, self._resources = self._resources, {}
        async with AsyncExitStack() as closing:
            for loop, each in resources.items():
                closing.push_async_callback(_close, each, loop)

    def _here(self) -> _Resources:
        loop = asyncio.get_running_loop()
        here = self._resources.get(loop)
        if here is None:
            for closed in [each for each in self._resources if each.is_closed()]:
                del self._resources[closed]
            clients = Clients(limit=self._config.max_processes)
            here = self._resources[loop] = _Resources(clients, Upstream())
        return here


async def _close(resources: _Resources, loop: asyncio.AbstractEventLoop) -> None:
    """Close what belongs to an event loop, there. In one that has ended nothing is left."""
    if loop is asyncio.get_running_loop():
        await resources.aclose()
    elif loop.is_running():
        elsewhere = asyncio.run_coroutine_threadsafe(resources.aclose(), loop)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await asyncio.wrap_future(elsewhere)
        except TimeoutError as error:
            raise RuntimeFailure(
                "another event loop has not ended the processes of claude-code in time",
                fix="Close the kernel while the event loops that it was used in are running",
            ) from error
