"""Copies of the author's agents that pass the gate; the author's own are never written to."""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

from agents import Agent, Model, ModelProvider, ModelSettings, RunContextWrapper, Tool
from agents.agent_output import AgentOutputSchemaBase
from agents.models import get_default_model_settings

from steer_openai_agents.asking import Asking
from steer_openai_agents.frame import frame_or_none
from steer_openai_agents.handoffs import gated_handoff
from steer_openai_agents.models import GatedModel, GatedProvider
from steer_openai_agents.public import (
    PublicHooks,
    copy_marked,
    original_of,
    public_behavior,
    public_guardrail,
    with_original,
)
from steer_openai_agents.servers import is_lost, not_listed
from steer_openai_agents.toolbox import Toolbox

__all__ = ["Clones", "Entry", "Overrides", "authored_settings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """What a run's options change about every agent: its model, and how it is asked."""

    asking: Asking
    model: str | Model | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What a run's options change about the agent that is asked, and about no other."""

    instructions: str | None = None
    output_type: AgentOutputSchemaBase | None = None
    tool_choice: str | None = None


class Clones:
    """Makes the copies of one ``Prepared``, each once. Safe in any thread.

    ``ungated`` names the tools that act past the gate and were declared when the agent was
    prepared; the kernel has checked these.
    """

    def __init__(
        self, *, provider: GatedProvider, overrides: Overrides, ungated: frozenset[str]
    ) -> None:
        self.provider = provider
        self.ungated = ungated
        self._overrides = overrides
        self._lock = threading.RLock()
        # Weak, because an author may make agents while the run runs; a copy keeps its original.
        self._made: WeakValueDictionary[int, Agent[Any]] = WeakValueDictionary()
        self._by_model: dict[str, Clones] = {}

    @property
    def asking(self) -> Asking:
        """How the run's options have every model asked."""
        return self._overrides.asking

    def entry(self, agent: Agent[Any], entry: Entry) -> Agent[Any]:
        """Return the copy of the agent that is asked, before any other copy of it is made."""
        with self._lock:
            made = self._made[id(agent)] = self._make(agent, entry)
            return made

    def clone(self, agent: Agent[Any]) -> Agent[Any]:
        """Return the copy of an agent."""
        original: Agent[Any] = original_of(agent)
        with self._lock:
            made = self._made.get(id(original))
            if made is None:
                made = self._made[id(original)] = self._make(original, Entry())
            return made

    def for_model(self, model: str | Model) -> Clones:
        """Return the maker of copies that all use ``model``, as ``RunConfig.model`` asks for.

        What a run's options say comes before what the author's code does.
        """
        if self._overrides.model is not None:
            return self
        if not isinstance(model, str):
            return self._with_model(model)
        with self._lock:
            if model not in self._by_model:
                self._by_model[model] = self._with_model(model)
            return self._by_model[model]

    def for_provider(self, provider: ModelProvider) -> Clones:
        """Return the maker of copies whose models come from another provider of the author's."""
        return Clones(
            provider=self.provider.instead(provider),
            overrides=replace(self._overrides, asking=self.asking.elsewhere()),
            ungated=self.ungated,
        )

    def _with_model(self, model: str | Model) -> Clones:
        return Clones(
            provider=self.provider,
            overrides=replace(self._overrides, model=model),
            ungated=self.ungated,
        )

    def _make(self, agent: Agent[Any], entry: Entry) -> Agent[Any]:
        made = copy_marked(agent)
        made.__class__ = _gated_kind(type(agent), Toolbox(agent, ungated=self.ungated))
        vars(made).update(
            # The SDK's own name for the agent that callbacks are given in place of this one.
            _agents_public_agent=agent,
            model=self._model(agent),
            model_settings=self._settings(agent, entry),
            instructions=_public(agent.instructions)
            if entry.instructions is None
            else entry.instructions,
            output_type=entry.output_type or agent.output_type,
            handoffs=[gated_handoff(each, source=agent, clones=self) for each in agent.handoffs],
            hooks=None if agent.hooks is None else PublicHooks(agent.hooks),
            input_guardrails=[public_guardrail(each) for each in agent.input_guardrails],
            output_guardrails=[public_guardrail(each) for each in agent.output_guardrails],
            tool_use_behavior=public_behavior(agent.tool_use_behavior),
        )
        return made

    def _model(self, agent: Agent[Any]) -> Model:
        model = self._overrides.model or agent.model
        if isinstance(model, Model):
            return self.provider.around(model, agent=agent.name)
        return self.provider.model_for(model, agent=agent.name)

    def _settings(self, agent: Agent[Any], entry: Entry) -> ModelSettings:
        settings = authored_settings(agent, self._overrides.model)
        model = self._overrides.model or agent.model
        if not isinstance(model, GatedModel):  # else it is a copy, which has the options already
            settings = self.asking.settings(model, settings, agent=agent.name)
        if entry.tool_choice is not None:
            settings = replace(settings, tool_choice=entry.tool_choice)
        return settings


def authored_settings(agent: Agent[Any], model: str | Model | None) -> ModelSettings:
    """Return an agent's settings, for ``model`` where that is asked instead of its own."""
    if model is not None and agent.model_settings == _implied(agent.model):
        # The author left them to the model, so they go with it.
        return _implied(model)
    return agent.model_settings


def _implied(model: str | Model | None) -> ModelSettings:
    """Return the settings that the SDK gives an agent whose author set none."""
    if isinstance(model, Model):
        return ModelSettings()
    return get_default_model_settings() if model is None else get_default_model_settings(model)


def _public(instructions: Any) -> Any:
    return with_original(instructions) if callable(instructions) else instructions


def _gated_kind(kind: type[Agent[Any]], toolbox: Toolbox) -> type[Agent[Any]]:
    """Return a class for one agent, whose tools are gated as they are resolved.

    So are those of MCP servers, which are connected where their author left that open, and those
    that a hook adds while the run runs. It is a class, and no attribute of the copy, because
    ``dataclasses.replace`` and the SDK's own copies keep to it.
    """

    async def get_all_tools(self: Agent[Any], run_context: RunContextWrapper[Any]) -> list[Tool]:
        frame = frame_or_none()
        if frame is not None:
            await frame.may_go_on()
            frame.turn_of = self
        return toolbox.gated(await kind.get_all_tools(self, run_context))

    async def get_mcp_tools(self: Agent[Any], run_context: RunContextWrapper[Any]) -> list[Tool]:
        frame = frame_or_none()
        if frame is None or not self.mcp_servers:
            return await kind.get_mcp_tools(self, run_context)
        asked = copy.copy(self)
        asked.mcp_servers = [
            await frame.active.servers.connected(server, agent=self.name)
            for server in self.mcp_servers
        ]
        try:
            return await kind.get_mcp_tools(asked, run_context)
        except Exception as error:
            if not is_lost(error):
                # A server of the author's own, or a filter of tools, is the author's code.
                raise
            raise not_listed(self.name, error) from error

    methods = {"get_all_tools": get_all_tools, "get_mcp_tools": get_mcp_tools}
    return type(kind.__name__, (kind,), methods)
