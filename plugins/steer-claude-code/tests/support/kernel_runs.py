"""Agents of the runtime, run by a real kernel under a policy, on the real CLI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from steer import ExecutionRequest, RuntimeKernel
from steer.agents import Agent, McpServer, Tool
from steer.events import Event
from steer.policies import parse_policy
from steer.ports.policy import Policy
from steer.values import JsonValue, RunResult
from steer_conformance.provider import Provider, Reply, Rule, Script, ToolResult

__all__ = ["MODEL", "PATIENCE", "Ran", "agent_of", "kernel_on", "run", "under"]

MODEL = "claude-sonnet-5"
PATIENCE = 120.0
"""Seconds after which a run that has not ended has failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What came of a run, and what the provider was asked on the way."""

    result: RunResult
    events: tuple[Event, ...]
    provider: Provider

    @property
    def told(self) -> dict[str, str]:
        """What models read of calls, by call, the newest of each."""
        results: list[ToolResult] = [
            result for request in self.provider.requests for result in request.tool_results
        ]
        return {result.call_id: result.text for result in results}


def under(text: str) -> Policy:
    """A policy, in the words of a policy file."""
    return parse_policy(text, name="test")


def agent_of(
    *names: str,
    cwd: Path,
    tools: Sequence[Tool[..., Any]] = (),
    servers: Sequence[McpServer] = (),
    **settings: Any,
) -> Agent:
    """An agent with these tools of the CLI, in a folder."""
    return Agent(
        name="main",
        model=MODEL,
        tools=list(tools),
        mcp_servers=list(servers),
        runtime_config={"tools": list(names), "cwd": str(cwd), **settings},
    )


def kernel_on(
    provider: Provider,
    *policies: Policy,
    config: Mapping[str, JsonValue] | None = None,
    **fields: Any,
) -> RuntimeKernel:
    """A kernel whose runs ask a scripted provider."""
    asked = {"base_url": provider.anthropic_base_url, "api_key": "sk-ant-scripted", "spares": 0}
    return RuntimeKernel(
        default_runtime="claude-code",
        runtime_config={"claude-code": {**asked, **(config or {})}},
        policies=policies,
        **fields,
    )


async def run(
    agent: object,
    *turns: Reply,
    rules: Sequence[Rule] = (),
    policies: Sequence[Policy] = (),
    prompt: str = "Go on.",
    **fields: Any,
) -> Ran:
    """Run an agent to its end, while a provider says these turns."""
    with anyio.fail_after(PATIENCE):
        async with Provider(Script(turns, rules=rules)) as provider:
            async with kernel_on(provider, *policies, **fields) as kernel:
                handle = await kernel.execute(ExecutionRequest(agent=agent, prompt=prompt))
                result = await handle.result()
                events = tuple([event async for event in handle.events()])
            return Ran(result=result, events=events, provider=provider)
