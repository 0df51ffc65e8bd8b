"""What the plugin costs before it is used, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from agents import Agent, set_tracing_disabled
from agents.tracing import TracingProcessor, set_trace_processors
from sdk_runs import MODEL, open_bare, open_kernel, options_for, request_for
from steer.plugins import PluginRegistry
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


def loaded_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_declaring_the_plugin_imports_no_vendor() -> None:
    loaded = loaded_after("import steer_openai_agents.plugin")
    assert not loaded & {"agents", "openai", "httpx", "httpx2", "mcp", "pydantic"}


def test_its_settings_are_known_without_the_vendor() -> None:
    loaded = loaded_after("import steer_openai_agents.config")
    assert not loaded & {"agents", "openai", "httpx", "httpx2", "mcp"}


def test_the_plugin_is_found_and_fits() -> None:
    registry = PluginRegistry.discover()
    assert registry.runtime("openai_agents").name == "openai-agents"
    assert registry.runtime_for(Agent(name="a")) == "openai-agents"


class Spy(TracingProcessor):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_trace_start(self, trace: Any) -> None:
        self.seen.append(trace)

    def on_trace_end(self, trace: Any) -> None: ...
    def on_span_start(self, span: Any) -> None:
        self.seen.append(span)

    def on_span_end(self, span: Any) -> None: ...
    def shutdown(self) -> None: ...
    def force_flush(self) -> None: ...


@pytest.mark.parametrize("tracing", [False, True])
async def test_nothing_is_traced_unless_asked_for(tracing: bool) -> None:
    set_tracing_disabled(False)
    spy = Spy()
    set_trace_processors([spy])
    try:
        async with Provider(Script([Turn("Hi.")])) as provider, open_bare() as runtime:
            options = options_for(provider, config={"tracing": tracing})
            prepared = runtime.prepare(Agent(name="a", model=MODEL), options)
            await runtime.run(prepared, BareRun(gate=BareGate()))
    finally:
        set_trace_processors([])
        set_tracing_disabled(True)
    assert bool(spy.seen) is tracing


async def test_a_key_among_the_settings_of_a_request_is_used_and_not_stored() -> None:
    agent: Agent[Any] = Agent(name="a", model=MODEL)
    async with Provider(Script([Turn("Hello.")])) as provider, open_kernel() as kernel:
        config = {"api_key": "sk-of-this-run", "timeout": 30.0}
        request = request_for(agent, provider, options={"api_key": None, "config": config})
        handle = await kernel.execute(request)
        assert (await handle.result()).content == "Hello."
        stored = (await handle.job()).request
        assert provider.requests[0].headers["authorization"] == "Bearer sk-of-this-run"
    assert "sk-of-this-run" not in stored
    assert '"timeout":30.0' in stored
