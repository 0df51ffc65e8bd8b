"""A ``steer.agents.Agent`` as an agent of the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from agents import Agent as SdkAgent
from agents import ModelSettings
from agents.agent_output import AgentOutputSchemaBase
from agents.exceptions import ModelBehaviorError
from agents.mcp import (
    MCPServer,
    MCPServerStdio,
    MCPServerStdioParams,
    MCPServerStreamableHttp,
    MCPServerStreamableHttpParams,
)
from agents.tool import FunctionTool
from agents.tool_context import ToolContext as SdkToolContext
from openai.types.shared import Reasoning
from steer.agents import (
    Agent,
    McpHttp,
    McpServer,
    McpStdio,
    OutputSpec,
    Tool,
    ToolArgumentsError,
    ToolContext,
    encode_result,
)
from steer.agents import ModelSettings as SteerSettings
from steer.errors import AgentError, RuntimeFailure, SteerError

from steer_openai_agents.frame import current_frame
from steer_openai_agents.tools import SteerTool

__all__ = ["SpecSchema", "compile_agent"]

ANSWER_SECONDS = 300.0
"""How long a tool of an MCP server may take to answer."""

HTTP_SECONDS = 30.0
"""How long an MCP server behind a URL may take to accept a request."""


def compile_agent(agent: Agent, variables: Mapping[str, str]) -> SdkAgent[Any]:
    """Return the agent of the SDK that behaves as the definition says.

    Raises ``AgentError`` for what this runtime cannot run, and for variables that are missing,
    or that no agent declares.
    """
    declared = {name for each in _reachable(agent) for name in each.variables}
    unknown = sorted(variables.keys() - declared)
    if unknown:
        raise AgentError(
            f"agent {agent.name!r} has no variable {unknown[0]!r}",
            fix=f"Declared variables: {', '.join(sorted(declared)) or 'none'}",
        )
    return _compiled(agent, variables, {})


def _reachable(agent: Agent) -> list[Agent]:
    found: dict[int, Agent] = {}
    left = [agent]
    while left:
        each = left.pop()
        if id(each) not in found:
            found[id(each)] = each
            left.extend(each.handoffs)
    return list(found.values())


def _compiled(
    agent: Agent, variables: Mapping[str, str], made: dict[int, SdkAgent[Any]]
) -> SdkAgent[Any]:
    if id(agent) in made:
        return made[id(agent)]
    if agent.native is not None:
        if not isinstance(agent.native, SdkAgent):
            raise AgentError(
                f"agent {agent.name!r} wraps a {type(agent.native).__name__}, "
                "which the OpenAI Agents SDK cannot run"
            )
        return agent.native
    given = {name: variables[name] for name in agent.variables if name in variables}
    compiled = made[id(agent)] = SdkAgent(
        name=agent.name,
        handoff_description=agent.description or None,
        instructions=agent.instructions_with(given),
        tools=[_tool(tool) for tool in agent.tools],
        output_type=None if agent.output is None else SpecSchema(agent.output),
        handoffs=[_compiled(each, variables, made) for each in agent.handoffs],
        model=agent.model,
        mcp_servers=[_server(server) for server in agent.mcp_servers],
    )
    # After the fact: the SDK gives an agent settings that go with its model.
    compiled.model_settings = compiled.model_settings.resolve(_settings(agent.settings))
    return compiled


def _settings(settings: SteerSettings) -> ModelSettings:
    effort: Any = settings.reasoning_effort
    return ModelSettings(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_output_tokens,
        tool_choice=settings.tool_choice,
        parallel_tool_calls=settings.parallel_tool_calls,
        reasoning=None if effort is None else Reasoning(effort=effort),
        extra_args=None if settings.seed is None else {"seed": settings.seed},
    )


def _server(server: McpServer) -> MCPServer:
    """Return the server as the SDK knows it; each run connects and closes its own."""
    match server:
        case McpStdio():
            # To this environment the library adds HOME, PATH and the like, and no more.
            stdio: MCPServerStdioParams = {
                "command": server.command,
                "args": list(server.args),
                "env": dict(server.env),
            }
            if server.cwd is not None:
                stdio["cwd"] = server.cwd
            return MCPServerStdio(
                stdio, name=server.name, client_session_timeout_seconds=ANSWER_SECONDS
            )
        case McpHttp():
            http: MCPServerStreamableHttpParams = {
                "url": server.url,
                "headers": dict(server.headers),
                "timeout": HTTP_SECONDS,
                "sse_read_timeout": ANSWER_SECONDS,
            }
            return MCPServerStreamableHttp(
                http, name=server.name, client_session_timeout_seconds=ANSWER_SECONDS
            )


def _tool(tool: Tool[..., Any]) -> FunctionTool:
    async def invoke(context: SdkToolContext[Any], arguments: str) -> str:
        return await _run(tool, context, arguments)

    return SteerTool(
        name=tool.name,
        description=tool.description,
        params_json_schema=tool.input_schema,
        on_invoke_tool=invoke,
        strict_json_schema=tool.strict,
        timeout_seconds=tool.timeout,
        effect=tool.effect,
    )


async def _run(tool: Tool[..., Any], context: SdkToolContext[Any], arguments: str) -> str:
    frame = current_frame()
    run = frame.active.run

    def abandoned(outcome: Future[Any]) -> None:
        run.gate.background(
            f"tool {tool.name} ({context.tool_call_id})",
            lambda done: outcome.add_done_callback(lambda _: done()),
        )

    try:
        result = await tool.run(
            tool.parse(arguments),
            ToolContext(
                job_id=run.context.job_id,
                scope_id=run.context.scope_id,
                principal_id=run.context.principal_id,
                call_id=context.tool_call_id,
                effect_key=frame.effect_key,
                user_context=run.user_context,
                keep=frame.keep,
            ),
            abandoned=abandoned,
        )
    except ToolArgumentsError as error:
        frame.failure = error
        return error.message
    except Exception as error:
        # What an exception says may be for the author's eyes only: the model learns its kind.
        frame.failure = error
        told = error.message if isinstance(error, SteerError) else type(error).__name__
        return f"{tool.name} failed: {told}"
    frame.result = encode_result(result)
    return frame.result.text


class SpecSchema(AgentOutputSchemaBase):
    """The schema of an answer, checked by steer."""

    def __init__(self, spec: OutputSpec) -> None:
        self._spec = spec

    def is_plain_text(self) -> bool:
        return False

    def name(self) -> str:
        return self._spec.name

    def json_schema(self) -> dict[str, Any]:
        return self._spec.schema

    def is_strict_json_schema(self) -> bool:
        return self._spec.strict

    def validate_json(self, json_str: str) -> Any:
        """Return the answer as the declared type; what does not fit is the model's fault."""
        try:
            return self._spec.validate(json_str)
        except RuntimeFailure as error:
            raise ModelBehaviorError(error.message) from error
