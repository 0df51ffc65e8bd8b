"""Recorded answers and effects stand for the ones that an earlier attempt made."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from agents import Agent, function_tool
from sdk_runs import MODEL, run_bare
from steer.errors import Diverged
from steer.events import AgentHandoff, ModelBlockDone, ModelToken
from steer.ports.records import ModelRecord
from steer_conformance.provider import Provider, Reasoning, Script, ToolCall, Turn
from steer_conformance.suites.runtime import BareGate, BareRun
from steer_openai_agents.frame import ActiveRun, Frame
from steer_openai_agents.wire import Exchange

pytestmark = pytest.mark.anyio

APIS = ("responses", "chat_completions")


def team(ran: list[str]) -> Agent[Any]:
    """An agent with a tool, an agent as a tool, and another one to hand off to."""

    @function_tool
    def look(at: str) -> dict[str, Any]:
        ran.append(at)
        return {"seen": at, "list": [1, 2.5, None]}

    inner: Agent[Any] = Agent(name="inner", instructions="Think.", model=MODEL, tools=[look])
    last: Agent[Any] = Agent(name="last", model=MODEL, tools=[look])
    return Agent(
        name="first", model=MODEL, tools=[look, inner.as_tool("inner", "Thinks.")], handoffs=[last]
    )


TURNS = [
    Turn(
        Reasoning("Hm."),
        "I look.",
        ToolCall("look", {"at": "a"}, id="a"),
        ToolCall("look", {"at": "b"}, id="b"),
    ),
    Turn(ToolCall("inner", {"input": "go"}, id="n")),
    Turn("Inside.", ToolCall("look", {"at": "c"}, id="c")),
    Turn("Inner is done."),
    Turn(ToolCall("transfer_to_last", {}, id="h")),
    Turn("Once more.", ToolCall("look", {"at": "d"}, id="d")),
    Turn("That is all."),
]


@pytest.mark.parametrize("api", APIS)
async def test_a_run_that_is_all_recorded_asks_nobody_and_runs_nothing(api: str) -> None:
    ran: list[str] = []
    agent = team(ran)
    async with Provider(Script(TURNS)) as provider:
        finished, first = await run_bare(agent, provider, config={"api": api})
        provider.assert_used_up()
        again, second = await run_bare(
            agent, provider, gate=BareGate(first.gate.records.until()), config={"api": api}
        )
    assert again == finished
    assert sorted(ran) == ["a", "b", "c", "d"]
    assert second.gate.sent == []
    assert second.gate.ran == []
    assert second.told(ModelToken) == []
    assert second.told(ModelBlockDone) == []
    assert second.told(AgentHandoff) == first.told(AgentHandoff)


@pytest.mark.parametrize("api", APIS)
async def test_a_run_goes_on_wherever_its_records_end(api: str) -> None:
    config = {"api": api}
    async with Provider(Script(TURNS)) as provider:
        finished, first = await run_bare(team([]), provider, config=config)
    log = first.gate.records.log
    for count in range(len(log)):
        records = first.gate.records.until(count)
        asked = sum(isinstance(each, ModelRecord) for each in log[:count])
        async with Provider(Script(TURNS[asked:])) as provider:
            again, _ = await run_bare(team([]), provider, gate=BareGate(records), config=config)
            provider.assert_used_up()
        assert again == finished, f"with {count} records"


async def test_a_record_of_another_version_is_said_to_be_one() -> None:
    async with Provider(Script([Turn("Hello.")])) as provider:
        agent: Agent[Any] = Agent(name="a", model=MODEL)
        _, first = await run_bare(agent, provider)
        (record,) = first.gate.records.models[()]
        object.__setattr__(record, "response", b'{"v": 99}')
        with pytest.raises(Diverged, match="another version"):
            await run_bare(agent, provider, gate=BareGate(first.gate.records.until()))


async def test_the_order_of_a_set_does_not_make_a_replay_diverge() -> None:
    """The SDK collects what a response is to include in a set: each process has another order."""

    async def digest_of(content: bytes) -> str:
        gate = BareGate()
        active = active_run(BareRun(gate=gate))
        async with AsyncExitStack() as stack:
            exchange = Exchange(
                frame=Frame(active=active),
                stack=stack,
                agent=None,
                model="m",
                provider="openai",
                max_output_tokens=None,
                bounded=True,
            )
            await exchange.admit(content)
        return gate.requests[0].digest

    one = await digest_of(b'{"model":"m","include":["a","b"],"input":[{"content":"hi"}]}')
    other = await digest_of(b'{"model":"m","include":["b","a"],"input":[{"content":"hi"}]}')
    assert one == other
    assert one != await digest_of(b'{"model":"m","include":["b"],"input":[{"content":"hi"}]}')
    said = await digest_of(rb'{"model":"m","input":[{"content":"\"include\":[\"a\",\"b\"]"}]}')
    assert said != await digest_of(
        rb'{"model":"m","input":[{"content":"\"include\":[\"b\",\"a\"]"}]}'
    )


async def test_the_key_of_openais_cache_is_the_same_on_a_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For OpenAI's own endpoint the SDK adds one to each request: random, unless told otherwise."""
    monkeypatch.setattr(
        "agents.models.openai_responses.is_official_openai_client", lambda _client: True
    )
    agent: Agent[Any] = Agent(name="a", model=MODEL)
    async with Provider(Script([Turn("Hi.")])) as provider:
        finished, first = await run_bare(agent, provider)
        assert json.loads(provider.requests[0].raw)["prompt_cache_key"]
        again, second = await run_bare(agent, provider, gate=BareGate(first.gate.records.until()))
    assert again == finished
    assert second.gate.sent == []


def active_run(run: BareRun) -> ActiveRun:
    return ActiveRun(
        run=run,
        clones=None,  # type: ignore[arg-type]  # not asked for any
        clients=None,  # type: ignore[arg-type]  # not asked for any
        tracing=False,
        loop=asyncio.get_running_loop(),
    )


FILE = """
import os, signal
from agents import Agent, function_tool

@function_tool
def pay(amount: int) -> str:
    with open({paid!r}, "a") as file:
        file.write(f"{{amount}}\\n")
    return "paid"

@function_tool
def die() -> str:
    if not os.path.exists({died!r}):
        open({died!r}, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"

agent = Agent(name="payer", model="gpt-4.1", tools=[pay, die])
"""

PROGRAM = """
import asyncio, sys
from steer import ExecutionRequest, PrepareOptions, RuntimeKernel
async def main(url, store, agent):
    async with RuntimeKernel(storage=store) as kernel:
        options = PrepareOptions(config={"base_url": url})
        request = ExecutionRequest(agent=agent, prompt="Pay", options=options, idempotency_key="k")
        result = await (await kernel.execute(request)).result()
        print(result.status, result.content, result.error)
import anyio
anyio.run(main, *sys.argv[1:])
"""


@pytest.mark.long
async def test_a_job_killed_after_its_payment_pays_once(tmp_path: Path) -> None:
    paid, died = tmp_path / "paid", tmp_path / "died"
    file = tmp_path / "payer.py"
    file.write_text(FILE.format(paid=str(paid), died=str(died)))
    turns = [
        Turn(ToolCall("pay", {"amount": 3})),
        Turn(ToolCall("die")),
        Turn("Paid and alive."),
    ]
    async with Provider(Script(turns)) as provider:
        command = [
            sys.executable, "-c", PROGRAM, provider.openai_base_url,
            f"sqlite:///{tmp_path / 'jobs.db'}", str(file),
        ]  # fmt: skip
        environment = {**os.environ, "OPENAI_API_KEY": "sk-scripted"}

        def start() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=90, check=False
            )

        first = await anyio.to_thread.run_sync(start)
        assert first.returncode == -signal.SIGKILL, first.stderr
        second = await anyio.to_thread.run_sync(start)
        asked = len(provider.requests)
    assert paid.read_text() == "3\n"
    # `die` may not run twice, and nobody knows whether it happened.
    assert second.stdout.startswith("failed"), second.stderr
    assert "nobody knows whether die" in second.stdout
    assert asked == 2
