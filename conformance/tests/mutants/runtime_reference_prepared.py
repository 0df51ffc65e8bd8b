"""How the reference runtime prepares agents: checks, and what every request says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict
from steer.agents import Agent, OutputSpec, Tool, output_spec
from steer.capabilities import Capabilities, HistoryForm, ModelGate, Suspension, UsageSource
from steer.errors import AgentError, ConfigError
from steer.plugin import Nesting
from steer.ports.options import PrepareOptions
from steer.ports.runtime import ToolInfo
from steer.values import digest_of

CAPABILITIES = Capabilities(
    suspend=Suspension.MANY,
    suspend_in_subagents=True,
    model_gate=ModelGate.NATIVE,
    usage=UsageSource.PROVIDER,
    history=HistoryForm.NATIVE,
    replay=True,
    session_items=True,
    tools=True,
    parallel_tools=True,
    schema=True,
    reasoning=True,
    images=True,
    files=True,
    handoffs=True,
    temperature=True,
    top_p=True,
    max_output_tokens=True,
    tool_choice=True,
    seed=True,
    parallel_tool_calls=True,
    reasoning_effort=True,
    retries=True,
    model_substitution=True,
)

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_output_tokens": "max_completion_tokens",
    "seed": "seed",
    "tool_choice": "tool_choice",
    "parallel_tool_calls": "parallel_tool_calls",
    "reasoning_effort": "reasoning_effort",
}


@dataclass(frozen=True, kw_only=True)
class Team:
    """An agent whose one tool, ``ask_HELPER``, is another agent."""

    lead: Agent
    helper: Agent

    @classmethod
    def around(cls, model: str, tool: Tool[..., Any]) -> Nesting:
        """Make a team whose helper has this tool."""
        helper = Agent(name="helper", model=model, tools=[tool])
        team = cls(lead=Agent(name="lead", model=model), helper=helper)
        return Nesting(agent=team, arguments=lambda text: {"input": text})


class ReferenceConfig(BaseModel):
    """Where the models are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str


@dataclass(frozen=True, kw_only=True)
class ReferencePrepared:
    """Implements ``steer.ports.runtime.Prepared``.

    ``body`` is what every request says, ``colleagues`` are the agents that it may pass the
    conversation to, by the name of the tool for that, ``helpers`` those that are tools.
    """

    definition: Agent
    base_url: str
    key: str
    model: str
    instructions: str | None
    body: Mapping[str, Any]
    output: OutputSpec | None
    fingerprint: str
    colleagues: Mapping[str, Callable[[], ReferencePrepared]]
    helpers: Mapping[str, ReferencePrepared] = field(default_factory=dict)
    capabilities: Capabilities = CAPABILITIES
    provider: str = "reference"
    ungated: tuple[ToolInfo, ...] = ()
    current: bool = True

    @property
    def agent(self) -> str:
        return self.definition.name

    @property
    def max_output_tokens(self) -> int | None:
        limit: int | None = self.body.get("max_completion_tokens")
        return limit


class Preparing:
    """The side of the reference runtime that asks nobody."""

    config: ReferenceConfig

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        if isinstance(agent, Team):
            return self.team(agent, options)
        if not isinstance(agent, Agent) or agent.native is not None:
            raise AgentError(f"the reference runs steer's own agents, not {agent!r}")
        if agent.mcp_servers:
            raise AgentError(f"agent {agent.name!r} has MCP servers, which nobody starts here")
        strange = {**agent.runtime_config, **options.config}.keys() - {"base_url"}
        if strange:
            raise ConfigError(f"reference: there is no setting {min(strange)!r}")
        output = agent.output if options.output_schema is None else self.output(options)
        own = agent.instructions_with(options.variables)
        instructions = own if options.instructions is None else options.instructions
        body = self.body(agent, options, output)
        return ReferencePrepared(
            definition=agent,
            base_url=options.base_url
            or str(options.config.get("base_url", agent.runtime_config.get("base_url", "")))
            or self.config.base_url,
            key="" if options.api_key is None else options.api_key.get_secret_value(),
            model=body["model"],
            instructions=instructions,
            body=body,
            output=output,
            fingerprint=digest_of([agent.name, instructions, body]),
            colleagues={
                f"transfer_to_{other.name}": partial(
                    self.prepare, other, replace(options, instructions=None, tool_choice=None)
                )
                for other in agent.handoffs
            },
        )

    def team(self, team: Team, options: PrepareOptions) -> ReferencePrepared:
        name = f"ask_{team.helper.name}"
        lead = self.prepare(team.lead, options)
        return replace(
            lead,
            body={**lead.body, "tools": [_asking(name)]},
            helpers={name: self.prepare(team.helper, options)},
        )

    def output(self, options: PrepareOptions) -> OutputSpec | None:
        try:
            return output_spec(options.output_schema, strict=options.output_strict)
        except AgentError as error:
            raise ConfigError(f"output_schema: {error.message}") from error

    def body(
        self, agent: Agent, options: PrepareOptions, output: OutputSpec | None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": options.model or agent.model or "reference-1",
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        for name, word in _OPTIONS.items():
            given = getattr(options, name, None)
            value = getattr(agent.settings, name) if given is None else given
            if value is not None:
                body[word] = value
        if options.deterministic:
            body |= {"temperature": 0.0, "seed": body.get("seed", 0)}
        if (choice := body.get("tool_choice", "auto")) not in {"auto", "none", "required"}:
            body["tool_choice"] = {"type": "function", "function": {"name": choice}}
        tools = [_described(tool) for tool in agent.tools]
        tools += [_transfer(other) for other in agent.handoffs]
        if tools:
            body["tools"] = tools
        if output is not None:
            form = {"name": output.name, "schema": output.schema, "strict": output.strict}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return body


def _described(tool: Tool[..., Any]) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.input_schema,
            "strict": tool.strict,
        },
    }


def _transfer(other: Agent) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    function = {"name": f"transfer_to_{other.name}", "parameters": parameters}
    return {"type": "function", "function": {**function, "description": other.description}}


def _asking(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"input": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}
