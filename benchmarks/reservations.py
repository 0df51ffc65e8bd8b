"""How many reservations a second one hot budget takes, and what budgets add to a run.

64 tasks reserve on one account and settle, again and again. On ``memory`` and on ``sqlite`` that
is ``Storage.commit``; beside it, on the same disk and in the same run, stands the same with bare
SQLite, which keeps no more than the sums and the reservations: a transaction for each call, as
programs do it that ask their database themselves, and a thread that commits what has queued up.
Every commit is on the disk before its call returns. Afterwards each of them has to be exact.

Promises: on ``sqlite`` steer takes at least 0.4 times the pairs of reservation and settlement that
bare group commits take, and more than a transaction for each call does, wherever these do too: a
file in memory costs nothing to commit to. A run of the OpenAI Agents SDK (two model turns and one
tool call) that draws on three budgets takes at most 1.10 times the processor time of one without
any.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from parts.provider_process import provider_process
from run_overhead import AGENT, SCRIPT, compare, governed
from steer import RuntimeKernel
from steer.clock import SystemClock
from steer.memory import open_memory
from steer.ports.changes import AccountOpened, BudgetDefined, Change, Reserved, Settled
from steer.ports.money import BudgetPeriod, BudgetRecord, BudgetSubject, BudgetUnit
from steer.ports.storage import Storage
from steer.sqlite import open_sqlite

TASKS = 64
AMOUNT, ACTUAL = 10, 7
LIMIT = 2**50
MOST_IN_GROUP = 256
LEAST_OF_BARE_GROUPS = 0.4
MOST_OF_A_RUN = 1.10

SCHEMA = """
CREATE TABLE budgets (name TEXT PRIMARY KEY, most INTEGER, spent INTEGER, reserved INTEGER);
CREATE TABLE reservations (key TEXT PRIMARY KEY, amount INTEGER, actual INTEGER);
"""
RESERVE = """
UPDATE budgets SET reserved = reserved + ? WHERE name = 'hot' AND spent + reserved + ? <= most
"""
HOLD = "INSERT INTO reservations VALUES (?, ?, NULL)"
SETTLE = "UPDATE budgets SET spent = spent + ?, reserved = reserved - ? WHERE name = 'hot'"
END = "UPDATE reservations SET actual = ? WHERE key = ? AND actual IS NULL"


class Books(Protocol):
    """What reserves and settles on one hot budget."""

    async def reserve(self, key: str, /) -> None: ...
    async def settle(self, key: str, /) -> None: ...
    async def sums(self) -> tuple[int, int]:
        """Return what is spent and what is reserved."""
        ...

    async def aclose(self) -> None: ...


class Steer:
    """A storage of steer's."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def open(self) -> Steer:
        budget = BudgetRecord(
            budget_id="hot",
            name="hot",
            subject=BudgetSubject.SCOPE,
            period=BudgetPeriod.TOTAL,
            unit=BudgetUnit.USD,
            limit=LIMIT,
            updated_at=datetime.now(UTC),
        )
        opened = AccountOpened(account="hot", budget_id="hot")
        await self._commit(BudgetDefined(budget=budget), opened)
        return self

    async def _commit(self, *changes: Change) -> None:
        await self._storage.commit("bench", None, None, changes)

    async def reserve(self, key: str, /) -> None:
        await self._commit(Reserved(key=key, amounts=(("hot", AMOUNT),)))

    async def settle(self, key: str, /) -> None:
        await self._commit(Settled(key=key, actuals=(("hot", ACTUAL),)))

    async def sums(self) -> tuple[int, int]:
        account = await self._storage.ledger.account("bench", "hot")
        return account.spent, account.reserved

    async def aclose(self) -> None:
        await self._storage.aclose()


def bare(path: Path) -> sqlite3.Connection:
    """A file with one budget, as durable as steer's."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(SCHEMA)
    connection.execute("INSERT INTO budgets VALUES ('hot', ?, 0, 0)", (LIMIT,))
    return connection


def bare_reserve(connection: sqlite3.Connection, key: str) -> None:
    assert connection.execute(RESERVE, (AMOUNT, AMOUNT)).rowcount == 1
    connection.execute(HOLD, (key, AMOUNT))


def bare_settle(connection: sqlite3.Connection, key: str) -> None:
    assert connection.execute(END, (ACTUAL, key)).rowcount == 1
    connection.execute(SETTLE, (ACTUAL, AMOUNT))


def bare_sums(connection: sqlite3.Connection) -> tuple[int, int]:
    spent, reserved = connection.execute("SELECT spent, reserved FROM budgets").fetchone()
    return spent, reserved


class EachByItself:
    """One UPDATE, one INSERT and one COMMIT for each call."""

    def __init__(self, path: Path) -> None:
        self._connection = bare(path)

    async def _transact(self, work: Callable[[sqlite3.Connection, str], None], key: str) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        work(self._connection, key)
        self._connection.execute("COMMIT")
        await asyncio.sleep(0)

    async def reserve(self, key: str, /) -> None:
        await self._transact(bare_reserve, key)

    async def settle(self, key: str, /) -> None:
        await self._transact(bare_settle, key)

    async def sums(self) -> tuple[int, int]:
        return bare_sums(self._connection)

    async def aclose(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class Call:
    """What a task waits for."""

    work: Callable[[sqlite3.Connection, str], None]
    key: str
    done: Future[None]


class InGroups:
    """A thread that puts all that has queued up meanwhile into one COMMIT."""

    def __init__(self, path: Path) -> None:
        self._connection = bare(path)
        self._queue: SimpleQueue[Call | None] = SimpleQueue()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            calls = [first]
            while len(calls) < MOST_IN_GROUP and not self._queue.empty():
                call = self._queue.get()
                if call is None:
                    self._queue.put(None)
                    break
                calls.append(call)
            self._connection.execute("BEGIN IMMEDIATE")
            for call in calls:
                call.work(self._connection, call.key)
            self._connection.execute("COMMIT")
            for call in calls:
                call.done.set_result(None)

    async def _call(self, work: Callable[[sqlite3.Connection, str], None], key: str) -> None:
        done: Future[None] = Future()
        self._queue.put(Call(work, key, done))
        await asyncio.wrap_future(done)

    async def reserve(self, key: str, /) -> None:
        await self._call(bare_reserve, key)

    async def settle(self, key: str, /) -> None:
        await self._call(bare_settle, key)

    async def sums(self) -> tuple[int, int]:
        return bare_sums(self._connection)

    async def aclose(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._connection.close()


async def pairs_a_second(books: Books, each: int) -> float:
    """The rate of ``TASKS`` tasks that reserve and settle; it is exact, or this fails."""

    async def one(task: int) -> None:
        for number in range(each):
            key = f"{task}-{number}"
            await books.reserve(key)
            await books.settle(key)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for task in range(TASKS):
            group.create_task(one(task))
    rate = TASKS * each / (time.perf_counter() - start)
    assert await books.sums() == (TASKS * each * ACTUAL, 0)
    await books.aclose()
    return rate


async def of_one_budget(rounds: int, each: int) -> int:
    """Measure all kinds in turn, so that a disk whose speed drifts does not decide."""
    kinds: dict[str, Callable[[Path], Awaitable[Books]]] = {
        "bare, each by itself": lambda path: _ready(EachByItself(path)),
        "bare, in groups": lambda path: _ready(InGroups(path)),
        "steer, sqlite": lambda path: Steer(open_sqlite(path, SystemClock())).open(),
        "steer, memory": lambda _: Steer(open_memory()).open(),
    }
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(rounds):
            for number, (kind, opened) in enumerate(kinds.items()):
                books = await opened(Path(folder) / f"{round_}-{number}.db")
                rates[kind].append(await pairs_a_second(books, each))
    print(f"{TASKS} tasks, each {each} times: reserve and settle on one budget")
    apart, grouped, ours = (
        rates[kind] for kind in ("bare, each by itself", "bare, in groups", "steer, sqlite")
    )
    for kind, found in rates.items():
        print(
            f"{kind:<22}{statistics.median(found):8.0f} pairs/s,"
            f" x{_ratio(found, apart):.2f} of each by itself"
        )
    share = _ratio(ours, grouped)
    print(f"{'':<22}steer on sqlite takes x{share:.2f} of what bare groups take")
    outdone = _ratio(ours, apart) <= 1 < _ratio(grouped, apart)
    return int(outdone) + int(share < LEAST_OF_BARE_GROUPS)


async def _ready(books: Books) -> Books:
    return books


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios by round."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


async def of_a_run(blocks: int, times: int) -> int:
    """Compare runs that draw on three nested budgets with runs that draw on none."""
    failures = 0
    with provider_process(SCRIPT) as served, tempfile.TemporaryDirectory() as folder:
        url = served["openai_base_url"]
        for name, storage in (
            ("memory", ("memory://", "memory://")),
            ("sqlite", (f"sqlite:///{folder}/without.db", f"sqlite:///{folder}/with.db")),
        ):
            async with AsyncExitStack() as stack:
                without, budgeted = [
                    await stack.enter_async_context(RuntimeKernel(storage=url)) for url in storage
                ]
                budgets = [await _set(budgeted, period) for period in PERIODS]
                plains, others = await compare(
                    governed(without, url, AGENT, "Weather?"),
                    governed(budgeted, url, AGENT, "Weather?"),
                    blocks=blocks,
                    times=times,
                )
                ratio = _ratio([cost.cpu for cost in others], [cost.cpu for cost in plains])
                longer = _ratio([cost.wall for cost in others], [cost.wall for cost in plains])
                print(f"a run with three budgets, {name}: cpu x{ratio:.3f}, wall x{longer:.3f}")
                for budget in budgets:
                    await _check_exact(budgeted, budget, runs=(blocks + 1) * times)
                failures += ratio > MOST_OF_A_RUN
    return failures


PERIODS = (BudgetPeriod.TOTAL, BudgetPeriod.MONTH, BudgetPeriod.RUN)


async def _set(kernel: RuntimeKernel, period: BudgetPeriod) -> BudgetRecord:
    return await kernel.set_budget(
        f"per-{period}", limit=10**9, unit=BudgetUnit.REQUESTS, period=period
    )


async def _check_exact(kernel: RuntimeKernel, budget: BudgetRecord, *, runs: int) -> None:
    """Two requests of each run are spent, and nothing is reserved any more."""
    spent, cursor = 0, None
    while True:
        page = await kernel.accounts(budget, cursor=cursor)
        for account in page.items:
            assert account.reserved == 0, account
            spent += account.spent
        cursor = page.cursor
        if cursor is None:
            break
    drew = f"{spent} requests spent on {budget.name}"
    assert spent in (0, 2 * runs), f"{drew}, of {runs} runs"
    if not spent:
        print(f"  no run drew on {budget.name}: there is nothing to compare")


async def main(rounds: int, each: int, blocks: int, times: int) -> int:
    return await of_one_budget(rounds, each) + await of_a_run(blocks, times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--each", type=int, default=30, help="pairs of a task, in a round")
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--times", type=int, default=20, help="runs in a block")
    given = parser.parse_args()
    raise SystemExit(asyncio.run(main(given.rounds, given.each, given.blocks, given.times)))
