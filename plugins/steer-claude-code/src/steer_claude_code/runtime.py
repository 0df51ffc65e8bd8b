"""The runtime: prepares agents, and runs them with the vendor's own CLI."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from steer.errors import PluginError
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Finished, Prepared, Run, Suspended

from steer_claude_code.clients import Clients
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.driving import Driven
from steer_claude_code.prepared import ClaudeCodePrepared, prepare
from steer_claude_code.upstream import Upstream

__all__ = ["ClaudeCodeRuntime", "open_runtime"]


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
        """End the processes that wait for runs, and close connections."""
        resources, self._resources = self._resources, {}
        for loop, each in resources.items():
            if loop is asyncio.get_running_loop():
                await each.aclose()
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(each.aclose(), loop)
                await asyncio.wrap_future(closing)

    def _here(self) -> _Resources:
        loop = asyncio.get_running_loop()
        here = self._resources.get(loop)
        if here is None:
            clients = Clients(limit=self._config.max_processes)
            here = self._resources[loop] = _Resources(clients, Upstream())
        return here
