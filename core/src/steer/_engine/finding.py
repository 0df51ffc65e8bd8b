"""Finding the agent of a request or of a job: a specification, a reference, or an object."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import anyio.to_thread

from steer.agents import (
    Agent,
    AgentRef,
    ImportRef,
    InlineRef,
    Loaded,
    StoredDefinition,
    StoredRef,
    load_agent,
    load_definition,
    resolve,
)
from steer.agents.stored import definition_in, stored_spec
from steer.errors import AgentError, Diverged, NotFound
from steer.plugins import PluginRegistry
from steer.ports.records import StoredAgent
from steer.values import JsonValue

__all__ = ["Finder", "FoundAgent", "ReadStored"]

ReadStored: TypeAlias = Callable[[str, str, int | None], Awaitable[StoredAgent]]
"""Reads a stored agent by scope, name and version; its newest version for ``None``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundAgent:
    """An agent at hand, and how another process finds it again (``None``: not at all).

    ``model`` is what a stored agent is to ask in place of its own.
    """

    agent: Agent | object
    ref: AgentRef | None
    identity: str
    model: str | None = None


class Finder:
    """Loads agents, those too that a storage keeps."""

    def __init__(self, registry: PluginRegistry, read_stored: ReadStored) -> None:
        self._registry = registry
        self._read_stored = read_stored

    async def find(self, agent: object, scope_id: str) -> FoundAgent:
        """Return the agent that a request names. Raises ``AgentError`` and ``NotFound``."""
        if isinstance(agent, str):
            stored = stored_spec(agent)
            if stored is not None:
                return await self._stored(scope_id, stored.name, stored.version)
            return _found(await self._load(agent))
        if isinstance(agent, AgentRef):
            return await self.resolve(agent, scope_id)
        return FoundAgent(agent=agent, ref=None, identity="")

    async def resolve(self, ref: AgentRef, scope_id: str) -> FoundAgent:
        """Return the agent that a reference leads to.

        Raises ``Diverged`` where its file has changed, ``AgentError`` and ``NotFound``.
        """
        if isinstance(ref, StoredRef):
            return await self._stored(scope_id, ref.name, ref.version)
        return _found(await self._resolve(ref))

    async def to_store(self, agent: object) -> tuple[Agent, ImportRef | InlineRef]:
        """Return an agent that is to be stored, and what to keep of it.

        Raises ``AgentError`` where it is an object, or stored already.
        """
        if isinstance(agent, StoredRef) or (isinstance(agent, str) and stored_spec(agent)):
            raise AgentError(
                f"{agent} is stored already", fix="Name the file, module or definition to store"
            )
        match agent:
            case str():
                loaded = await self._load(agent)
            case ImportRef() | InlineRef():
                loaded = await self._resolve(agent)
            case Mapping():
                loaded = await self._build(agent)
            case _:
                name = getattr(agent, "name", type(agent).__name__)
                raise AgentError(
                    f"{name} is an object of this process, which cannot be stored",
                    fix="Name the agent by its file or module, or give its definition",
                )
        return loaded.agent, definition_in(loaded)

    async def load_stored(self, stored: StoredAgent) -> Agent:
        """Return the agent of a stored version, without what is to go before it.

        Raises ``Diverged`` where its code has changed since it was stored, and ``AgentError``.
        """
        definition = StoredDefinition.decode(stored.definition)
        try:
            return (await self._resolve(definition.agent)).agent
        except Diverged as error:
            raise Diverged(
                f"{definition.agent} has changed since {stored.name}@{stored.version} was stored",
                fix="Store it anew with steer agents add, or restore the file as it was",
            ) from error

    async def _stored(self, scope_id: str, name: str, version: int | None) -> FoundAgent:
        try:
            stored = await self._read_stored(scope_id, name, version)
        except NotFound as error:
            raise NotFound(error.message, fix="See: steer agents list") from error
        definition = StoredDefinition.decode(stored.definition)
        ref = StoredRef(name=stored.name, version=stored.version)
        return FoundAgent(
            agent=definition.over(await self.load_stored(stored)),
            ref=ref,
            identity=str(ref),
            model=definition.model,
        )

    async def _load(self, spec: str) -> Loaded:
        # Loading runs the author's code and imports vendors: seconds of blocking work.
        return await anyio.to_thread.run_sync(
            lambda: load_agent(
                spec,
                native_runtime=self._registry.runtime_for,
                native_functions=self._registry.native_functions(),
            )
        )

    async def _build(self, definition: Mapping[str, JsonValue]) -> Loaded:
        return await anyio.to_thread.run_sync(
            lambda: load_definition(definition, native_runtime=self._registry.runtime_for)
        )

    async def _resolve(self, ref: ImportRef | InlineRef) -> Loaded:
        return await anyio.to_thread.run_sync(
            lambda: resolve(ref, native_runtime=self._registry.runtime_for)
        )


def _found(loaded: Loaded) -> FoundAgent:
    return FoundAgent(agent=loaded.agent, ref=loaded.ref, identity=str(loaded.ref))
