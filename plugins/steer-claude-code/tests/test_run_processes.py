"""Whole runs: what the CLI and its commands know of the host, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import anyio
import pytest
import stdio_server
from kernel_runs import MODEL, PATIENCE, agent_of, kernel_on, run, under
from steer import BudgetSpec, ExecutionRequest
from steer.values import JobStatus
from steer_claude_code.process.supervisor import MARKER
from steer_conformance.provider import (
    Failure,
    Hold,
    Provider,
    Request,
    Rule,
    Script,
    ToolCall,
    Turn,
)
from supervised import Ends, environment_of, living_pids, names_in, parent_of

pytestmark = pytest.mark.anyio

STARTS = "sleep 1000 >/dev/null 2>&1 & setsid sleep 1000 >/dev/null 2>&1 & echo begun"
BEGINS = Turn(ToolCall("Bash", {"command": STARTS, "description": "Start things"}))
VENDORS_KEY = "the-vendors-own-key"
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "secret-of-aws",
    "GITHUB_TOKEN": "secret-of-github",
    "OPENAI_API_KEY": "secret-of-openai",
    "CLAUDE_CODE_OAUTH_TOKEN": "secret-of-a-subscription",
    "DATABASE_URL": "postgres://user:secret-of-the-database@host/db",
}
EVERYTHING = under('default = "allow"')


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the CLI's private places of this test are."""
    folder = tmp_path / "places"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def alive(places: Path) -> dict[int, str]:
    """Every process that lives in one of these places, and which."""
    found: dict[int, str] = {}
    for pid in living_pids():
        try:
            place = environment_of(pid).get(MARKER, "")
        except OSError:
            continue
        if place.startswith(str(places)):
            found[pid] = place
    return found


@pytest.mark.parametrize(
    ("last", "status"),
    [
        (Turn("So.", Hold("middle", after=1), chunk_size=1), JobStatus.CANCELLED),
        pytest.param(Turn("Done."), JobStatus.SUCCEEDED, marks=pytest.mark.long),
        pytest.param(Failure(400), JobStatus.FAILED, marks=pytest.mark.long),
        pytest.param(Turn("So.", Hold("ever")), JobStatus.TIMED_OUT, marks=pytest.mark.long),
    ],
)
async def test_nothing_is_left_of_a_run_however_it_ends(
    places: Path, tmp_path: Path, last: Turn | Failure, status: JobStatus
) -> None:
    lasts = BudgetSpec(max_runtime_seconds=6 if status is JobStatus.TIMED_OUT else None)
    begun: dict[int, str] = {}

    def second(_request: Request) -> Turn | Failure:
        begun.update(alive(places))
        return last

    rules = [Rule(lambda request: bool(request.tool_results), second)]
    with anyio.fail_after(PATIENCE):
        async with (
            Provider(Script([BEGINS], rules=rules)) as provider,
            kernel_on(provider, EVERYTHING) as kernel,
        ):
            agent = agent_of("Bash", cwd=tmp_path)
            handle = await kernel.execute(
                ExecutionRequest(agent=agent, prompt="Go on.", budgets=lasts)
            )
            if status is JobStatus.CANCELLED:
                await provider.reached("middle", timeout=PATIENCE)
                await handle.cancel()
            result = await handle.result()
            assert (result.status, result.still_running) == (status, ())
            assert alive(places) == {}
    assert len(begun) >= 4, "a guard, the CLI, and what its command has begun"
    assert names_in(places) == []


async def test_a_cli_that_dies_in_the_midst_of_a_call_leaves_its_outcome_unknown(
    places: Path, tmp_path: Path
) -> None:
    # The shell's parent is the CLI.
    dies = ToolCall("Bash", {"command": "kill -9 $PPID; sleep 1000", "description": "d"})
    ran = await run(agent_of("Bash", cwd=tmp_path), Turn(dies), policies=[EVERYTHING])
    assert ran.result.status is JobStatus.FAILED
    assert ran.result.error is not None
    assert "before it came to a result" in ran.result.error.message
    types = [event.type for event in ran.events if event.type.startswith("tool.")]
    assert types == ["tool.start", "tool.unknown"]
    assert alive(places) == {}
    assert names_in(places) == []


@pytest.mark.long
async def test_twenty_runs_at_once_have_two_processes_and_leave_none(
    places: Path, tmp_path: Path
) -> None:
    most = 0

    def answered(_request: Request) -> Turn:
        nonlocal most
        most = max(most, len(set(alive(places).values())))
        return Turn("Done.")

    with anyio.fail_after(3 * PATIENCE):
        async with Provider(Script(rules=[Rule(lambda _request: True, answered)])) as provider:
            async with kernel_on(
                provider, EVERYTHING, config={"max_processes": 2, "spares": 1}
            ) as kernel:
                request = ExecutionRequest(agent=agent_of("Bash", cwd=tmp_path), prompt="Go on.")
                handles = [await kernel.execute(request) for _ in range(20)]
                results = await asyncio.gather(*(handle.result() for handle in handles))
                assert {result.status for result in results} == {JobStatus.SUCCEEDED}
            assert alive(places) == {}
    assert most in {1, 2}
    assert len(provider.requests) == 20
    assert names_in(places) == []


# ---- steer run, from a shell full of secrets ----------------------------------------------------


def descendants(of: int) -> list[int]:
    """Every process that came of this one, itself left out."""
    found = [of]
    parents: dict[int, int] = {}
    for pid in living_pids():
        try:
            parents[pid] = parent_of(pid)
        except OSError:
            continue
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found[1:]


def written_down(file: Path, folder: Path) -> None:
    """An agent whose command, whose server, and whose subagent write down what they see."""
    server = json.dumps(["-I", "-S", stdio_server.__file__, str(folder)])
    file.write_text(f"""\
name = "Looker"
model = "{MODEL}"
runtime = "claude-code"

[runtime_config]
tools = ["Bash"]
subagents.inner = {{ description = "d", instructions = "Look.", tools = ["Bash"] }}

[mcp_servers.probe]
command = "{sys.executable}"
args = {server}
""")


def looking(into: Path) -> ToolCall:
    return ToolCall("Bash", {"command": f"env -0 > '{into}'; {STARTS}", "description": "d"})


async def test_steer_run_tells_the_cli_no_secret_and_leaves_nothing_when_it_is_killed(
    places: Path, tmp_path: Path
) -> None:
    written_down(tmp_path / "agent.toml", tmp_path)
    (tmp_path / "policy.toml").write_text('default = "allow"')
    asks = {"description": "d", "prompt": "look at it", "subagent_type": "inner"}

    def inside(request: Request) -> bool:
        return any(m.role == "user" and "look at it" in m.text for m in request.messages)

    def said_inside(request: Request) -> Turn:
        return Turn("Seen.") if request.tool_results else Turn(looking(tmp_path / "inner"))

    script = Script(
        [Turn(looking(tmp_path / "outer"), ToolCall("Agent", asks)), Turn("So.", Hold("middle"))],
        rules=[Rule(inside, said_inside)],
    )
    with anyio.fail_after(PATIENCE):
        async with Provider(script) as provider:
            host = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "steer", "run", "agent.toml", "Look around."),
                *("--policy", "policy.toml"),
                cwd=tmp_path,
                env={
                    **SECRETS,
                    "PATH": os.environ["PATH"],
                    "HOME": str(tmp_path),
                    "TMPDIR": str(places),
                    "ANTHROPIC_API_KEY": VENDORS_KEY,
                    "ANTHROPIC_BASE_URL": provider.anthropic_base_url,
                },
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            await provider.reached("middle", timeout=PATIENCE)
            assert provider.requests[0].headers["x-api-key"] == VENDORS_KEY
            everyone = {*descendants(host.pid), *alive(places)}
            assert len(everyone) >= 7, "a guard, the CLI, a server, and what commands have begun"
            seen = [(tmp_path / name).read_bytes() for name in ("outer", "inner", "server")]
            assert not secrets_in([*seen, *known_of(everyone), *contents(places)])
            assert {mode_of(places / name) for name in names_in(places)} == {0o700}
            ends = Ends(everyone)
            host.send_signal(signal.SIGKILL)
            await ends.have_come()
            await host.wait()
            assert alive(places) == {}
    assert names_in(places) == []


def known_of(processes: Iterable[int]) -> Iterator[bytes]:
    """The environments and arguments of these processes."""
    for pid in processes:
        for what in ("environ", "cmdline"):
            yield Path(f"/proc/{pid}/{what}").read_bytes()


def contents(folder: Path) -> Iterator[bytes]:
    """What is in the files of a folder."""
    return (file.read_bytes() for file in folder.rglob("*") if file.is_file())


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def secrets_in(texts: list[bytes]) -> list[str]:
    """Which of the host's secrets are in these."""
    secrets = [*SECRETS.values(), VENDORS_KEY]
    return [secret for secret in secrets if any(secret.encode() in text for text in texts)]
