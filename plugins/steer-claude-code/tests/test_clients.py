"""How many processes there are, whose they are, and what is left of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from steer.agents import McpHttp
from steer.errors import ConfigError, RuntimeFailure
from steer.ports.runtime import Finished
from steer_claude_code.agent.prepared import ClaudeCodePrepared
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.process.client import Client
from steer_claude_code.process.clients import Clients
from steer_claude_code.runtime import open_runtime
from steer_conformance.suites.runtime import BareGate, BareRun
from supervised import PATIENCE, Ends, living_pids
from waiting_cli import Stage, stage

pytestmark = pytest.mark.anyio


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        yield made


@asynccontextmanager
async def opened(**how: Any) -> AsyncIterator[Clients]:
    """Clients that are closed in the end, within a bounded time."""
    clients = Clients(**how)
    with anyio.fail_after(PATIENCE):
        try:
            yield clients
        finally:
            await clients.aclose()


async def serve(clients: Clients, prepared: ClaudeCodePrepared, scope: str = "ours") -> None:
    """Have a run of nothing."""
    async with clients.client(prepared, scope_id=scope):
        pass


async def with_spare(clients: Clients, there: Stage, prepared: ClaudeCodePrepared) -> int:
    """Have two runs, and return the process that is started ahead after them."""
    for _ in range(2):
        await serve(clients, prepared)
        await there.begun()
    return await there.begun()


# ---- the bound ---------------------------------------------------------------------------------


async def test_twenty_runs_at_once_are_served_by_four_processes_at_a_time(there: Stage) -> None:
    prepared = there.prepared(spares=0)
    lent = most = 0
    full = anyio.Event()

    async def run(clients: Clients) -> None:
        nonlocal lent, most
        async with clients.client(prepared, scope_id="ours"):
            lent += 1
            most = max(most, lent)
            if lent == 4:
                full.set()
            await full.wait()
            lent -= 1

    async with opened(limit=4) as clients, anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(run, clients)
    assert (most, len(there.others())) == (4, 20)


async def test_who_is_cancelled_in_the_queue_takes_no_place(there: Stage) -> None:
    prepared = there.prepared(spares=0)
    async with opened(limit=1) as clients:
        async with clients.client(prepared, scope_id="ours"):
            queued = asyncio.create_task(serve(clients, prepared))
            await anyio.lowlevel.checkpoint()
            queued.cancel()
            await asyncio.wait({queued})
        await serve(clients, prepared)
    assert len(there.others()) == 2


async def test_who_is_cancelled_while_its_process_starts_leaves_nothing(there: Stage) -> None:
    prepared = there.prepared(spares=0)
    there.mute.touch()
    async with opened(limit=1) as clients:
        starting = asyncio.create_task(serve(clients, prepared))
        ends = Ends([await there.begun()])
        starting.cancel()
        await asyncio.wait({starting})
        await ends.have_come()
        there.mute.unlink()
        await serve(clients, prepared)


async def test_a_place_is_free_only_once_the_process_has_ended_however_often_it_is_cancelled(
    there: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = there.prepared(spares=0)
    closing, go_on = anyio.Event(), anyio.Event()
    close = Client.close

    async def slow(client: Client) -> None:
        closing.set()
        await go_on.wait()
        await close(client)

    monkeypatch.setattr(Client, "close", slow)
    async with opened(limit=1) as clients:
        first = asyncio.create_task(serve(clients, prepared))
        ends = Ends([await there.begun()])
        await closing.wait()
        second = asyncio.create_task(serve(clients, prepared))
        for _ in range(3):
            first.cancel()
            await anyio.wait_all_tasks_blocked()
        assert not first.done()
        assert there.others() == []
        go_on.set()
        await asyncio.wait({first})
        assert first.cancelled()
        await ends.have_come()
        await second


async def test_a_process_that_does_not_start_in_time_fails_its_run_and_gives_its_place_back(
    there: Stage,
) -> None:
    there.mute.touch()
    async with opened(limit=1) as clients:
        with pytest.raises(RuntimeFailure, match=r"longer than 0\.5 s to start") as late:
            await serve(clients, there.prepared(start_seconds=0.5))
        assert f"whether {there.cli} is the CLI" in str(late.value)
        there.mute.unlink()
        await serve(clients, there.prepared())


@pytest.mark.parametrize("setting", ["cwd", "add_dirs"])
async def test_a_folder_that_is_not_there_is_said_to_be(there: Stage, setting: str) -> None:
    gone = there.cli.parent / "gone"
    config: dict[str, Any] = {setting: gone if setting == "cwd" else [gone]}
    prepared = there.prepared(**config)
    async with opened(limit=1) as clients:
        with pytest.raises(ConfigError, match=f"{setting} is .*/gone, which is no folder"):
            await serve(clients, prepared)
    assert there.others() == []


# ---- spares ------------------------------------------------------------------------------------


async def test_from_the_second_run_on_the_next_one_has_its_process_already(there: Stage) -> None:
    prepared = there.prepared()
    async with opened(limit=2) as clients:
        spare = await with_spare(clients, there, prepared)
        ends = Ends([spare])
        async with clients.client(prepared, scope_id="ours"):
            assert there.others() == []
        await ends.have_come()
        assert await there.begun() != spare


async def test_a_spare_is_never_given_to_another_scope_or_other_settings(
    there: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLOUR", "red")
    prepared = there.prepared(pass_on=("COLOUR",))
    history = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}]
    async with opened(limit=8) as clients:
        spare = await with_spare(clients, there, prepared)
        others: dict[str, tuple[ClaudeCodePrepared, dict[str, Any]]] = {
            "another scope": (prepared, {"scope_id": "theirs"}),
            "another agent": (there.prepared("other", pass_on=("COLOUR",)), {}),
            "another folder": (there.prepared(pass_on=("COLOUR",), cwd=tmp_path), {}),
            "another server": (there.prepared(pass_on=("COLOUR",), base_url="http://a"), {}),
            "a variable": (there.prepared(pass_on=("COLOUR",), environment={"A": "b"}), {}),
            "a history": (prepared, {"history": history}),
        }
        for name, (other, given) in others.items():
            how: dict[str, Any] = {"scope_id": "ours", **given}
            async with clients.client(other, **how):
                assert len(there.others()) == 1, name
        monkeypatch.setenv("COLOUR", "blue")
        async with clients.client(prepared, scope_id="ours"):
            assert len(there.others()) == 1, "a variable that is passed on has another value"
        monkeypatch.setenv("COLOUR", "red")
        ends = Ends([spare])
        await serve(clients, prepared)
        await ends.have_come()


async def test_nobody_is_lent_a_process_that_was_told_the_secrets_of_another(there: Stage) -> None:
    mine, yours = (
        there.prepared(
            servers=[McpHttp(name="bank", url="http://127.0.0.1:9/", headers={"token": each})]
        )
        for each in ("mine", "yours")
    )
    assert mine.fingerprint == yours.fingerprint
    async with opened(limit=8) as clients:
        await with_spare(clients, there, mine)
        async with clients.client(yours, scope_id="ours") as client:
            assert len(there.others()) == 1
            assert client.prepared is yours


async def test_who_comes_while_a_spare_is_being_started_is_given_it(there: Stage) -> None:
    prepared = there.prepared()
    async with opened(limit=1) as clients:
        for _ in range(4):
            await serve(clients, prepared)
        # The last of them had another one started; who takes it waits until it is ready.
        await there.begun()
    assert len(there.others()) <= 4


async def test_a_spare_that_is_being_started_makes_room_for_others(there: Stage) -> None:
    prepared = there.prepared()
    async with opened(limit=1) as clients:
        await serve(clients, prepared)
        async with clients.client(prepared, scope_id="ours"):
            there.others()
            there.mute.touch()
        ends = Ends([await there.begun()])
        there.mute.unlink()
        await serve(clients, there.prepared("other"))
        await ends.have_come()


async def test_a_spare_makes_room_for_others(there: Stage) -> None:
    async with opened(limit=1) as clients:
        ends = Ends([await with_spare(clients, there, there.prepared())])
        await serve(clients, there.prepared("other"))
        await ends.have_come()


async def test_runs_that_end_at_once_have_no_more_spares_started_than_are_wanted(
    there: Stage,
) -> None:
    prepared = there.prepared(spares=1)
    everyone = asyncio.Barrier(3)

    async def run(clients: Clients) -> None:
        async with clients.client(prepared, scope_id="ours"):
            await everyone.wait()

    async with opened(limit=8) as clients:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(run, clients)
        assert len(clients._spares) == 1


async def test_a_spare_that_has_died_is_no_more_and_has_no_place(there: Stage) -> None:
    prepared = there.prepared()
    async with opened(limit=1) as clients:
        spare = await with_spare(clients, there, prepared)
        (kept,) = clients._keeping
        os.kill(spare, signal.SIGKILL)
        await asyncio.wait({kept})
        async with clients.client(prepared, scope_id="ours"):
            assert await there.begun() != spare


async def test_a_spare_that_cannot_be_started_gives_its_place_back(there: Stage) -> None:
    prepared = there.prepared(start_seconds=2)
    async with opened(limit=1) as clients:
        await serve(clients, prepared)
        async with clients.client(prepared, scope_id="ours"):
            there.mute.touch()
        (kept,) = clients._keeping
        await asyncio.wait({kept})
        assert kept.exception() is None
        there.mute.unlink()
        await serve(clients, prepared)


async def test_a_spare_ends_when_no_run_comes_in_its_time(there: Stage) -> None:
    async with opened(limit=1, spare_seconds=2) as clients:
        ends = Ends([await with_spare(clients, there, there.prepared())])
        await ends.have_come()


# ---- closing, and event loops ------------------------------------------------------------------


async def test_closing_ends_the_spares_and_those_that_are_being_started(there: Stage) -> None:
    async with opened(limit=4) as clients:
        ends = Ends([await with_spare(clients, there, there.prepared())])
        other = there.prepared("other")
        await serve(clients, other)
        async with clients.client(other, scope_id="ours"):
            there.others()
            there.mute.touch()
        starting = Ends([await there.begun()])
        await clients.aclose()
        await ends.have_come()
        await starting.have_come()


def run_in(there: Stage, runtime: Any, **config: Any) -> Any:
    """A run of a whole runtime, in whichever event loop it is called."""
    prepared = there.prepared(**config)

    async def run() -> Finished:
        with anyio.fail_after(PATIENCE):
            finished = await runtime.run(prepared, BareRun(BareGate()))
        assert isinstance(finished, Finished)
        return finished

    return run


async def test_a_runtime_is_closed_for_all_event_loops_from_any_of_them(there: Stage) -> None:
    runtime = open_runtime(ClaudeCodeConfig(max_processes=2))
    run = run_in(there, runtime)
    with start_blocking_portal() as elsewhere:
        for _ in range(2):
            await run()
            await anyio.to_thread.run_sync(elsewhere.call, run)
        begun = [await there.begun() for _ in range(6)]
        spares = set(begun) & set(living_pids())
        assert len(spares) == 2
        ends = Ends(spares)
        with anyio.fail_after(PATIENCE):
            await runtime.aclose()
        await ends.have_come()


def test_an_event_loop_that_ends_takes_its_processes_along(there: Stage) -> None:
    runtime = open_runtime(ClaudeCodeConfig(max_processes=2))

    async def runs() -> Ends:
        run = run_in(there, runtime)
        for _ in range(2):
            await run()
            await there.begun()
        return Ends([await there.begun()])

    for _ in range(2):
        ends = asyncio.run(runs())
        asyncio.run(ends.have_come())
    asyncio.run(runtime.aclose())
