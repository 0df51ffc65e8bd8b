"""The real CLI and what it starts: nothing of it is left, and it knows no secret of the host."""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import sys
from importlib.resources import files
from pathlib import Path

import anyio
import claude_host
import pytest
import supervised
from claude_host import TOKEN, ask, client, furnished
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.process.environment import given_to_cli
from steer_claude_code.process.supervisor import MARKER
from steer_conformance.provider import Hold, Provider, Script, ToolCall, Turn
from supervised import PATIENCE, Ends, environment_of, living_pids, names_in

pytestmark = pytest.mark.anyio

SECRET = "a-secret-of-the-hosts-shell"
COMMAND = """\
mkfifo saying; exec 9<>saying
here='echo $$ > saying; exec /bin/sleep 1000 9>&-'
sh -c "$here" >/dev/null 2>&1 &
nohup sh -c "$here" >/dev/null 2>&1 &
setsid sh -c "$here" >/dev/null 2>&1 &
( setsid env -i /bin/sh -c "$here" >/dev/null 2>&1 & ) &
for one in 1 2 3 4; do read -r pid <&9; echo "$pid"; done > started
env -0 > environment; echo done
"""
BASH = Turn(ToolCall("Bash", {"command": COMMAND, "description": "Start things"}))


def of_place(root: Path) -> dict[int, dict[str, str]]:
    """Every process that says it lives there, with its environment."""
    found: dict[int, dict[str, str]] = {}
    for pid in living_pids():
        try:
            environment = environment_of(pid)
        except OSError:
            continue
        if environment.get(MARKER) == str(root):
            found[pid] = environment
    return found


def pids_in(folder: Path, *names: str) -> set[int]:
    """The process ids that programs wrote into files there."""
    return {int(line) for name in names for line in (folder / name).read_text().split()}


async def test_what_the_cli_started_ends_with_the_client_and_never_knew_the_hosts_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    script = Script([BASH, Turn("All done.")])
    with anyio.fail_after(PATIENCE):
        async with Provider(script) as provider, furnished(provider.anthropic_base_url) as place:
            asked = client(place, tmp_path)
            async with asked:
                result = await ask(asked)
                assert (result.subtype, result.result) == ("success", "All done.")
                everyone = of_place(place.root)
                started = pids_in(tmp_path, "started", "server")
                assert len(started) == 5
                assert len(everyone.keys() | started) >= 8, "two guards, the CLI, what it started"
                ends = Ends(everyone.keys() | started)
            await ends.have_come()
            assert of_place(place.root) == {}
            for pid, environment in everyone.items():
                assert not {SECRET, TOKEN} & set(environment.values()), pid
            shell = seen(tmp_path)
            assert not {SECRET, TOKEN} & set(shell.values()), json.dumps(shell)
            assert provider.requests[0].headers["x-api-key"] == TOKEN


def seen(folder: Path) -> dict[str, str]:
    """The environment that the CLI's shell saw."""
    entries = (folder / "environment").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


@pytest.mark.long
async def test_a_kill_of_the_host_in_mid_answer_leaves_nothing(tmp_path: Path) -> None:
    script = Script([BASH, Turn("All ", Hold("middle"), "done.", chunk_size=2)])
    with anyio.fail_after(PATIENCE):
        async with Provider(script) as provider:
            host = await asyncio.create_subprocess_exec(
                sys.executable, claude_host.__file__, provider.anthropic_base_url, tmp_path
            )
            await provider.reached("middle", timeout=PATIENCE)
            started = pids_in(tmp_path, "started", "server")
            (root,) = {Path(environment_of(pid).get(MARKER, "")) for pid in started} - {Path()}
            ends = Ends(of_place(root).keys() | started)
            host.kill()
            await ends.have_come()
            await host.wait()
    assert root.name not in names_in(root.parent)


@pytest.mark.long
async def test_a_connection_that_is_cancelled_on_its_way_leaves_nothing(tmp_path: Path) -> None:
    under_way = tmp_path / "under way"
    os.mkfifo(under_way)
    reading = os.open(under_way, os.O_RDONLY | os.O_NONBLOCK)
    bundled = files("claude_agent_sdk") / "_bundled/claude"
    starting = f"#!/bin/sh\necho > '{under_way}'\nexec '{bundled}' \"$@\"\n"
    cli = supervised.program(tmp_path, starting)
    async with supervised.living(cli) as place:
        connecting = asyncio.create_task(client(place, tmp_path).connect())
        await anyio.wait_readable(reading)
        os.close(reading)
        ends = Ends(of_place(place.root))
        connecting.cancel()
        assert await place.sweep() == ()
        await ends.have_come()
        await asyncio.wait({connecting})
        assert of_place(place.root) == {}


@pytest.mark.long
def test_the_cli_knows_each_variable_that_it_is_given() -> None:
    given = given_to_cli(
        ClaudeCodeConfig(),
        ours={},
        home=Path("/home"),
        temp=Path("/temp"),
        claude=Path("/config"),
        endpoint="http://127.0.0.1:9",
        token=TOKEN,
    )
    bundled = Path(str(files("claude_agent_sdk") / "_bundled/claude"))
    with bundled.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        names = given.environment.keys() | given.secrets.keys()
        assert {name for name in names if text.find(name.encode()) < 0} == set()
