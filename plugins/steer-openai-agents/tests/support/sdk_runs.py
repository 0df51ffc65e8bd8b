"""Running agents of the SDK in tests: through a bare gate, through a kernel, and bare."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from agents import Agent, RunConfig, Runner, set_tracing_disabled
from agents.models.multi_provider import MultiProvider
from openai import AsyncOpenAI
from pydantic import SecretStr
from steer import ApprovalSpec, ExecutionRequest, PrepareOptions, RuntimeKernel
from steer.events import Event
from steer.handle import ExecutionHandle
from steer.ports.runtime import Finished
from steer.values import RunResult
from steer_conformance.provider import Provider, Script
from steer_conformance.suites.runtime import BareGate, BareRun
from steer_openai_agents.config import OpenAIAgentsConfig
from steer_openai_agents.runtime import OpenAIAgentsRuntime, open_runtime

PATIENCE = 60.0
"""Seconds after which a test that waits has failed."""

MODEL = "gpt-4.1"


def options_for(provider: Provider, **given: Any) -> PrepareOptions:
    """Options that lead to a scripted provider."""
    usual: dict[str, Any] = {
        "base_url": provider.openai_base_url,
        "api_key": SecretStr("sk-scripted"),
    }
    return PrepareOptions(**(usual | given))


@asynccontextmanager
async def open_bare(**config: Any) -> AsyncIterator[OpenAIAgentsRuntime]:
    """A runtime without a kernel."""
    runtime = open_runtime(OpenAIAgentsConfig(**config))
    try:
        with anyio.fail_after(PATIENCE):
            yield runtime
    finally:
        await runtime.aclose()


async def run_bare(
    agent: object,
    provider: Provider,
    *,
    gate: BareGate | None = None,
    run: BareRun | None = None,
    **given: Any,
) -> tuple[Finished, BareRun]:
    """Run an agent once over a bare gate."""
    run = run or BareRun(gate=gate or BareGate())
    async with open_bare() as runtime:
        prepared = runtime.prepare(agent, options_for(provider, **given))
        finished = await runtime.run(prepared, run)
    run.gate.check()
    return finished, run


@asynccontextmanager
async def open_kernel(**fields: Any) -> AsyncIterator[RuntimeKernel]:
    """A kernel, closed at the end."""
    with anyio.fail_after(PATIENCE):
        async with RuntimeKernel(**fields) as kernel:
            yield kernel


async def run_in_kernel(
    agent: object, provider: Provider, *, kernel: dict[str, Any] | None = None, **fields: Any
) -> tuple[RunResult, list[Event]]:
    """Run an agent to its end in a kernel of its own; return the result and all events."""
    async with open_kernel(**(kernel or {})) as opened:
        handle = await opened.execute(request_for(agent, provider, **fields))
        return await handle.result(), await events_of(handle)


def request_for(agent: object, provider: Provider, **fields: Any) -> ExecutionRequest:
    """A request whose models are served by a scripted provider, and with nobody to ask."""
    options = fields.pop("options", {})
    usual: dict[str, Any] = {
        "prompt": "Hello?",
        "options": options_for(provider, **options),
        "approvals": ApprovalSpec(unattended=True),
    }
    return ExecutionRequest(agent=agent, **(usual | fields))


async def events_of(handle: ExecutionHandle) -> list[Event]:
    """Every event of a job up to its terminal one."""
    return [event async for event in handle.events()]


def durable_types(events: list[Event]) -> list[str]:
    """The types of the durable events, in order."""
    return [event.type for event in events if event.seq is not None]


async def run_without_steer(
    agent: Agent[Any], prompt: Any, script: Script, *, api: str = "responses", **config: Any
) -> tuple[Any, list[bytes]]:
    """Run an agent, streamed, with nothing but the SDK; return its output and request bodies."""
    set_tracing_disabled(True)
    async with Provider(script) as provider:
        client = AsyncOpenAI(
            api_key="sk-scripted", base_url=provider.openai_base_url, max_retries=0
        )
        models = MultiProvider(openai_client=client, openai_use_responses=api == "responses")
        result = Runner.run_streamed(
            agent, prompt, run_config=RunConfig(model_provider=models, **config)
        )
        async for _ in result.stream_events():
            pass
        await client.close()
        return result.final_output, [request.raw for request in provider.requests]
