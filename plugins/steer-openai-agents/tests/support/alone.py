"""One case, run with nothing but the SDK and under steer, and what its callbacks were given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from agents import Agent, AgentHooks, RunConfig, RunHooks, Runner, set_tracing_disabled
from agents.models.multi_provider import MultiProvider
from openai import AsyncOpenAI
from sdk_runs import run_bare
from steer_conformance.provider import Provider, Script, Turn


class Ann:
    """The author's own context."""


class Told:
    """What the callbacks of one run were given, in words; whose it was is checked."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.own: list[Any] = []
        self.context = Ann()

    def __call__(self, name: str, context: Any, *things: Any) -> None:
        assert context.context is self.context
        for thing in things:
            if not isinstance(thing, str):
                assert any(thing is each for each in self.own), (name, thing)
        self.lines.append(" ".join([name, *(getattr(each, "name", str(each)) for each in things)]))


Made = tuple[Agent[Any], RunHooks[Any] | None]


class RunDiary(RunHooks[Any]):
    def __init__(self, told: Told) -> None:
        self.told = told

    async def on_agent_start(self, context: Any, agent: Any) -> None:
        self.told("agent starts", context, agent)

    async def on_agent_end(self, context: Any, agent: Any, output: Any) -> None:
        self.told("agent ends", context, agent, str(output))

    async def on_handoff(self, context: Any, from_agent: Any, to_agent: Any) -> None:
        self.told("handoff", context, from_agent, to_agent)

    async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
        self.told("tool starts", context, agent, context.agent, tool, context.tool_call_id)

    async def on_tool_end(self, context: Any, agent: Any, tool: Any, result: object) -> None:
        self.told("tool ends", context, agent, tool, str(result))

    async def on_llm_start(self, context: Any, agent: Any, prompt: Any, items: Any) -> None:
        self.told("model starts", context, agent, str(prompt), str(len(items)))

    async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
        self.told("model ends", context, agent, str(response.usage.total_tokens))


class AgentDiary(AgentHooks[Any]):
    def __init__(self, told: Told) -> None:
        self.told = told

    async def on_start(self, context: Any, agent: Any) -> None:
        self.told("starts", context, agent)

    async def on_end(self, context: Any, agent: Any, output: Any) -> None:
        self.told("ends", context, agent, str(output))

    async def on_handoff(self, context: Any, agent: Any, source: Any) -> None:
        self.told("is handed to", context, agent, source)

    async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
        self.told("calls", context, agent, tool)

    async def on_tool_end(self, context: Any, agent: Any, tool: Any, result: object) -> None:
        self.told("called", context, agent, tool, str(result))

    async def on_llm_start(self, context: Any, agent: Any, prompt: Any, items: Any) -> None:
        self.told("asks", context, agent, str(prompt))

    async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
        self.told("asked", context, agent)


def workflow_of(told: Told, made: Made, config: RunConfig, *, streamed: bool = True) -> Any:
    """Return the workflow that runs a case, in one of the SDK's two ways."""
    agent, hooks = made
    given: dict[str, Any] = {"context": told.context, "hooks": hooks, "run_config": config}

    async def workflow(asked: str) -> str:
        if not streamed:
            return str((await Runner.run(agent, asked, **given)).final_output)
        result = Runner.run_streamed(agent, asked, **given)
        async for _ in result.stream_events():
            pass
        return str(result.final_output)

    return workflow


async def alone(workflow: Callable[[RunConfig], Any], turns: list[Turn]) -> tuple[str, list[bytes]]:
    set_tracing_disabled(True)
    async with Provider(Script(turns)) as provider:
        client = AsyncOpenAI(api_key="sk-x", base_url=provider.openai_base_url, max_retries=0)
        config = RunConfig(model_provider=MultiProvider(openai_client=client))
        try:
            return await workflow(config)("Hello?"), sent(provider)
        finally:
            await client.close()


async def under_steer(
    workflow: Callable[[RunConfig], Any], turns: list[Turn]
) -> tuple[str, list[bytes]]:
    async with Provider(Script(turns)) as provider:
        finished, _ = await run_bare(workflow(RunConfig()), provider)
        provider.assert_used_up()
        return finished.content, sent(provider)


def sent(provider: Provider) -> list[bytes]:
    """The bodies, without what says whether they are streamed: nested runs are so only by steer."""
    bodies = [json.loads(request.raw) for request in provider.requests]
    for body in bodies:
        body.pop("stream", None)
    return [json.dumps(body).encode() for body in bodies]
