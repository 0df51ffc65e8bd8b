"""Approvals under kill -9, and answers from several processes at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import APPROVE, asking, paying
from dying import run
from kernels import PATIENCE, Moment, all_events, noting, open_kernel, types
from parking import FoundAgain, parked_request, until
from steer.actions import Confirm
from steer.errors import ConfigError, PolicyDenied
from steer.events import ActionResolved
from steer.memory import open_memory
from steer.ports.policy import Verdict
from steer.values import JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn, registry

pytestmark = pytest.mark.anyio

SUPPORT = Path(__file__).parents[1] / "support"


def died_at(folder: Path, at: int) -> str | None:
    """Run the program with its payment approved; return where it died, if it did."""
    url = f"sqlite:///{folder}/runs.db"
    done = subprocess.run(
        [sys.executable, SUPPORT / "dying.py", url, folder, str(at), "once", "approve"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    found = re.search("died at (.*)", done.stderr)
    assert found or done.returncode == 0, done.stderr
    return found[1] if found else None


@pytest.mark.long
async def test_killed_at_every_moment_of_an_approval_a_job_pays_at_most_once(
    tmp_path: Path,
) -> None:
    seen: list[str] = []
    unknown: list[str] = []
    for at in range(1, 1000):
        folder = tmp_path / str(at)
        folder.mkdir()
        died = died_at(folder, at)
        if died is None:
            break
        seen.append(died)
        with anyio.fail_after(PATIENCE):
            result = await run(f"sqlite:///{folder}/runs.db", str(folder), "0", "once", "approve")
        async with open_kernel(storage=f"sqlite:///{folder}/runs.db") as kernel:
            events = await all_events(await kernel.attach(result.job_id))
            actions = (await kernel.actions()).items
        told = [event.type for event in events]
        assert [event.seq for event in events] == list(range(1, len(events) + 1)), died
        assert told.count("action.required") == len(actions) <= 1, died
        assert told.count("action.resolved") == len(actions), died
        file = folder / "payments"
        payments = file.read_text().splitlines() if file.exists() else []
        if result.status is JobStatus.SUCCEEDED:
            assert (len(payments), result.usage.requests) == (1, 3), died
        else:
            assert result.error is not None
            assert result.error.code == "outcome_unknown", (died, result.error)
            assert len(payments) <= 1, died
            unknown.append(died)
    # The walk was long enough to mean something: parking and answering are in it.
    assert len(seen) > 25
    assert any("JobMoved" in moment and "ActionMoved" in moment for moment in seen)
    assert unknown


async def test_of_two_processes_that_answer_at_once_one_wins_and_the_other_is_told(
    tmp_path: Path,
) -> None:
    paid: list[object] = []
    url = f"sqlite:///{tmp_path}/runs.db"
    plugins = registry(FoundAgain(paying(paid)))
    async with open_kernel(policies=[asking()], registry=plugins, storage=url) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions()).items
        answers = {"ann": "approve", "bob": "deny"}
        processes = {
            who: subprocess.Popen(
                [sys.executable, SUPPORT / "answering.py", url, action.action_id, who, decision],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for who, decision in answers.items()
        }
        for process in processes.values():
            assert process.stdout is not None
            assert await anyio.to_thread.run_sync(process.stdout.readline) == "ready\n"
        for process in processes.values():
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = {}
        for who, process in processes.items():
            out, _ = await anyio.to_thread.run_sync(process.communicate)
            said[who] = out.strip()
        (winner,) = [who for who, text in said.items() if text == "took"]
        (loser,) = answers.keys() - {winner}
        assert said[loser].startswith(
            f"action_closed action {action.action_id} was answered by {winner} via application"
        )
        result = await handle.result()
        events = await all_events(handle)
    assert result.status is JobStatus.SUCCEEDED
    assert len(paid) == (answers[winner] == "approve")
    assert [e.data.by for e in events if isinstance(e.data, ActionResolved)] == [winner]


async def test_a_call_with_the_id_of_an_earlier_one_is_told_of_after_a_recovery(
    tmp_path: Path,
) -> None:
    notes: list[Any] = []
    turns = (*(Turn(text=f"{n}", calls=(Call(tool="note", call_id="c"),)) for n in (1, 2)), Turn())
    tools = {"note": ToolSpec(run=noting(notes))}
    moment, storage = Moment("answered:1"), open_memory()
    first = FoundAgain(Stepwise(turns=turns, tools=tools, reach=moment))
    async with open_kernel(storage=storage, registry=registry(first)) as kernel:
        handle = await kernel.execute(parked_request(tmp_path))
        await moment.arrive()
    then = FoundAgain(Stepwise(turns=turns, tools=tools))
    async with open_kernel(storage=storage, registry=registry(then)) as kernel:
        handle = await kernel.resume(handle.job_id)
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        told = types(await all_events(handle))
    assert (told.count("policy.decided"), len(notes)) == (2, 2)


async def test_an_answer_that_came_before_its_job_changed_hands_is_told(tmp_path: Path) -> None:
    moment, storage = Moment("answered:0"), open_memory()
    first = FoundAgain(Stepwise(turns=(Turn(text="x"),), reach=moment))
    async with (
        open_kernel(storage=storage, registry=registry(first)) as kernel,
        open_kernel(storage=storage) as other,
    ):
        handle = await kernel.execute(parked_request(tmp_path))
        await moment.arrive()
        required = await kernel.require_action(handle.job_id, Confirm(message="Really?"))
        await other.resolve_action(required.action.action_id, {"confirmed": True})
    then = FoundAgain(Stepwise(turns=(Turn(text="x"),)))
    async with open_kernel(storage=storage, registry=registry(then)) as kernel:
        handle = await kernel.resume(handle.job_id)
        await handle.result()
        assert types(await all_events(handle)).count("action.resolved") == 1


async def test_who_may_answer_is_decided_by_the_rules_that_the_job_began_under(
    tmp_path: Path,
) -> None:
    storage, plugged = open_memory(), registry(FoundAgain(paying([])))
    policy = asking(answers=Verdict.deny("only the boss"))
    async with (
        open_kernel(storage=storage, registry=plugged, policies=[policy]) as kernel,
        open_kernel(storage=storage) as other,
    ):
        handle = await kernel.execute(parked_request(tmp_path))
        job = await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions(job_id=job.job_id)).items
        with pytest.raises(PolicyDenied, match="only the boss"):
            await kernel.resolve_action(action.action_id, APPROVE, principal_id="bob")
        with pytest.raises(ConfigError, match="began under the rules fixed@1"):
            await other.resolve_action(action.action_id, APPROVE, principal_id="bob")
        assert (await handle.job()).status is JobStatus.WAITING_ACTION
