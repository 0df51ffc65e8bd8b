"""Copies of the author's agents that pass the gate; the author's own are never written to."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

from agents import Agent, Model, ModelProvider, ModelSettings, RunContextWrapper, Tool
from agents.agent_output import AgentOutputSchemaBase
from agents.models import get_default_model_settings
from agents.tool import FunctionTool
from steer.errors import PolicyDenied

from steer_openai_agents.handoffs import gated_handoff
from steer_openai_agents.models import GatedProvider
from steer_openai_agents.public import (
    PublicHooks,
    copy_marked,
    original_of,
    public_guardrail,
    with_original,
)
from steer_openai_agents.tools import effect_of, gated_tool

__all__ = ["Clones", "Entry", "Overrides"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """What a run's options change about every agent: its model, and how it is asked."""

    model: str | Model | None = None
    settings: ModelSettings = field(default_factory=ModelSettings)


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
    def settings(self) -> ModelSettings:
        """How the run's options have every model asked."""
        return self._overrides.settings

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
            overrides=self._overrides,
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
        made.__class__ = _gated_kind(type(agent), _Toolbox(self, agent))
        vars(made).update(
            # The SDK's own name for the agent that callbacks are given in place of this one.
            _agents_public_agent=agent,
            model=self._model(agent),
            model_settings=self._settings(agent, entry),
            instructions=entry.instructions or _public(agent.instructions),
            output_type=entry.output_type or agent.output_type,
            handoffs=[gated_handoff(each, source=agent, clones=self) for each in agent.handoffs],
            hooks=None if agent.hooks is None else PublicHooks(agent.hooks),
            input_guardrails=[public_guardrail(each) for each in agent.input_guardrails],
            output_guardrails=[public_guardrail(each) for each in agent.output_guardrails],
        )
        return made

    def _model(self, agent: Agent[Any]) -> Model:
        model = self._overrides.model or agent.model
        if isinstance(model, Model):
            return self.provider.around(model, agent=agent.name)
        return self.provider.model_for(model, agent=agent.name)

    def _settings(self, agent: Agent[Any], entry: Entry) -> ModelSettings:
        settings, model = agent.model_settings, self._overrides.model
        if model is not None and settings == _implied(agent.model):
            # The author left them to the model, so they go with it.
            settings = _implied(model)
        settings = settings.resolve(self._overrides.settings)
        if entry.tool_choice is not None:
            settings = replace(settings, tool_choice=entry.tool_choice)
        return settings


def _implied(model: str | Model | None) -> ModelSettings:
    """Return the settings that the SDK gives an agent whose author set none."""
    if isinstance(model, Model):
        return ModelSettings()
    return get_default_model_settings() if model is None else get_default_model_settings(model)


def _public(instructions: Any) -> Any:
    return with_original(instructions) if callable(instructions) else instructions


def _gated_kind(kind: type[Agent[Any]], toolbox: _Toolbox) -> type[Agent[Any]]:
    """Return a class for one agent, whose tools are gated as they are resolved.

    So are those of MCP servers, and those that a hook adds while the run runs. It is a class, and
    no attribute of the copy, because ``dataclasses.replace`` and the SDK's own copies keep to it.
    """

    async def get_all_tools(self: Agent[Any], run_context: RunContextWrapper[Any]) -> list[Tool]:
        return toolbox.gated(await kind.get_all_tools(self, run_context))

    return type(kind.__name__, (kind,), {"get_all_tools": get_all_tools})


class _Toolbox:
    """The gated tools of one agent. The author's tools are wrapped once; others as they come."""

    def __init__(self, clones: Clones, agent: Agent[Any]) -> None:
        self._ungated = clones.ungated
        self._agent = agent
        self._wrapped: dict[int, tuple[Tool, Tool]] = {}

    def gated(self, tools: Sequence[Tool]) -> list[Tool]:
        own = {id(tool) for tool in self._agent.tools}
        return [self._own(tool) if id(tool) in own else self._gated(tool) for tool in tools]

    def _own(self, tool: Tool) -> Tool:
        found = self._wrapped.get(id(tool))
        if found is None:
            found = self._wrapped[id(tool)] = (tool, self._gated(tool))
        return found[1]

    def _gated(self, tool: Tool) -> Tool:
        if isinstance(tool, FunctionTool):
            return gated_tool(tool, agent=self._agent.name, effect=effect_of(tool))
        if tool.name not in self._ungated:
            raise PolicyDenied(
                f"the tool {tool.name!r} of agent {self._agent.name!r} would act past the gate, "
                "and it was not there when the agent was prepared"
            )
        return tool
