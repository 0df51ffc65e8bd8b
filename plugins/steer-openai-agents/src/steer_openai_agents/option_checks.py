"""Options of a run that an agent or a workflow of the SDK cannot heed: each is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents import Agent, Model
from steer.errors import ConfigError
from steer.ports.options import PrepareOptions

from steer_openai_agents.survey import has_tools, tool_names
from steer_openai_agents.workflow import Workflow

__all__ = ["check_models", "check_options", "check_workflow"]

_OF_ONE_AGENT = ("instructions", "output_schema", "tool_choice", "variables")
_UNSET = PrepareOptions()


def check_models(agents: Sequence[Agent[Any]], options: PrepareOptions) -> None:
    """Refuse to say with a request how models given by name are reached where there are none.

    What a configuration says for all agents may well not concern this one. A function with no
    agents in sight makes its own, whose models may well be given by name.
    """
    if options.model is not None or not agents:
        return
    if not all(isinstance(each.model, Model) for each in agents):
        return
    for name in ("base_url", "api_key"):
        if getattr(options, name) is not None:
            raise ConfigError(
                f"{name} cannot take effect: the author of agent {agents[0].name!r} gave it a "
                "model object, which knows its own server",
                fix=f"Drop {name}, or name a model to be used in place of the object",
            )


def check_options(agent: Agent[Any], agents: Sequence[Agent[Any]], options: PrepareOptions) -> None:
    """Refuse what ``agent``, which is asked, and the ``agents`` it can reach have no use for."""
    if options.output_schema is not None and agent.handoffs:
        raise ConfigError(
            f"output_schema cannot take effect: agent {agent.name!r} hands off to others, "
            "and whichever comes last answers",
            fix="Set the output type of each of them in the agent's own code",
        )
    if options.parallel_tool_calls is not None and not any(map(has_tools, agents)):
        raise ConfigError(
            f"parallel_tool_calls cannot take effect: agent {agent.name!r} has no tools",
            fix="Drop parallel_tool_calls",
        )
    if options.tool_choice is not None:
        _check_tool_choice(agent, options.tool_choice)


def _check_tool_choice(agent: Agent[Any], choice: str) -> None:
    names = tool_names(agent)
    if names is None or choice in {"auto", "none"} or (choice == "required" and names):
        return
    if choice not in names:
        raise ConfigError(
            f"tool_choice {choice!r} cannot take effect: agent {agent.name!r} has "
            + (f"the tools {', '.join(names)}" if names else "no tools"),
            fix="Choose auto, none, required or the name of a tool" if names else "Drop it",
        )


def check_workflow(workflow: Workflow, options: PrepareOptions) -> None:
    """Refuse what is said of the agent that is asked: a function asks whom it likes."""
    for name in _OF_ONE_AGENT:
        if getattr(options, name) != getattr(_UNSET, name):
            raise ConfigError(
                f"{name} cannot take effect: {workflow.name} is a function, which tells each of"
                " its agents what to do",
                fix=f"Drop {name}, or name one of the agents in place of the function",
            )
