"""A session on the real SDK, gone on with, killed with -9, and gone on with again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio.to_thread
import pytest
from sdk_runs import PATIENCE, open_kernel
from steer import ExecutionRequest, RuntimeKernel
from steer.errors import SessionBusy
from steer.ports.records import JobRecord
from steer.values import JobStatus
from steer_conformance.provider import Hold, Provider, Script, ToolCall, Turn

pytestmark = pytest.mark.anyio

AGENT = '''\
from pathlib import Path

from agents import Agent, function_tool


@function_tool
def pay(amount: int) -> str:
    """Pay an amount."""
    with Path("payments").open("a") as file:
        file.write(f"{amount}\\n")
    return "paid"


agent = Agent(name="Payer", model="gpt-5", tools=[pay])
'''
TURNS = [
    Turn("Hello, Ann."),
    Turn("Let me pay.", ToolCall("pay", {"amount": 3}, id="c1")),
    Turn("It is paid.", Hold("killed", after=2), chunk_size=3),
    Turn("It is paid."),
    Turn("You are Ann, and paid 3."),
]


def steer_run(folder: Path, prompt: str) -> subprocess.Popen[bytes]:
    """``steer run`` in the session, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "steer", "run", "payer.py", prompt, "--session", "talk"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "STEER_STORAGE": f"sqlite:///{folder}/runs.db",
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": os.environ["OPENAI_BASE_URL"],
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def say(kernel: RuntimeKernel, prompt: str) -> JobRecord:
    handle = await kernel.execute(
        ExecutionRequest(agent="payer.py", prompt=prompt, session_id="talk")
    )
    await handle.result()
    return await handle.job()


async def test_a_session_is_continued_killed_and_continued_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "payer.py").write_text(AGENT)
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/runs.db"
    async with Provider(Script(TURNS)) as provider:
        monkeypatch.setenv("OPENAI_API_KEY", "scripted")
        monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_base_url)
        async with open_kernel(storage=url) as kernel:
            assert (await say(kernel, "I am Ann.")).status is JobStatus.SUCCEEDED

        process = steer_run(tmp_path, "Pay 3.")
        try:
            await provider.reached("killed", timeout=PATIENCE)
        finally:
            process.kill()
        await anyio.to_thread.run_sync(process.wait)
        provider.release("killed")

        async with open_kernel(storage=url) as kernel:
            killed = (await kernel.jobs()).items[0]
            assert (await kernel.session("talk")).version == 1, "what was killed added something"
            with pytest.raises(SessionBusy, match=killed.job_id):
                await say(kernel, "And?")
            again = await kernel.resume(killed.job_id)
            assert (await again.result()).status is JobStatus.SUCCEEDED
            assert (await say(kernel, "Who am I, and what was paid?")).status == "succeeded"
            session = await kernel.session("talk")
        first, second, cut, repeated, last = provider.requests

    assert (tmp_path / "payments").read_text() == "3\n"
    assert [message.text for message in second.messages] == ["I am Ann.", "Hello, Ann.", "Pay 3."]
    assert repeated.raw == cut.raw
    assert [message.text for message in last.messages if message.text] == [
        "I am Ann.",
        "Hello, Ann.",
        "Pay 3.",
        "Let me pay.",
        "It is paid.",
        "Who am I, and what was paid?",
    ]
    assert [(call.id, call.name) for call in last.past_calls] == [("c1", "pay")]
    assert [result.text for result in last.tool_results] == ["paid"]
    assert (session.version, session.held_by) == (3, None)
    assert len(first.messages) == 1
