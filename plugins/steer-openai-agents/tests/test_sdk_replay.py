"""Recorded answers and effects stand for the ones that an earlier attempt made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, ModelSettings, function_tool
from bare_gate import BareGate, BareRun
from sdk_runs import MODEL, open_bare, open_kernel, options_for, request_for, run_bare
from steer.errors import Diverged
from steer.events import AgentHandoff, ModelBlockDone, ModelToken
from steer.ports.records import ModelRecord
from steer_conformance.provider import Provider, Reasoning, Script, ToolCall, Turn

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


async def test_an_agent_that_asks_something_else_than_before_diverges() -> None:
    async with Provider(Script([Turn("Hello.")])) as provider:
        _, first = await run_bare(Agent(name="a", model=MODEL), provider)
        changed = Agent(name="a", model=MODEL, instructions="Changed.")
        with pytest.raises(Diverged):
            await run_bare(changed, provider, gate=BareGate(first.gate.records.until()))


async def test_a_record_of_another_version_is_said_to_be_one() -> None:
    async with Provider(Script([Turn("Hello.")])) as provider:
        agent: Agent[Any] = Agent(name="a", model=MODEL)
        _, first = await run_bare(agent, provider)
        (record,) = first.gate.records.models[()]
        object.__setattr__(record, "response", b'{"v": 99}')
        with pytest.raises(Diverged, match="another version"):
            await run_bare(agent, provider, gate=BareGate(first.gate.records.until()))


async def test_the_order_of_a_set_does_not_make_a_replay_diverge() -> None:
    """The SDK collects what a response is to include in a set; its order is another per process."""
    program = """
import asyncio, sys
sys.path[:0] = sys.argv[2:]
from agents import Agent, ModelSettings
from bare_gate import BareGate, BareRun
from sdk_runs import run_bare
from steer_conformance.provider import Provider, Script, Turn
names = ["file_search_call.results", "message.input_image.image_url", "reasoning.encrypted_content"]
async def main():
    settings = ModelSettings(response_include=names)
    async with Provider(Script([Turn("Hi.")])) as provider:
        _, run = await run_bare(Agent(name="a", model="m", model_settings=settings), provider)
        print(run.gate.requests[0].digest, provider.requests[0].raw.hex())
asyncio.run(main())
"""
    support = str(Path(__file__).parent / "support")
    answers = [
        subprocess.run(
            [sys.executable, "-c", program, "-", support],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        ).stdout.split()
        for seed in ("1", "2", "3")
    ]
    assert len({digest for digest, _ in answers}) == 1
    assert len({body for _, body in answers}) > 1, "the SDK has changed; is this still needed?"


async def test_the_key_of_openais_cache_is_the_same_on_a_replay() -> None:
    """For OpenAI's own endpoint the SDK adds one to each request, random unless told otherwise."""
    from agents.run_internal.prompt_cache_key import PromptCacheKeyResolver
    from steer_openai_agents.clones import Clones

    async with Provider(Script([Turn("Hi.")])) as provider, open_bare() as runtime:
        prepared = runtime.prepare(Agent(name="a", model=MODEL), options_for(provider))
        assert isinstance(prepared.clones, Clones)
        from steer_openai_agents.frame import ActiveRun

        run = BareRun(gate=BareGate())
        keys = set()
        for _ in range(2):
            active = ActiveRun(
                run=run, clones=prepared.clones, clients=None, tracing=False, loop=None
            )  # type: ignore[arg-type]
            resolver = PromptCacheKeyResolver()
            keys.add(
                resolver._get_or_create_generated_key(
                    conversation_id=None, session=None, group_id=active.group(())
                )
            )
    assert len(keys) == 1


FILE = '''
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
'''

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

        import anyio

        first = await anyio.to_thread.run_sync(start)
        assert first.returncode == -signal.SIGKILL, first.stderr
        second = await anyio.to_thread.run_sync(start)
        asked = len(provider.requests)
    assert paid.read_text() == "3\n"
    # `die` may not run twice, and nobody knows whether it happened.
    assert second.stdout.startswith("failed"), second.stderr
    assert "nobody knows whether die" in second.stdout
    assert asked == 2
