"""What there is around a run: tasks, threads, child processes and connections."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Surroundings", "connections_to"]

# Threads of a pool that wait for work: they belong to the event loop, and not to a run.
_POOLED = re.compile(r"AnyIO worker thread|asyncio_\d+|ThreadPoolExecutor-\d+_\d+")
# In a task of this kind the interpreter ends a generator that nobody iterates any more; HTTP
# clients leave such generators behind, and the task is over at the loop's next turn.
_INTERPRETERS = {"async_generator_athrow"}
_PROC = Path("/proc")
# The states of a connection that somebody still holds: established, and left by the other side.
_HELD = {"01", "08"}


@dataclass(frozen=True)
class Surroundings:
    """The tasks of this event loop, the threads and the children of this process."""

    tasks: frozenset[asyncio.Task[object]]
    threads: frozenset[int]
    children: frozenset[str]

    @classmethod
    def now(cls) -> Surroundings:
        """Look around."""
        return cls(
            tasks=frozenset(asyncio.all_tasks()),
            threads=frozenset(each.ident or 0 for each in threading.enumerate()),
            children=_children(),
        )

    def check(self, when: str) -> None:
        """Fail where something is there now that was not there before."""
        left = self.left()
        assert not left, f"{when} it left {', '.join(left)}"

    def left(self) -> list[str]:
        """Say what is there now that was not there before."""
        tasks = [
            f"the task {task.get_name()} ({task.get_coro()!r})"
            for task in asyncio.all_tasks() - self.tasks
            if type(task.get_coro()).__name__ not in _INTERPRETERS
        ]
        threads = [
            f"thread {thread.name}"
            for thread in threading.enumerate()
            if thread.ident not in self.threads and not _POOLED.match(thread.name)
        ]
        return [*tasks, *threads, *(f"child process {pid}" for pid in _children() - self.children)]


def _children() -> frozenset[str]:
    """The ids of the child processes, from Linux's own table; elsewhere nobody keeps one."""
    return frozenset(_children_of_threads())


def _children_of_threads() -> Iterator[str]:
    for listed in _PROC.glob("self/task/*/children"):
        # A thread may end between being listed and being looked at.
        with suppress(FileNotFoundError, ProcessLookupError):
            yield from listed.read_text().split()


def connections_to(port: int) -> int:
    """Count the connections to a port of this machine that their owner still holds (Linux)."""
    table = _PROC / "self" / "net" / "tcp"
    if not table.exists():
        return 0
    rows = (line.split() for line in table.read_text().splitlines()[1:])
    return sum(int(row[2].rpartition(":")[2], 16) == port and row[3] in _HELD for row in rows)
