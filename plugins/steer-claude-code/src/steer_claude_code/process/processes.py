"""The processes of one private folder, as the host finds and ends them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread

from steer_claude_code.process import supervisor
from steer_claude_code.process.launcher import guard_command, guarded

__all__ = ["end_processes"]

_PROC = Path("/proc")
_GUARD_SECONDS = 2.0
"""How long a guard is waited for, which ends what it guards at once."""
_END_SECONDS = 5.0
"""How long the end of all processes is waited for."""
_LOOK_AGAIN_SECONDS = 0.02


class _Process(NamedTuple):
    pid: int
    name: str
    guard: bool


async def end_processes(root: Path) -> tuple[str, ...]:
    """End every process of a private folder, and name those that could not be ended.

    The guards go first: they know of processes that have forgotten where they come from. What a
    guard that was killed has left is found by the variable that all of them were started with.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _END_SECONDS
    # Threads of its own: those of the loop may all be busy with tools that do not end.
    limiter = CapacityLimiter(1)
    asked: set[int] = set()
    while True:
        found = await to_thread.run_sync(_of, root, limiter=limiter)
        left = until - loop.time()
        if not found or left <= 0:
            break
        guards = [each for each in found if each.guard and each.pid not in asked]
        asked |= {each.pid for each in guards}
        end = _end if guarded() else _end_unseen
        if guards:
            await end(guards, signal.SIGTERM, min(_GUARD_SECONDS, left))
        elif not await end(found, signal.SIGKILL, left):
            break
    return tuple(f"process {each.pid} ({each.name})" for each in found)


def _of(root: Path) -> list[_Process]:
    return sorted(_found(root), key=lambda each: each.pid)


def _found(root: Path) -> Iterator[_Process]:
    mark = os.fsencode(f"{supervisor.MARKER}={root}")
    command = [os.fsencode(argument) for argument in guard_command(root)]
    for folder in _PROC.iterdir() if _PROC.is_dir() else ():
        if not folder.name.isdigit():
            continue
        # Others' processes cannot be read, and one may end at any time. The dead have no variables.
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                arguments = (folder / "cmdline").read_bytes().split(b"\0")
                name = (folder / "comm").read_text(errors="replace").strip()
                guard = arguments[: len(command)] == command
                yield _Process(int(folder.name), name, guard)


async def _end(processes: Sequence[_Process], number: signal.Signals, seconds: float) -> bool:
    """Signal processes, and wait until they have ended or the time is up.

    Returns whether there was one that may be signalled, or that had ended by itself.
    """
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[None]] = []
    refusals = 0
    with ExitStack() as stack:
        for process in processes:
            try:
                descriptor = os.pidfd_open(process.pid)
                stack.callback(os.close, descriptor)
                signal.pidfd_send_signal(descriptor, number)
            except ProcessLookupError:
                continue
            except PermissionError:
                refusals += 1
                continue
            end: asyncio.Future[None] = loop.create_future()
            loop.add_reader(descriptor, _resolve, end)
            stack.callback(loop.remove_reader, descriptor)
            ends.append(end)
        if ends:
            await asyncio.wait(ends, timeout=seconds)
    return refusals < len(processes)


async def _end_unseen(
    processes: Sequence[_Process], number: signal.Signals, seconds: float
) -> bool:
    """Do the same where the kernel tells of no process's end; they are looked at again soon."""
    refusals = 0
    for process in processes:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue
        except PermissionError:
            refusals += 1
    await asyncio.sleep(min(seconds, _LOOK_AGAIN_SECONDS))
    return refusals < len(processes)


def _resolve(end: asyncio.Future[None]) -> None:
    if not end.done():
        end.set_result(None)
