"""Stored agents for programs without an event loop."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from anyio.from_thread import BlockingPortal

from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE
from steer.kernel import RuntimeKernel
from steer.ports.records import Page, StoredAgent
from steer.values import JsonValue

__all__ = ["BlockingAgents"]


class BlockingAgents:
    """The methods of ``KernelAgents``, which block."""

    _kernel: RuntimeKernel
    _portal: BlockingPortal

    def add_agent(
        self,
        agent: object,
        *,
        name: str | None = None,
        runtime: str | None = None,
        model: str | None = None,
        runtime_config: Mapping[str, JsonValue] | None = None,
        scope_id: str = DEFAULT_SCOPE,
        by: str = DEFAULT_PRINCIPAL,
    ) -> StoredAgent:
        """Store an agent: see ``RuntimeKernel.add_agent``."""
        return self._portal.call(
            partial(
                self._kernel.add_agent,
                agent,
                name=name,
                runtime=runtime,
                model=model,
                runtime_config=runtime_config,
                scope_id=scope_id,
                by=by,
            )
        )

    def set_agent_runtime(
        self,
        name: str,
        runtime: str,
        *,
        model: str | None = None,
        runtime_config: Mapping[str, JsonValue] | None = None,
        scope_id: str = DEFAULT_SCOPE,
        by: str = DEFAULT_PRINCIPAL,
    ) -> StoredAgent:
        """Have another runtime run an agent: see ``RuntimeKernel.set_agent_runtime``."""
        return self._portal.call(
            partial(
                self._kernel.set_agent_runtime,
                name,
                runtime,
                model=model,
                runtime_config=runtime_config,
                scope_id=scope_id,
                by=by,
            )
        )

    def remove_agent(
        self, name: str, *, scope_id: str = DEFAULT_SCOPE, by: str = DEFAULT_PRINCIPAL
    ) -> None:
        """Take an agent's name back: see ``RuntimeKernel.remove_agent``."""
        self._portal.call(partial(self._kernel.remove_agent, name, scope_id=scope_id, by=by))

    def agent(
        self, name: str, *, version: int | None = None, scope_id: str = DEFAULT_SCOPE
    ) -> StoredAgent:
        """Return a stored agent: see ``RuntimeKernel.agent``."""
        return self._portal.call(
            partial(self._kernel.agent, name, version=version, scope_id=scope_id)
        )

    def agents(
        self, *, scope_id: str = DEFAULT_SCOPE, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        """Return stored agents, by name: see ``RuntimeKernel.agents``."""
        return self._portal.call(
            partial(self._kernel.agents, scope_id=scope_id, limit=limit, cursor=cursor)
        )

    def agent_versions(
        self,
        name: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[StoredAgent]:
        """Return the versions of an agent: see ``RuntimeKernel.agent_versions``."""
        return self._portal.call(
            partial(
                self._kernel.agent_versions, name, scope_id=scope_id, limit=limit, cursor=cursor
            )
        )
