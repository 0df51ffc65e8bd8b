"""Sessions on the real CLI: over several workers and a crash, forked, and shared with another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from governed import PATIENCE, open_kernel, sqlite
from steer import ExecutionRequest, PrepareOptions, RuntimeKernel
from steer.errors import SessionBusy
from steer.values import ImagePart, JobStatus, Message, Role, TextPart
from steer_conformance.provider import Hold, Provider, Request, Script, ToolCall, Turn

pytestmark = pytest.mark.anyio

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhg"
    "GAWjR9awAAAABJRU5ErkJggg=="
)

AGENT = '''\
from pathlib import Path

from steer.agents import Agent, tool


@tool
def pay(amount: int) -> str:
    """Pay an amount."""
    with (Path(__file__).parent / "payments").open("a") as file:
        file.write(f"{amount}\\n")
    return f"paid {amount}"


agent = Agent(name="Payer", tools=[pay])
'''


async def say(kernel: RuntimeKernel, agent: Path, *said: str | ImagePart, **fields: Any) -> None:
    """One turn of the session, which has to go well."""
    parts = tuple(TextPart(text=each) if isinstance(each, str) else each for each in said)
    usual: dict[str, Any] = {
        "runtime": "claude-code",
        "session_id": "talk",
        "options": PrepareOptions(model="claude-sonnet-5"),
    }
    handle = await kernel.execute(
        ExecutionRequest(
            agent=str(agent),
            messages=[Message(role=Role.USER, content=parts)],
            **(usual | fields),
        )
    )
    result = await handle.result()
    assert result.status is JobStatus.SUCCEEDED, result.error


def conversation(request: Request) -> list[str]:
    return [message.text for message in request.messages if message.role != "system"]


def pictures(request: Request) -> list[str]:
    """The pictures of a request in the Messages dialect."""
    blocks = [
        block
        for message in request.body["messages"]
        for block in message["content"]
        if isinstance(block, dict)
    ]
    return [block["source"]["data"] for block in blocks if block["type"] == "image"]


async def test_a_session_goes_on_over_workers_a_crash_and_a_fork(tmp_path: Path) -> None:
    agent = tmp_path / "payer.py"
    agent.write_text(AGENT)
    turns = [
        Turn("Hello, Ann."),
        Turn("Let me pay.", ToolCall("pay", {"amount": 3}, id="c1")),
        Turn("It is paid.", Hold("killed", after=2), chunk_size=3),
        Turn("It is paid."),
        Turn("You are Ann, and paid 3."),
        Turn("Nothing was."),
    ]
    with Provider(Script(turns)) as provider:
        url = provider.anthropic_base_url
        async with open_kernel(url, storage=sqlite(tmp_path)) as kernel:
            await say(kernel, agent, "I am Ann.", ImagePart(url=PIXEL))

        command = [sys.executable, "-m", "steer", "run", str(agent), "Pay 3.", "--session", "talk"]
        process = subprocess.Popen(
            [*command, "--runtime", "claude-code", "--model", "claude-sonnet-5"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "STEER_STORAGE": sqlite(tmp_path),
                "ANTHROPIC_API_KEY": "sk-ant-scripted",
                "ANTHROPIC_BASE_URL": url,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await provider.reached("killed", timeout=PATIENCE)
        finally:
            process.kill()
        await anyio.to_thread.run_sync(process.wait)
        provider.release("killed")

        async with open_kernel(url, storage=sqlite(tmp_path), policies=[]) as kernel:
            killed = (await kernel.jobs()).items[0]
            with pytest.raises(SessionBusy, match=killed.job_id):
                await say(kernel, agent, "And?")
            again = await (await kernel.resume(killed.job_id)).result()
            assert again.status is JobStatus.SUCCEEDED, again.error
            await say(kernel, agent, "Who am I, and what was paid?")
            await kernel.fork_session("talk", "other", items=1)
            await say(kernel, agent, "What was paid?", session_id="other")
            session, other = await kernel.session("talk"), await kernel.session("other")
        provider.assert_used_up()
        _, second, cut, repeated, last, forked = provider.requests

    assert (tmp_path / "payments").read_text() == "3\n"
    assert conversation(second) == ["I am Ann.", "Hello, Ann.", "Pay 3."]
    assert conversation(repeated) == conversation(cut)
    assert [text for text in conversation(last) if text] == [
        "I am Ann.",
        "Hello, Ann.",
        "Pay 3.",
        "Let me pay.",
        "It is paid.",
        "Who am I, and what was paid?",
    ]
    assert [result.text for result in last.tool_results] == ["paid 3"]
    assert conversation(forked) == ["I am Ann.", "Hello, Ann.", "What was paid?"]
    assert [pictures(request) for request in (last, forked)] == [[PIXEL.split(",")[1]]] * 2
    assert (session.version, other.version) == (3, 2)


@pytest.mark.long
async def test_a_session_goes_on_upon_another_runtime_and_back(tmp_path: Path) -> None:
    agent = tmp_path / "payer.py"
    agent.write_text(AGENT)
    turns = [
        Turn("I pay.", ToolCall("pay", {"amount": 1}, id="c1")),
        Turn("One is paid."),
        Turn("I pay again.", ToolCall("pay", {"amount": 2}, id="c2")),
        Turn("Two is paid."),
        Turn("Three in all."),
    ]
    elsewhere: dict[str, Any] = {
        "runtime": "openai-agents",
        "options": PrepareOptions(model="gpt-5"),
    }
    with Provider(Script(turns)) as provider:
        config = {
            "claude-code": {
                "base_url": provider.anthropic_base_url, "api_key": "sk-ant-scripted", "spares": 0,
            },
            "openai-agents": {"base_url": provider.openai_base_url, "api_key": "sk-scripted"},
        }  # fmt: skip
        async with open_kernel("", storage=sqlite(tmp_path), runtime_config=config) as kernel:
            await say(kernel, agent, "Pay 1.", ImagePart(url=PIXEL), **elsewhere)
        async with open_kernel("", storage=sqlite(tmp_path), runtime_config=config) as kernel:
            await say(kernel, agent, "Pay 2.")
            await say(kernel, agent, "How much?", **elsewhere)
        provider.assert_used_up()
        _, _, there, _, back = provider.requests

    assert (tmp_path / "payments").read_text() == "1\n2\n"
    assert (there.dialect, back.dialect) == ("messages", "responses")
    assert [text for text in conversation(there) if text] == [
        "Pay 1.", "I pay.", "One is paid.", "Pay 2.",
    ]  # fmt: skip
    assert len(pictures(there)) == 1
    assert [text for text in conversation(back) if text] == [
        "Pay 1.", "I pay.", "One is paid.", "Pay 2.", "I pay again.", "Two is paid.", "How much?",
    ]  # fmt: skip
    assert [result.text for result in there.tool_results] == ["paid 1"]
    assert [result.text for result in back.tool_results] == ["paid 1", "paid 2"]
    assert [call.id for call in back.past_calls] == ["c1", "c2"]
