"""The part of the kernel that is about stored agents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from steer._engine.audits import audit_line
from steer._engine.engine import Engine
from steer._engine.workshop import Workshop
from steer.agents import StoredDefinition
from steer.agents.stored import check_stored_name
from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE
from steer.errors import Conflict, NotFound
from steer.naming import fold
from steer.ports.changes import AgentRemoved, AgentStored, Change, LedgerAppended
from steer.ports.records import Page, StoredAgent
from steer.values import JsonValue

__all__ = ["KernelAgents"]


class KernelAgents(ABC):
    """Keeps agents in the storage, by name and version."""

    _workshop: Workshop

    @abstractmethod
    def _opened(self) -> Engine: ...

    async def add_agent(
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
        """Store an agent, as the next version of the one of that name if there is one.

        ``agent`` is a specification, a reference or a definition, as ``ExecutionRequest`` and
        agent files have them. Of a file of data all is stored that is in it, of code a reference,
        with its digest. ``name`` is the agent's own unless given. ``runtime``, ``model`` and
        ``runtime_config`` go before what it says itself; secrets among the settings are not stored,
        and ``StoredDefinition.left_out`` says which. What is there already is not stored again.

        The agent is loaded and prepared first: raises ``AgentError``, ``ConfigError`` or
        ``PluginError`` where it could not be run, and ``Conflict`` where others keep changing it.
        """
        loaded, what = await self._workshop.finder.to_store(agent)
        name = loaded.name if name is None else name
        check_stored_name(name)
        definition = await self._workshop.tried(
            loaded,
            StoredDefinition(
                agent=what, runtime=runtime, model=model, runtime_config=dict(runtime_config or {})
            ),
        )

        async def make(_: StoredAgent | None) -> StoredDefinition:
            return definition

        return await self._store(scope_id, name, make, by=by)

    async def set_agent_runtime(
        self,
        name: str,
        runtime: str,
        *,
        model: str | None = None,
        runtime_config: Mapping[str, JsonValue] | None = None,
        scope_id: str = DEFAULT_SCOPE,
        by: str = DEFAULT_PRINCIPAL,
    ) -> StoredAgent:
        """Have another runtime run a stored agent, in a new version of it.

        ``model`` and ``runtime_config`` take the place of those that were stored beside the earlier
        runtime. The agent is prepared with all of it first: where it does not fit, the version
        that there is stays, and ``AgentError``, ``ConfigError`` or ``PluginError`` says why. Raises
        ``NotFound``, ``Diverged`` where the agent's code has changed since it was stored, and
        ``Conflict`` where others keep changing it. Jobs go on with the version they began with.
        """

        async def make(newest: StoredAgent | None) -> StoredDefinition:
            if newest is None:
                raise NotFound(
                    f"there is no agent {name} in scope {scope_id}", fix="See: steer agents list"
                )
            old = StoredDefinition.decode(newest.definition)
            agent = await self._workshop.finder.load_stored(newest)
            earlier = old.runtime or agent.runtime
            kept = earlier is None or fold(earlier) == fold(runtime)
            return await self._workshop.tried(
                agent,
                replace(
                    old,
                    runtime=runtime,
                    model=model,
                    runtime_config=dict(runtime_config or {}),
                    left_out=old.left_out if kept else (),
                ),
            )

        return await self._store(scope_id, name, make, by=by)

    async def remove_agent(
        self, name: str, *, scope_id: str = DEFAULT_SCOPE, by: str = DEFAULT_PRINCIPAL
    ) -> None:
        """Take an agent's name back. Raises ``NotFound``.

        Its versions stay for the jobs that began with them, and to be run by their number.
        """
        newest = await self.agent(name, scope_id=scope_id)
        told = self._told(f"{name}/{newest.version}/removed", by, {"removed": name})
        await self._opened().storage.commit(scope_id, None, None, [AgentRemoved(name=name), told])

    async def agent(
        self, name: str, *, version: int | None = None, scope_id: str = DEFAULT_SCOPE
    ) -> StoredAgent:
        """Return a stored agent, its newest version unless one is given. Raises ``NotFound``."""
        return await self._opened().storage.agents.get(scope_id, name, version=version)

    async def agents(
        self, *, scope_id: str = DEFAULT_SCOPE, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        """Return the newest version of each agent, by name; ``Page.cursor`` asks for more."""
        return await self._opened().storage.agents.list(scope_id, limit=limit, cursor=cursor)

    async def agent_versions(
        self,
        name: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[StoredAgent]:
        """Return the versions of an agent, newest first, of one that was removed too."""
        return await self._opened().storage.agents.versions(
            scope_id, name, limit=limit, cursor=cursor
        )

    async def _read_stored(self, scope_id: str, name: str, version: int | None) -> StoredAgent:
        return await self.agent(name, version=version, scope_id=scope_id)

    async def _store(
        self,
        scope_id: str,
        name: str,
        make: Callable[[StoredAgent | None], Awaitable[StoredDefinition]],
        *,
        by: str,
    ) -> StoredAgent:
        """Store what is made of the newest version, made anew where another came first."""
        try:
            return await self._store_once(scope_id, name, make, by=by)
        except Conflict:
            pass
        try:
            return await self._store_once(scope_id, name, make, by=by)
        except Conflict as error:
            raise Conflict(
                f"agent {name} was changed by somebody else at the same time, twice",
                fix="Look at what it is now, then try again",
            ) from error

    async def _store_once(
        self,
        scope_id: str,
        name: str,
        make: Callable[[StoredAgent | None], Awaitable[StoredDefinition]],
        *,
        by: str,
    ) -> StoredAgent:
        engine = self._opened()
        versions = await self.agent_versions(name, scope_id=scope_id, limit=1)
        try:
            newest = await self.agent(name, scope_id=scope_id)
        except NotFound:
            newest = None
        definition = await make(newest)
        text = definition.encode()
        if newest is not None and newest.definition == text:
            return newest
        agent = StoredAgent(
            name=name,
            version=versions.items[0].version + 1 if versions.items else 1,
            definition=text,
            created_at=engine.clock.now(),
        )
        told = self._told(
            f"{name}/{agent.version}",
            by,
            {
                "agent": name,
                "version": agent.version,
                "from": str(definition.agent),
                "runtime": definition.runtime,
                "model": definition.model,
            },
        )
        changes: list[Change] = [AgentStored(agent=agent), told]
        await engine.storage.commit(scope_id, None, None, changes)
        return agent

    def _told(self, key: str, by: str, details: Mapping[str, JsonValue]) -> Change:
        now = self._opened().clock.now()
        line = audit_line(f"agent/{key}", by=by, at=now, details=details)
        return LedgerAppended(entries=(line,))
