"""Programs in the CLI's place, and what becomes of all that they start."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.process.quarters import Quarters, quarters

PATIENCE = 60.0
"""Seconds after which a test that waits has failed."""
PROMPTLY = 5.0
"""Seconds within which nothing is left, on however busy a machine; a tenth is usual."""

SDK = {"CLAUDE_AGENT_SDK_VERSION": "0.2.189", "CLAUDE_CODE_ENTRYPOINT": "sdk-py"}
"""What the SDK adds to the environment of the CLI."""

SCATTERED = 6
SCATTERING = """\
#!/bin/bash
# Starts programs in all the ways that outlive a shell. Each says its process id, this one at last.
here='echo $$; exec /bin/sleep 1000'
sh -c "$here" &
nohup sh -c "$here" 2>&- &
setsid sh -c "$here" &
( setsid sh -c "$here" & ) &
setsid env -i /bin/sh -c "$here" &
sh -c "trap '' HUP INT TERM; echo \\$\\$; while :; do /bin/sleep 1000; done" &
echo $$
read -r word code
case $word in
  end) exit "$code" ;;
  stay) exec /bin/sleep 1000 ;;
esac
"""


def program(folder: Path, text: str) -> Path:
    """Write a program that can be run in the CLI's place."""
    file = folder / "program"
    file.write_text(text)
    file.chmod(0o700)
    return file


@asynccontextmanager
async def living(cli: Path, **given: object) -> AsyncIterator[Quarters]:
    """A private place for this program, within a bounded time."""
    config = ClaudeCodeConfig.model_validate({"cli_path": cli, **given})
    with anyio.fail_after(PATIENCE):
        async with quarters(
            config=config, endpoint="http://127.0.0.1:9", token="token-of-this-process"
        ) as place:
            yield place


async def start(place: Quarters, *arguments: str) -> Process:
    """Start what lives there, as the SDK does."""
    return await asyncio.create_subprocess_exec(
        place.cli_path,
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, **SDK, **place.environment},
    )


async def pids(process: Process, count: int) -> list[int]:
    """Read the process ids that a program says."""
    assert process.stdout is not None
    return [int(await process.stdout.readline()) for _ in range(count)]


async def tell(process: Process, line: str) -> None:
    """Write a program a line."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())
    await process.stdin.drain()


def parent_of(pid: int) -> int:
    """Return who started a process, or who has it now."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    return int(fields[1])


def living_pids() -> list[int]:
    """Return every process of this machine."""
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def names_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder."""
    return sorted(entry.name for entry in folder.iterdir())


def environment_of(pid: int) -> dict[str, str]:
    """Return what a process was started with."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(os.fsdecode(entry).split("=", 1) for entry in entries if entry)


class Ends:
    """The ends of some processes that live now."""

    def __init__(self, processes: Iterable[int]) -> None:
        self._descriptors = [os.pidfd_open(pid) for pid in processes]

    async def have_come(self) -> None:
        """Return once all have ended; fail where one does not promptly."""
        try:
            with anyio.fail_after(PROMPTLY):
                for descriptor in self._descriptors:
                    await anyio.wait_readable(descriptor)
        finally:
            for descriptor in self._descriptors:
                os.close(descriptor)


async def host() -> None:
    """Be a host: start a program in a place of its own, say where, and stay."""
    async with living(Path(sys.argv[1])) as place:
        sys.stdout.write(f"{place.root}\n")
        sys.stdout.flush()
        process = await asyncio.create_subprocess_exec(
            place.cli_path, stdin=PIPE, env={**os.environ, **SDK, **place.environment}
        )
        await process.wait()


if __name__ == "__main__":
    asyncio.run(host())
