"""What is set for an agent and cannot take effect, or cannot be: each is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from steer.agents import OutputSpec
from steer.errors import AgentError, ConfigError
from steer.ports.options import PrepareOptions

from steer_claude_code.agent.authored import Authored
from steer_claude_code.agent.model_names import (
    EFFORTS,
    has_budget,
    is_claude,
    may_not_think,
    takes_effort,
)
from steer_claude_code.agent.native_tools import check_native
from steer_claude_code.config import ClaudeCodeConfig

__all__ = ["check_options", "check_settled"]

_UNSET = PrepareOptions()
_WITHOUT_EFFECT = (
    "temperature",
    "top_p",
    "seed",
    "tool_choice",
    "parallel_tool_calls",
    "deterministic",
)


def check_options(options: PrepareOptions, *, agent: str) -> None:
    """Refuse options that neither the CLI nor the models' API has a place for.

    Raises ``ConfigError``.
    """
    for name in _WITHOUT_EFFECT:
        if getattr(options, name) != getattr(_UNSET, name):
            raise ConfigError(
                f"{name} cannot take effect on agent {agent!r}: Claude Code has no setting for it",
                fix=f"Drop {name}, or run the agent on another runtime",
            )


def check_settled(
    says: Authored,
    options: PrepareOptions,
    config: ClaudeCodeConfig,
    *,
    model: str | None,
    effort: str | None,
    output: OutputSpec | None,
    max_output_tokens: int | None,
) -> None:
    """Refuse what contradicts itself, once author, options and configuration are put together.

    Raises ``ConfigError``, and ``AgentError`` for what only the author can change.
    """
    _check_tools(says, config)
    for each in (model, *(subagent.model for subagent in config.subagents.values())):
        _check_model(each, config, agent=says.name)
    _check_thinking(says, config, model=model, effort=effort)
    if output is not None:
        _check_output(says, options, config, output)
    if config.login != "api_key":
        _check_login(options, config, max_output_tokens=max_output_tokens)


def _check_tools(says: Authored, config: ClaudeCodeConfig) -> None:
    check_native(config.tools, agent=says.name)
    own = {tool.name for tool in says.tools}
    there = {*config.tools, *own}
    for name, subagent in config.subagents.items():
        for tool in subagent.tools or ():
            if tool in there or _of_server(tool, says):
                continue
            check_native([tool], agent=f"{says.name}/{name}")
            raise ConfigError(
                f"the subagent {name!r} has the tool {tool}, and agent {says.name!r} has not",
                fix=f"Add {tool} to the agent's tools; name it in delegated where only the"
                " subagent is to have it",
            )
    for tool in config.delegated:
        takers = (each for each in config.subagents.values() if tool in (each.tools or ()))
        if tool not in there or next(takers, None) is None:
            raise ConfigError(
                f"agent {says.name!r} delegates {tool}, which is a tool of none of its subagents",
                fix="Name tools of the agent's own that a subagent names as well",
            )
    _check_once(config.tools, agent=says.name)


def _check_once(names: Iterable[str], *, agent: str) -> None:
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        raise ConfigError(
            f"agent {agent!r} has the tool {double[0]} twice", fix="Name it once in tools"
        )


def _of_server(tool: str, says: Authored) -> bool:
    """Whether this is a tool of an MCP server of the agent's, or all of the server's."""
    return any(tool == f"mcp__{name}" or tool.startswith(f"mcp__{name}__") for name in says.servers)


def _check_model(model: str | None, config: ClaudeCodeConfig, *, agent: str) -> None:
    # A server of one's own may well call its models as it likes.
    if model is None or is_claude(model) or config.base_url is not None:
        return
    raise ConfigError(
        f"agent {agent!r} asks the model {model!r}, which is none of Anthropic's: Claude Code"
        " asks no other",
        fix="Name a model such as claude-opus-5 or sonnet, or set base_url to a server that has it",
    )


def _check_thinking(
    says: Authored, config: ClaudeCodeConfig, *, model: str | None, effort: str | None
) -> None:
    if effort is not None and effort not in EFFORTS:
        raise ConfigError(
            f"agent {says.name!r} sets the reasoning effort {effort!r}, which Claude Code does not"
            " know",
            fix=f"Use one of {', '.join(EFFORTS)}",
        )
    if effort is not None and not takes_effort(model):
        raise ConfigError(
            f"a reasoning effort cannot take effect on agent {says.name!r}: the model {model!r}"
            " has none",
            fix="Drop it, set thinking to a number of tokens, or name a newer model",
        )
    if isinstance(config.thinking, int) and not has_budget(model):
        raise ConfigError(
            f"thinking = {config.thinking} cannot take effect on agent {says.name!r}: the model"
            f" {model or 'that Claude Code chooses'!r} has no bound of tokens for it",
            fix="Set thinking to 'adaptive', and say how much by a reasoning effort",
        )
    if config.thinking == "off" and not may_not_think(model):
        raise ConfigError(
            f"thinking = 'off' cannot take effect on agent {says.name!r}: the model"
            f" {model or 'that Claude Code chooses'!r} always thinks",
            fix="Say how much by a reasoning effort, or name a model that need not think",
        )


def _check_output(
    says: Authored, options: PrepareOptions, config: ClaudeCodeConfig, output: OutputSpec
) -> None:
    if "output" not in config.model_fields_set and config.login != "api_key":
        enforced = False
    else:
        enforced = config.output == "native"
    if enforced and not output.strict:
        kind = AgentError if options.output_schema is None else ConfigError
        raise kind(
            f"the API cannot enforce the output schema of agent {says.name!r}, which is not to be"
            " enforced or has no closed form",
            fix="Set output = 'tool' in runtime_config, so that the CLI's own tool asks for it",
        )
    if options.output_strict and not enforced:
        raise ConfigError(
            f"output_strict cannot take effect on agent {says.name!r}: its output is asked for by"
            " a tool, which nothing enforces while the model writes",
            fix="Drop output_strict, or set output = 'native'",
        )


def _check_login(
    options: PrepareOptions, config: ClaudeCodeConfig, *, max_output_tokens: int | None
) -> None:
    for name, given in (
        ("base_url", options.base_url is not None or config.base_url is not None),
        ("api_key", options.api_key is not None or config.api_key is not None),
        ("max_output_tokens", max_output_tokens is not None),
        ("output = 'native'", "output" in config.model_fields_set and config.output == "native"),
        ("delegated", bool(config.delegated)),
    ):
        if given:
            raise ConfigError(
                f"{name} cannot take effect: with login = {config.login!r} the CLI asks models by"
                " itself",
                fix=f"Drop {name}, or set login = 'api_key'",
            )
