"""The author's own objects, where the SDK would hand out the copies that run.

Authors compare: ``agent is billing``, ``tool is refund``. Their hooks and guardrails see the
objects they made.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar, cast

from agents import (
    Agent,
    AgentHooks,
    AgentUpdatedStreamEvent,
    FunctionToolResult,
    InputGuardrail,
    OutputGuardrail,
    RunHooks,
    RunItemStreamEvent,
    RunResult,
    RunResultStreaming,
    StreamEvent,
    Tool,
    ToolInputGuardrail,
    ToolInputGuardrailData,
    ToolOutputGuardrail,
)
from agents.tool_context import ToolContext

from steer_openai_agents.frame import denial_here

__all__ = [
    "PublicHooks",
    "PublicRunHooks",
    "PublicRunResult",
    "PublicRunResultStreaming",
    "copy_marked",
    "original_of",
    "public_behavior",
    "public_context",
    "public_guardrail",
    "public_tool_guardrail",
    "publish_items",
    "with_original",
]

T = TypeVar("T")

_ORIGINAL = "_steer_original"


def original_of(thing: Any) -> Any:
    """Return the author's object that ``thing`` is a copy of, or ``thing`` itself."""
    return getattr(thing, _ORIGINAL, thing)


def copy_marked(original: T) -> T:
    """Return a shallow copy that knows whose it is."""
    made = copy.copy(original)
    vars(made)[_ORIGINAL] = original
    return made


def public_context(context: T) -> T:
    """Return the context of a tool's call, which names the author's own agent from now on."""
    if isinstance(context, ToolContext):
        context.agent = original_of(context.agent)
    return context


class PublicHooks(AgentHooks[Any]):
    """An agent's hooks, given the author's own objects."""

    def __init__(self, hooks: Any) -> None:
        self._hooks = hooks

    async def on_start(self, context: Any, agent: Any) -> None:
        if denial_here() is None:
            await self._hooks.on_start(context, original_of(agent))

    async def on_end(self, context: Any, agent: Any, output: Any) -> None:
        await self._hooks.on_end(context, original_of(agent), output)

    async def on_handoff(self, context: Any, agent: Any, source: Any) -> None:
        if denial_here() is None:
            await self._hooks.on_handoff(
                context, agent=original_of(agent), source=original_of(source)
            )

    async def on_tool_start(self, context: Any, agent: Any, tool: Tool) -> None:
        await self._hooks.on_tool_start(
            public_context(context), original_of(agent), original_of(tool)
        )

    async def on_tool_end(self, context: Any, agent: Any, tool: Tool, result: object) -> None:
        await self._hooks.on_tool_end(
            public_context(context), original_of(agent), original_of(tool), result
        )

    async def on_llm_start(
        self, context: Any, agent: Any, system_prompt: str | None, input_items: list[Any]
    ) -> None:
        await self._hooks.on_llm_start(context, original_of(agent), system_prompt, input_items)

    async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
        await self._hooks.on_llm_end(context, original_of(agent), response)


class PublicRunHooks(RunHooks[Any]):
    """A run's hooks, given the author's own objects."""

    def __init__(self, hooks: Any) -> None:
        self._hooks = hooks

    async def on_agent_start(self, context: Any, agent: Any) -> None:
        if denial_here() is None:
            await self._hooks.on_agent_start(context, original_of(agent))

    async def on_agent_end(self, context: Any, agent: Any, output: Any) -> None:
        await self._hooks.on_agent_end(context, original_of(agent), output)

    async def on_handoff(self, context: Any, from_agent: Any, to_agent: Any) -> None:
        if denial_here() is None:
            await self._hooks.on_handoff(
                context=context, from_agent=original_of(from_agent), to_agent=original_of(to_agent)
            )

    async def on_tool_start(self, context: Any, agent: Any, tool: Tool) -> None:
        await self._hooks.on_tool_start(
            public_context(context), original_of(agent), original_of(tool)
        )

    async def on_tool_end(self, context: Any, agent: Any, tool: Tool, result: object) -> None:
        await self._hooks.on_tool_end(
            public_context(context), original_of(agent), original_of(tool), result
        )

    async def on_llm_start(
        self, context: Any, agent: Any, system_prompt: str | None, input_items: list[Any]
    ) -> None:
        await self._hooks.on_llm_start(context, original_of(agent), system_prompt, input_items)

    async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
        await self._hooks.on_llm_end(context, original_of(agent), response)


# Where items of a result name the agents that they came from, went to, or were made by.
_AGENTS_OF_ITEMS = ("agent", "source_agent", "target_agent")


def _publish(item: Any) -> None:
    """Let an item of a result name the author's own agents."""
    for name in _AGENTS_OF_ITEMS:
        if name in vars(item):
            vars(item)[name] = original_of(getattr(item, name))


def publish_items(result: RunResult | RunResultStreaming) -> None:
    """Let the items of a finished result name the author's own agents.

    Not where it waits for an approval: the SDK goes on with the agents that are in it.
    """
    if not result.interruptions:
        for item in result.new_items:
            _publish(item)


class PublicRunResult(RunResult):
    """A result whose last agent is the author's own, unless the run is to be resumed with it."""

    @property
    def last_agent(self) -> Agent[Any]:
        """The last agent that was run."""
        agent: Agent[Any] = super().last_agent
        return agent if self.interruptions else original_of(agent)


class PublicRunResultStreaming(RunResultStreaming):
    """A result that is being streamed, with the author's own agents in it."""

    @property
    def last_agent(self) -> Agent[Any]:
        """The last agent that was run."""
        agent: Agent[Any] = super().last_agent
        return agent if self.interruptions else original_of(agent)

    async def stream_events(self) -> AsyncIterator[StreamEvent]:
        """Yield the events as they come."""
        # What the SDK declares as an iterator is a generator, which cleans up when it is closed.
        async with aclosing(cast(Any, super().stream_events())) as events:
            async for event in events:
                match event:
                    case AgentUpdatedStreamEvent():
                        yield replace(event, new_agent=original_of(event.new_agent))
                    case RunItemStreamEvent():
                        # The SDK is not done with the item itself.
                        item = copy.copy(event.item)
                        _publish(item)
                        yield replace(event, item=item)
                    case _:
                        yield event
        publish_items(self)


def public_guardrail(guardrail: Any) -> Any:
    """Return a copy of an input or output guardrail that is given the author's own agent."""
    check: Callable[..., Any] = guardrail.guardrail_function

    @functools.wraps(check)
    async def checked(context: Any, agent: Any, value: Any) -> Any:
        answer = check(context, original_of(agent), value)
        return await answer if inspect.isawaitable(answer) else answer

    assert isinstance(guardrail, InputGuardrail | OutputGuardrail)  # noqa: S101 - for mypy
    return replace(guardrail, guardrail_function=checked, name=guardrail.get_name())


def public_tool_guardrail(guardrail: Any) -> Any:
    """Return a copy of a guardrail of a tool that is given the author's own agent."""
    check: Callable[..., Any] = guardrail.guardrail_function

    @functools.wraps(check)
    def checked(data: ToolInputGuardrailData) -> Any:
        public_context(data.context)
        return check(replace(data, agent=original_of(data.agent)))

    assert isinstance(guardrail, ToolInputGuardrail | ToolOutputGuardrail)  # noqa: S101 - for mypy
    return replace(guardrail, guardrail_function=checked, name=guardrail.get_name())


def public_behavior(behavior: Any) -> Any:
    """Return an agent's ``tool_use_behavior``; a function is given the author's own tools."""
    if not callable(behavior):
        return behavior

    @functools.wraps(behavior)
    def decided(context: Any, results: list[FunctionToolResult]) -> Any:
        own = [replace(result, tool=original_of(result.tool)) for result in results]
        return behavior(context, own)

    return decided


def with_original(check: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``check(context, agent)``, given the author's own agent."""

    @functools.wraps(check)
    def checked(context: Any, agent: Agent[Any]) -> Any:
        return check(context, original_of(agent))

    return checked
