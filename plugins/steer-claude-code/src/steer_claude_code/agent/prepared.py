"""An agent made ready to be run by the CLI: everything checked, nothing opened."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from claude_agent_sdk.types import ClaudeAgentOptions, EffortLevel, McpServerConfig
from pydantic_core import to_jsonable_python
from steer.agents import Agent, OutputSpec, Tool, output_spec
from steer.capabilities import Capabilities, ModelGate, Suspension, UsageSource
from steer.errors import AgentError, ConfigError
from steer.ports.options import PrepareOptions
from steer.ports.policy import ToolKind
from steer.ports.runtime import ToolInfo
from steer.values import Effect, JsonValue, digest_of

from steer_claude_code.agent.asking import PROVIDER, Asking
from steer_claude_code.agent.authored import Authored, authored
from steer_claude_code.agent.model_names import EFFORTS, takes_effort
from steer_claude_code.agent.native_options import authored_options, parts_of
from steer_claude_code.agent.native_tools import OUTPUT_TOOL, SKILL_TOOL, effect_of
from steer_claude_code.agent.option_checks import check_options, check_settled
from steer_claude_code.config import ClaudeCodeConfig, overlaid
from steer_claude_code.names import Names
from steer_claude_code.plugin import CAPABILITIES

__all__ = ["ClaudeCodePrepared", "prepare"]

_PROVIDERS = {"bedrock": "aws", "vertex": "google"}
"""Who bills a cloud's models, as lists of prices call them."""

_ON_STOP = frozenset({"Stop"})
"""Hooks of the author's that may have the CLI go on where it would have ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaudeCodePrepared:
    """Implements ``steer.ports.runtime.Prepared``.

    ``tools`` are the agent's own function tools, by name. ``config`` is all that was set for this
    runtime, the author's and the request's own included. ``instructions`` are a text, or what the
    SDK takes in its place; ``None`` where the agent has none. ``output`` is what the last answer
    has to be, and ``output_tool`` the CLI's tool that hands it in, where the API is not asked to.
    ``servers`` are the MCP servers beside steer's own, and ``options`` is what else the author
    said in the SDK's form. ``look`` returns what the author's object is made of, and ``parts`` is
    what it returned then.
    """

    agent: str
    model: str | None
    provider: str
    fingerprint: str
    capabilities: Capabilities
    ungated: tuple[ToolInfo, ...]
    tools: Mapping[str, Tool[..., Any]]
    asking: Asking
    config: ClaudeCodeConfig
    instructions: Any
    output: OutputSpec | None
    output_tool: str | None
    effort: EffortLevel | None
    servers: Mapping[str, McpServerConfig]
    options: ClaudeAgentOptions
    look: Callable[[], tuple[object, ...]]
    parts: tuple[object, ...]

    @property
    def current(self) -> bool:
        """Whether the author has changed nothing of the agent since."""
        parts = self.look()
        return len(parts) == len(self.parts) and all(map(operator.is_, parts, self.parts))

    @property
    def asks_endpoint(self) -> bool:
        """Whether the CLI asks models through steer's endpoint."""
        return self.config.login == "api_key"

    @property
    def cwd(self) -> Path:
        """The folder that the agent works in."""
        return Path.cwd() if self.config.cwd is None else self.config.cwd.expanduser().absolute()

    @property
    def alike(self) -> bool:
        """Whether the fingerprint says all of it, so that one process is as good as another."""
        live = self.options.hooks or self.options.stderr
        return not live and not any(each.get("type") == "sdk" for each in self.servers.values())

    def effect_of(self, name: str) -> Effect:
        """Return what running a tool a second time would do; ``name`` is the CLI's."""
        tooling = self.asking.names.behind(name)
        if tooling.kind is ToolKind.FUNCTION:
            return self.tools[tooling.tool].effect
        return effect_of(name)

    def declares(self, name: str) -> bool:
        """Whether the author gave the agent, or a subagent of it, this tool of the CLI."""
        tooling = self.asking.names.behind(name)
        match tooling.kind:
            case ToolKind.FUNCTION:
                return True
            case ToolKind.MCP:
                return tooling.server in self.servers
            case ToolKind.AGENT:
                return bool(self.config.subagents or self.options.agents)
            case _:
                return name in self.config.tools or name == self.output_tool

    def validated(self, content: str) -> JsonValue:
        """Return the answer in JSON form; ``RuntimeFailure`` where it is not what was asked for."""
        value = content if self.output is None else self.output.validate(content)
        return to_jsonable_python(value, fallback=str)


def prepare(
    agent: object, options: PrepareOptions, *, config: ClaudeCodeConfig
) -> ClaudeCodePrepared:
    """Compile and check an agent: see ``Runtime.prepare``."""
    says, look = _author(agent, options)
    check_options(options, agent=says.name)
    config = _settled(says, options, config)
    model = options.model if options.model is not None else says.model
    effort = options.reasoning_effort if options.reasoning_effort is not None else says.effort
    bound = options.max_output_tokens
    if bound is None:
        bound = says.max_output_tokens
    output = _output(says, options)
    check_settled(
        says, options, config, model=model, effort=effort, output=output, max_output_tokens=bound
    )
    by_tool = output is not None and (config.output == "tool" or config.login != "api_key")
    names = Names(tuple(tool.name for tool in says.tools))
    return ClaudeCodePrepared(
        agent=says.name,
        model=model,
        provider=_PROVIDERS.get(config.login, PROVIDER),
        fingerprint=_fingerprint(says, options, config),
        capabilities=_capabilities(config, model),
        ungated=tuple(dict.fromkeys(_ungated(says, config))),
        tools={tool.name: tool for tool in says.tools},
        asking=Asking(
            agent=says.name,
            names=names,
            max_output_tokens=bound,
            output_schema=None if output is None or by_tool else output.schema,
            goes_on=by_tool or bool((says.options.hooks or {}).keys() & _ON_STOP),
            delegated=frozenset(map(names.for_cli, config.delegated)),
        ),
        config=config,
        instructions=says.instructions if options.instructions is None else options.instructions,
        output=output,
        output_tool=OUTPUT_TOOL if by_tool else None,
        effort=next((each for each in EFFORTS if each == effort), None),
        servers=says.servers,
        options=says.options,
        look=look,
        parts=says.parts,
    )


def _author(
    agent: object, options: PrepareOptions
) -> tuple[Authored, Callable[[], tuple[object, ...]]]:
    """Return what the author says, and how to see whether that has changed."""
    name, native, settings = None, agent, {}
    if isinstance(agent, Agent):
        if agent.native is None:
            return authored(agent, options.variables), tuple
        name, native, settings = agent.name, agent.native, dict(agent.runtime_config)
    if not isinstance(native, ClaudeAgentOptions):
        raise AgentError(
            f"Claude Code cannot run a {type(native).__module__}.{type(native).__qualname__}",
            fix="Give it a steer.agents.Agent, or claude_agent_sdk.ClaudeAgentOptions",
        )
    says = authored_options(native, name=name, settings=settings)
    if options.variables:
        raise ConfigError(
            f"agent {says.name!r} is an object of the SDK, which has no variables",
            fix="Drop the variables, or define the agent with steer.agents.Agent",
        )
    return says, lambda: parts_of(native)


def _settled(says: Authored, options: PrepareOptions, config: ClaudeCodeConfig) -> ClaudeCodeConfig:
    """Return the settings: for all agents, of this one, of this request, each over the former."""
    given = (("base_url", options.base_url), ("api_key", options.api_key))
    over = {**options.config, **{name: value for name, value in given if value is not None}}
    settled = overlaid(overlaid(config, says.settings), over)
    if settled.max_processes != config.max_processes:
        raise ConfigError(
            f"max_processes cannot be set for agent {says.name!r}: it bounds the processes of all",
            fix="Set it in [runtimes.claude-code], or in the kernel's runtime_config",
        )
    return settled


def _output(says: Authored, options: PrepareOptions) -> OutputSpec | None:
    if options.output_schema is None:
        return says.output
    try:
        return output_spec(options.output_schema, strict=options.output_strict)
    except AgentError as error:
        raise ConfigError(f"output_schema: {error.message}", fix=error.fix) from error


def _capabilities(config: ClaudeCodeConfig, model: str | None) -> Capabilities:
    """Return what an agent can do; where the CLI asks models by itself that is less."""
    can = replace(
        CAPABILITIES,
        reasoning_effort=takes_effort(model),
        process_guard=sys.platform == "linux",
        max_concurrency=config.max_processes,
    )
    if config.login == "api_key":
        return can
    return replace(
        can,
        suspend=Suspension.NONE,
        suspend_in_subagents=False,
        model_gate=ModelGate.NONE,
        usage=UsageSource.VENDOR,
        replay=False,
        session_items=False,
        max_output_tokens=False,
        retries=False,
        model_substitution=False,
    )


def _ungated(says: Authored, config: ClaudeCodeConfig) -> Iterator[ToolInfo]:
    """Return what can act, or read, without a call that the gate sees."""
    yield from says.ungated
    subagents = (name for each in config.subagents.values() for name in each.tools or ())
    if SKILL_TOOL in {*config.tools, *subagents}:
        yield ToolInfo(name=SKILL_TOOL, kind=ToolKind.UNGATED)
    if config.permission_mode == "bypassPermissions":
        yield ToolInfo(name="bypassPermissions", kind=ToolKind.UNGATED)
    for source in config.setting_sources:
        yield ToolInfo(name=f"settings of the {source}", kind=ToolKind.UNGATED)


# Where a request goes, who pays, and how many processes there are does not change what is said.
_QUIET = frozenset(
    {
        "api_key",
        "base_url",
        "config",
        "environment",
        "max_processes",
        "spares",
        "start_seconds",
        "timeout",
    }
)


def _fingerprint(says: Authored, options: PrepareOptions, config: ClaudeCodeConfig) -> str:
    chosen: dict[str, JsonValue] = {**to_jsonable_python(options), **config.model_dump(mode="json")}
    loud = {name: value for name, value in chosen.items() if name not in _QUIET}
    return digest_of([says.description, loud, sorted(config.environment)])
