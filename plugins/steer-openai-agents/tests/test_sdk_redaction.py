"""A secret that the model says and tools use: really used, and told nowhere."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from sdk_runs import PATIENCE, events_of, open_kernel, request_for
from steer import PolicyRef
from steer.agents import InlineRef
from steer.events import Event, encode
from steer.fold import Fold
from steer.values import JobStatus
from steer_conformance.provider import Hold, Match, Provider, Rule, Script, ToolCall, Turn

pytestmark = pytest.mark.anyio

KEY = "AKIAIOSFODNN7EXAMPLE"
FOUND = "ghp_0123456789abcdefghijABCDEFGHIJ012345"

AGENT = '''\
from pathlib import Path

from agents import Agent, function_tool


@function_tool
def look_up(key: str, password: str) -> str:
    """Look a token up."""
    with Path({given!r}).open("a") as file:
        file.write(f"{{key}} {{password}}\\n")
    return "{found}"


agent = Agent(name="Keeper", model="gpt-4.1", tools=[look_up])
'''

POLICY = """
[[tools]]
allow = "look_up"

[redaction]
patterns = "secrets"
keys = "password"
"""


class Keeping:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def write(self, events: Sequence[Event], /) -> None:
        self.events.extend(events)

    async def aclose(self) -> None:
        pass


def script(size: int, *, first: Sequence[Hold] = (), second: Sequence[Hold] = ()) -> Script:
    """Says a key and looks up with it; then says what it found. In pieces of ``size``."""
    call = ToolCall("look_up", {"key": KEY, "password": "hunter2"})
    return Script(
        rules=[
            Rule(Match(tool_result=FOUND), Turn(f"It is {FOUND}, so.", *second, chunk_size=size)),
            Rule(Match(tool="look_up"), Turn(f"I use {KEY} now.", call, *first, chunk_size=size)),
        ]
    )


def told(events: Sequence[Event]) -> str:
    return "\n".join(encode(event).decode() for event in events)


def secrets_in(text: str) -> list[str]:
    return [secret for secret in (KEY, FOUND, "hunter2") if secret[:12] in text]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
async def test_a_secret_is_used_and_told_nowhere_also_when_another_process_goes_on(
    tmp_path: Path, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    given = tmp_path / "given"
    file, policy = tmp_path / "keeper.py", tmp_path / "careful.toml"
    file.write_text(AGENT.format(given=str(given), found=FOUND))
    policy.write_text(POLICY)
    sink, live = Keeping(), list[Event]()
    fields = {
        "storage": f"sqlite:///{tmp_path}/runs.db",
        "policies": [str(policy), "author-declared"],
        "content_sinks": {"keep": sink},
    }
    caplog.set_level(logging.DEBUG, logger="steer")
    # In the middle of what it says of the second secret.
    middle = Hold("middle", after=max(1, 20 // size))
    async with Provider(script(size, second=[middle])) as provider:
        config = {"openai-agents": {"base_url": provider.openai_base_url, "api_key": "sk-scripted"}}
        async with open_kernel(**fields, runtime_config=config) as kernel:
            request = request_for(
                str(file), provider, policies=(PolicyRef(name="careful"),), keep_records=True
            )
            handle = await kernel.execute(request)
            await provider.reached("middle", timeout=PATIENCE)
            async for event in handle.events():
                live.append(event)
                if event.type == "tool.end":
                    break
        provider.release("middle")
        async with open_kernel(**fields, runtime_config=config) as kernel:
            handle = await kernel.resume(handle.job_id)
            result = await handle.result()
            stored = await events_of(handle)
            job = await handle.job()
            records = await kernel.storage.records.load(handle.scope_id, handle.job_id)
        sent = [json.dumps(request.body) for request in provider.requests]
    assert result.status is JobStatus.SUCCEEDED, result.error
    assert given.read_text() == f"{KEY} hunter2\n"
    assert secrets_in(sent[-1]) == [KEY, FOUND, "hunter2"]
    assert result.content == "It is [redacted:github-token], so."
    for text in (told(live), told(stored), told(sink.events), caplog.text, repr(job.result)):
        assert secrets_in(text) == []
    fold = Fold(job_id=job.job_id, scope_id=job.scope_id, run_id=job.run_id)
    for event in stored:
        fold.add(event)
    assert fold.result() == result == job.result
    assert secrets_in(repr(records)) == [KEY, FOUND, "hunter2"]


@pytest.mark.long
async def test_nothing_that_a_killed_process_or_its_successor_prints_or_stores_has_the_secret(
    tmp_path: Path,
) -> None:
    given = tmp_path / "given"
    (tmp_path / "keeper.py").write_text(AGENT.format(given=str(given), found=FOUND))
    (tmp_path / "steer.toml").write_text(
        'storage = "sqlite:///runs.db"\n[redaction]\npatterns = "secrets"\nkeys = "password"\n'
    )

    def steer(*arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "steer", *arguments, "--json")

    run = steer("run", "keeper.py", "Look it up.", "--idempotency-key", "k")
    with Provider(script(3, first=[Hold("middle", after=6)])) as provider:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": provider.openai_base_url,
        }
        with (
            (tmp_path / "first").open("wb") as out,
            subprocess.Popen(run, cwd=tmp_path, env=env, stdout=out, stderr=out) as process,
        ):
            await provider.reached("middle", timeout=PATIENCE)
            process.kill()
        provider.release("middle")
        told = (tmp_path / "first").read_text()
        for command in (run, steer("events", "latest"), steer("jobs", "show", "latest")):
            done = await anyio.run_process(command, cwd=tmp_path, env=env)
            told += done.stdout.decode() + done.stderr.decode()
    assert given.read_text() == f"{KEY} hunter2\n"
    assert told.count("job.completed") == 2
    assert "[redacted:github-token]" in told
    assert secrets_in(told) == []


async def test_a_key_in_an_inline_definition_is_not_stored(tmp_path: Path) -> None:
    definition = {"name": "Clerk", "model": "gpt-4.1", "runtime": "openai-agents"}
    async with Provider(Script([Turn("Hello.")])) as provider:
        config = {"api_key": "sk-in-the-definition", "base_url": provider.openai_base_url}
        agent = InlineRef(definition={**definition, "runtime_config": config}, folder=str(tmp_path))
        async with open_kernel() as kernel:
            handle = await kernel.execute(
                request_for(agent, provider, options={"api_key": None, "base_url": None})
            )
            result = await handle.result()
            job = await handle.job()
        headers = provider.requests[0].headers
    assert result.content == "Hello."
    assert "sk-in-the-definition" in str(headers)
    assert "sk-in-the-definition" not in repr(job)
    assert provider.openai_base_url in str(job.agent_ref)
