"""Which object of a module is the agent."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from steer.agents.definition import Agent, native_agent
from steer.agents.source import AgentSource
from steer.errors import AgentError

__all__ = ["NativeRuntime", "find_agent"]

# Says which runtime runs an object of a vendor's, None for an object that is no agent.
NativeRuntime: TypeAlias = Callable[[object], str | None]

# Where no name is asked for, a variable of this name is the agent.
_USUAL_NAME = "agent"


def find_agent(
    module: Any,
    source: AgentSource,
    native_runtime: NativeRuntime,
    native_functions: Collection[str] = (),
) -> tuple[str, Agent]:
    """Return the agent of a module and the variable that holds it.

    That is the variable ``source.name``. Where no name was asked for, it is the function of one
    of the names ``native_functions`` that runs a vendor's agents, else the variable ``agent``,
    else the only agent there is. Raises ``AgentError`` listing the names there are.
    """
    variables = vars(module)
    if source.name is not None:
        return source.name, _named(module, source, source.name, native_runtime)
    functions = _functions_in(variables, native_runtime)
    entries = {name: functions[name] for name in functions if name in native_functions}
    agents = _agents_in(variables, native_runtime)
    if len(entries) == 1:
        return next(iter(entries.items()))
    if not entries and _USUAL_NAME in agents:
        return _USUAL_NAME, agents[_USUAL_NAME]
    if not entries and len(agents) == 1:
        return next(iter(agents.items()))
    if found := entries or agents:
        raise AgentError(
            f"{source.shown} defines {len(found)} agents: {', '.join(sorted(found))}",
            fix=f"Say which one, for example {source.shown}:{min(found)}",
        )
    if functions:
        raise AgentError(
            f"{source.shown} defines no agent, but functions that run some: "
            f"{', '.join(sorted(functions))}",
            fix=f"Say which one, for example {source.shown}:{min(functions)}",
        )
    raise AgentError(f"{source.shown} defines no agent", fix=_how_to_define(variables))


def _functions_in(variables: Mapping[str, Any], native_runtime: NativeRuntime) -> dict[str, Agent]:
    """Return the async functions that run a vendor's agents themselves, by variable."""
    found: dict[str, Agent] = {}
    for name, value in variables.items():
        if inspect.iscoroutinefunction(value):
            agent = _as_agent(value, name, native_runtime)
            if agent is not None:
                found[name] = agent
    return found


def _agents_in(variables: Mapping[str, Any], native_runtime: NativeRuntime) -> dict[str, Agent]:
    """Return the agents by variable; one with two names counts once, under ``agent`` if it can.

    Functions that run agents are none of them: a file may have many, and means few to be called.
    """
    found: dict[str, Agent] = {}
    seen: set[int] = set()
    names = sorted(variables, key=lambda name: name != _USUAL_NAME)
    for name in names:
        value = variables[name]
        if inspect.isroutine(value):
            continue
        agent = None if id(value) in seen else _as_agent(value, name, native_runtime)
        if agent is not None:
            seen.add(id(value))
            found[name] = agent
    return found


def _as_agent(value: Any, name: str, native_runtime: NativeRuntime) -> Agent | None:
    if isinstance(value, Agent):
        return value
    runtime = native_runtime(value)
    return None if runtime is None else native_agent(value, runtime=runtime, default_name=name)


def _named(
    module: Any,
    source: AgentSource,
    name: str,
    native_runtime: NativeRuntime,
) -> Agent:
    variables = vars(module)
    agents = [*_agents_in(variables, native_runtime), *_functions_in(variables, native_runtime)]
    known = f"Agents there: {', '.join(sorted(agents))}" if agents else "There is no agent in it"
    try:
        # Not from the module's dict alone: a module may make attributes on demand.
        value = getattr(module, name)
    except AttributeError:
        raise AgentError(f"{source.shown} has no variable {name!r}", fix=known) from None
    agent = _as_agent(value, name, native_runtime)
    if agent is None:
        raise AgentError(
            f"{name!r} in {source.shown} is no agent but of type {type(value).__name__}", fix=known
        )
    return agent


def _how_to_define(variables: Mapping[str, Any]) -> str:
    for name, value in variables.items():
        kind = type(value)
        if kind.__name__.endswith("Agent"):
            return (
                f"{name} is an {kind.__name__} of {kind.__module__.partition('.')[0]}: "
                "install the steer plugin that runs these"
            )
    return "Assign one to a variable, for example: agent = Agent(name='helper')"
