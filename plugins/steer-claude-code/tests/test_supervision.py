"""Nothing of a CLI process is left, whatever ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
import supervised
from steer.errors import RuntimeFailure
from steer_claude_code.process.quarters import Quarters
from supervised import (
    SCATTERED,
    SCATTERING,
    SDK,
    Ends,
    living,
    living_pids,
    names_in,
    parent_of,
    pids,
    program,
    start,
    tell,
)

pytestmark = pytest.mark.anyio

KILLED = 128 + signal.SIGKILL

Ending = Callable[[Quarters, Process, int], Awaitable[object]]


async def it_ends(_: Quarters, process: Process, cli: int) -> None:
    await tell(process, "end 3")


async def its_input_is_closed(_: Quarters, process: Process, cli: int) -> None:
    assert process.stdin is not None
    process.stdin.close()


async def it_stays_though_its_input_is_closed(_: Quarters, process: Process, cli: int) -> None:
    await tell(process, "stay")
    assert process.stdin is not None
    process.stdin.close()


async def the_guard_is_told_to_end(_: Quarters, process: Process, cli: int) -> None:
    process.terminate()


async def the_outer_guard_is_killed(_: Quarters, process: Process, cli: int) -> None:
    process.kill()


async def the_inner_guard_is_killed(_: Quarters, process: Process, cli: int) -> None:
    os.kill(parent_of(cli), signal.SIGKILL)


async def it_is_killed(_: Quarters, process: Process, cli: int) -> None:
    os.kill(cli, signal.SIGKILL)


async def the_host_sweeps(place: Quarters, process: Process, cli: int) -> None:
    assert await place.sweep() == ()


ENDINGS: list[tuple[Ending, int]] = [
    (it_ends, 3),
    (its_input_is_closed, 0),
    (it_stays_though_its_input_is_closed, KILLED),
    (the_guard_is_told_to_end, 0),
    (the_outer_guard_is_killed, -signal.SIGKILL),
    (the_inner_guard_is_killed, KILLED),
    (it_is_killed, KILLED),
    (the_host_sweeps, 0),
]


@pytest.mark.parametrize(("ending", "code"), ENDINGS, ids=[end.__name__ for end, _ in ENDINGS])
async def test_nothing_that_the_cli_started_outlives(
    ending: Ending, code: int, tmp_path: Path
) -> None:
    async with living(program(tmp_path, SCATTERING)) as place:
        process = await start(place)
        started = await pids(process, SCATTERED + 1)
        (cli,) = (pid for pid in started if _names(pid, tmp_path / "program"))
        inner = parent_of(cli)
        assert parent_of(inner) == process.pid
        ends = Ends([*started, inner, process.pid])
        await ending(place, process, cli)
        await ends.have_come()
        assert await process.wait() == code
    assert not place.root.exists()


def _names(pid: int, path: Path) -> bool:
    """Whether a process that may end at any time has a path among its arguments."""
    with suppress(OSError):
        return os.fsencode(path) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False


async def test_nothing_outlives_the_kill_of_the_host_and_its_folder_goes_too(
    tmp_path: Path,
) -> None:
    cli = program(tmp_path, SCATTERING)
    host = await asyncio.create_subprocess_exec(
        sys.executable, supervised.__file__, cli, stdout=PIPE
    )
    assert host.stdout is not None
    with anyio.fail_after(supervised.PATIENCE):
        root = Path((await host.stdout.readline()).decode().strip())
        started = await pids(host, SCATTERED + 1)
        guards = {parent for pid in started if _names(parent := parent_of(pid), root)}
        guards |= {parent for pid in guards if _names(parent := parent_of(pid), root)}
        assert len(guards) == 2
        assert root.name in names_in(root.parent)
        ends = Ends([*started, *guards])
        host.kill()
        await ends.have_come()
        await host.wait()
    assert root.name not in names_in(root.parent)


async def test_what_both_guards_would_have_ended_the_host_finds(tmp_path: Path) -> None:
    text = "#!/bin/sh\nsetsid sh -c 'echo $$; exec sleep 1000' &\necho $$\nexec sleep 1000\n"
    async with living(program(tmp_path, text)) as place:
        process = await start(place)
        one, other = await pids(process, 2)
        guards = {parent_of(one), parent_of(other), process.pid} - {one, other}
        ends, both = Ends([one, other]), Ends(guards)
        for pid in guards:
            os.kill(pid, signal.SIGSTOP)
        for pid in guards:
            os.kill(pid, signal.SIGKILL)
        await both.have_come()
        assert await place.sweep() == ()
        await ends.have_come()


async def test_without_a_guard_the_host_ends_what_still_says_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("launcher", "processes"):
        monkeypatch.setattr(f"steer_claude_code.process.{module}.guarded", lambda: False)
    text = "#!/bin/sh\nsetsid sh -c 'echo $$; exec sleep 1000' &\necho $$\nread -r _\n"
    async with living(program(tmp_path, text)) as place:
        process = await start(place)
        ends = Ends(await pids(process, 2))
        assert await place.sweep() == ()
        await ends.have_come()
        assert await process.wait() == -signal.SIGKILL


async def test_a_cancelled_host_leaves_nothing_however_often_it_is_cancelled(
    tmp_path: Path,
) -> None:
    cli = program(tmp_path, SCATTERING)
    up: asyncio.Future[tuple[Path, Ends]] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        async with living(cli) as place:
            process = await start(place)
            up.set_result((place.root, Ends(await pids(process, SCATTERED + 1))))
            await process.wait()

    task = asyncio.create_task(run())
    root, ends = await up
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.001)
    assert task.cancelled()
    assert root.name not in names_in(root.parent)
    await ends.have_come()


async def test_what_cannot_be_ended_is_named_by_the_error_there_is_or_else_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stubborn(root: Path) -> tuple[str, ...]:
        return ("process 7 (sudo)",)

    monkeypatch.setattr("steer_claude_code.process.quarters.end_processes", stubborn)
    cli = program(tmp_path, SCATTERING)
    with pytest.raises(RuntimeFailure, match=r"could not end .*: process 7 \(sudo\)"):
        async with living(cli):
            pass
    with pytest.raises(KeyError) as failure:
        async with living(cli):
            raise KeyError("mine")
    assert failure.value.__notes__ == [
        "What the CLI had started could not be ended: process 7 (sudo)"
    ]


async def test_a_start_that_is_swept_at_once_leaves_nothing(tmp_path: Path) -> None:
    async with living(program(tmp_path, SCATTERING)) as place:
        process = await start(place)
        ends = Ends([process.pid])
        assert await place.sweep() == ()
        await ends.have_come()
        await process.wait()
        assert await place.sweep() == ()


async def test_processes_that_flee_by_starting_others_do_not_get_away(tmp_path: Path) -> None:
    relay = tmp_path / "relay"
    relay.write_text('[ "$1" -gt 0 ] && sh "$0" $(($1 - 1)) & exit\n')
    # Few, and each comes to an end by itself: should they get away, they are no harm for long.
    text = f"#!/bin/bash\nfor i in {{1..8}}; do sh {relay} 500 & done\necho $$\nread -r _\n"
    async with living(program(tmp_path, text)) as place:
        process = await start(place)
        await pids(process, 1)
        ends = Ends([process.pid])
        process.terminate()
        await ends.have_come()
        await process.wait()
    assert [pid for pid in living_pids() if _names(pid, relay)] == []


async def test_the_cli_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    started: list[subprocess.Popen[str]] = []
    async with living(program(tmp_path, SCATTERING)) as place:

        def begin() -> None:
            started.append(
                subprocess.Popen(
                    [place.cli_path],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, **SDK, **place.environment},
                    text=True,
                )
            )

        thread = threading.Thread(target=begin)
        thread.start()
        await asyncio.to_thread(thread.join)
        with started[0] as process:
            assert process.stdout is not None
            reading = process.stdout
            for _ in range(SCATTERED + 1):
                await asyncio.to_thread(reading.readline)
            await asyncio.to_thread(process.communicate, "end 5\n")
        assert process.returncode == 5


async def test_an_interrupt_is_passed_on_to_the_cli(tmp_path: Path) -> None:
    text = "#!/bin/bash\ntrap 'exit 9' INT\necho $$\nread -r _\n"
    async with living(program(tmp_path, text)) as place:
        process = await start(place)
        await pids(process, 1)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 9


async def test_a_terminal_reaches_neither_guard_nor_cli(tmp_path: Path) -> None:
    async with living(program(tmp_path, "#!/bin/bash\necho $$\nread -r _\n")) as place:
        process = await start(place)
        (cli,) = await pids(process, 1)
        assert os.getsid(cli) == cli
        assert os.getsid(process.pid) == os.getsid(parent_of(cli)) == process.pid


async def test_the_cli_starts_with_every_signal_as_usual() -> None:
    async with living(Path("/bin/cat")) as place:
        process = await start(place, "/proc/self/status")
        output, _ = await process.communicate()
        status = dict(line.split(b":\t", 1) for line in output.splitlines())
        # Others are the C library's own, which it has ignored in what it spawns.
        every = sum(1 << (number - 1) for number in signal.valid_signals())
        assert int(status[b"SigIgn"], 16) & every == 0
        assert int(status[b"SigBlk"], 16) == 0


async def test_a_cli_that_cannot_be_started_says_so(tmp_path: Path) -> None:
    async with living(program(tmp_path, "#!/no/such/interpreter\n")) as place:
        process = await asyncio.create_subprocess_exec(
            place.cli_path, stdin=PIPE, stderr=PIPE, env={**os.environ, **place.environment}
        )
        _, said = await process.communicate()
        assert process.returncode == 127
        assert said.decode() == (
            f"steer: {tmp_path}/program cannot be started: No such file or directory\n"
        )
