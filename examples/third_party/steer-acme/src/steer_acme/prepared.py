"""An agent made ready to be run: looked at once, without I/O, and never written to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steer.agents import Agent, OutputSpec, Tool, output_spec
from steer.capabilities import Capabilities
from steer.errors import AgentError, ConfigError
from steer.ports.options import PrepareOptions
from steer.ports.runtime import ToolInfo
from steer.values import digest_of

from steer_acme.agent import AcmeAgent
from steer_acme.config import AcmeConfig, overlaid
from steer_acme.plugin import CAPABILITIES

__all__ = ["AcmePrepared", "prepare"]

_DEFAULT_MODEL = "acme-large"
# What can be set of a request, in steer's words and in Acme's.
_SETTINGS = {"temperature": "temperature", "max_output_tokens": "max_tokens"}
_OPTIONS_ACME_LACKS = (
    "top_p",
    "seed",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AcmePrepared:
    """Implements ``steer.ports.runtime.Prepared``. ``body`` is what every request of it says."""

    agent: str
    model: str
    tools: Mapping[str, Tool[..., Any]]
    output: OutputSpec | None
    body: Mapping[str, Any]
    config: AcmeConfig
    fingerprint: str
    provider: str = "acme"
    capabilities: Capabilities = CAPABILITIES
    ungated: tuple[ToolInfo, ...] = ()
    # Neither steer's agents nor Acme's can be changed once they are made.
    current: bool = True


def prepare(agent: object, options: PrepareOptions, config: AcmeConfig) -> AcmePrepared:
    """Check an agent and its options, and fix what its requests say: see ``Runtime.prepare``."""
    definition, persona = _understood(agent)
    _refuse_what_acme_lacks(definition, options)
    config = _configured(definition, options, config)
    output = definition.output
    if options.output_schema is not None:
        output = _schema_from_outside(options)
    model = options.model or definition.model or _DEFAULT_MODEL
    body: dict[str, Any] = {"model": model}
    body |= _instructions(definition, persona, options)
    for name, word in _SETTINGS.items():
        given = getattr(options, name)
        value = getattr(definition.settings, name) if given is None else given
        if value is not None:  # 0 is a temperature
            body[word] = value
    if options.deterministic:
        body["temperature"] = 0  # there is no more that Acme lets one ask for
    if definition.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "schema": tool.input_schema}
            for tool in definition.tools
        ]
    if output is not None:
        body["answer_schema"] = output.schema
    return AcmePrepared(
        agent=definition.name,
        model=model,
        tools={tool.name: tool for tool in definition.tools},
        output=output,
        body=body,
        config=config,
        fingerprint=digest_of([definition.name, str(config.base_url), body]),
    )


def _understood(agent: object) -> tuple[Agent, str | None]:
    """Return the agent as one of steer's, and the persona that speaks for it at Acme."""
    native = agent.native if isinstance(agent, Agent) and agent.native is not None else agent
    if isinstance(native, Agent):
        return native, None
    if not isinstance(native, AcmeAgent):
        raise AgentError(
            f"acme cannot run a {type(native).__module__}.{type(native).__qualname__}",
            fix="Give it a steer.agents.Agent or a steer_acme.agent.AcmeAgent",
        )
    outer = agent if isinstance(agent, Agent) else None
    return Agent(
        name=native.name,
        model=native.model,
        tools=native.tools,
        runtime_config=outer.runtime_config if outer else {},
        output_type=outer.output_type if outer else None,
    ), native.persona


def _refuse_what_acme_lacks(agent: Agent, options: PrepareOptions) -> None:
    for kind, given in (("handoffs", agent.handoffs), ("MCP servers", agent.mcp_servers)):
        if given:
            raise AgentError(f"agent {agent.name!r} has {kind}, which acme does not know")
    for name in agent.settings.given():
        if name not in _SETTINGS:
            raise AgentError(
                f"agent {agent.name!r} sets {name}, which acme does not know",
                fix=f"Leave it out; acme takes {', '.join(_SETTINGS)}",
            )
    for name in _OPTIONS_ACME_LACKS:
        if getattr(options, name) is not None:
            raise ConfigError(
                f"acme does not know the option {name}",
                fix=f"Leave it out; acme takes {', '.join(_SETTINGS)}",
            )
    if options.output_strict:
        raise ConfigError(
            "output_strict cannot take effect: acme checks an answer, and enforces no schema",
            fix="Leave it out; an answer that does not fit is an error",
        )


def _configured(agent: Agent, options: PrepareOptions, config: AcmeConfig) -> AcmeConfig:
    """Return the settings that hold: the request's before the agent's before the runtime's."""
    own = {"base_url": options.base_url, "api_key": options.api_key}
    given = {name: value for name, value in own.items() if value is not None}
    return overlaid(config, {**agent.runtime_config, **options.config, **given})


def _schema_from_outside(options: PrepareOptions) -> OutputSpec | None:
    try:
        return output_spec(options.output_schema)
    except AgentError as error:
        raise ConfigError(f"output_schema: {error.message}", fix=error.fix) from error


def _instructions(agent: Agent, persona: str | None, options: PrepareOptions) -> Mapping[str, str]:
    prompt = agent.instructions_with(options.variables)
    if persona is None:
        said = prompt if options.instructions is None else options.instructions
        return {} if said is None else {"prompt": said}
    if options.instructions is not None:
        raise ConfigError(
            f"the instructions of {agent.name!r} are kept at Acme, with the persona {persona!r}",
            fix="Leave the option out, or change the persona there",
        )
    return {"persona": persona}
