"""Another process that has the store of a check open.

::

    python -m steer_conformance.storing.worker TARGET URL TASK ARGUMENTS

``TARGET`` is what the plugin declares as ``open``. Every task says on its standard output, a line
at a time, what it has seen or was acknowledged. The task ``samples`` fills a store for ``earlier``
of later versions.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from pkgutil import resolve_name
from typing import Any, cast

from steer.errors import BudgetExceeded, Conflict
from steer.ports import changes as c
from steer.ports.storage import Storage
from steer.values import JobStatus

from steer_conformance.storing.filling import claim
from steer_conformance.storing.golden import fill_with_samples
from steer_conformance.storing.samples import (
    TurnedClock,
    admit,
    created,
    effect,
    ending,
    entry,
    events,
    job,
    model_record,
    owner,
    write,
)


def say(line: object) -> None:
    """Write one line at once: a pipe keeps it also when this process is killed right after."""
    os.write(1, f"{line}\n".encode())


async def append(storage: Storage, worker: str, most: str) -> None:
    """Append events to own jobs, from a task for each; say each that was acknowledged."""

    async def one(number: int) -> None:
        job_id = f"job-{worker}-{number}"
        await admit(storage, job_id)
        for seq in range(1, int(most) + 1):
            done = await storage.commit("acme", job_id, 1, [events(seq, job_id=job_id)])
            say(f"{job_id} {seq} {done.position}")

    await asyncio.gather(*(one(number) for number in range(4)))


async def spend(storage: Storage, worker: str, most: str) -> None:
    """Reserve and settle on the account ``team``; say how often that was admitted."""
    admitted = 0
    for number in range(int(most)):
        key = f"{worker}-{number}"
        try:
            await storage.commit("acme", None, None, [c.Reserved(key=key, amounts=(("team", 7),))])
        except BudgetExceeded:
            continue
        admitted += 1
        await storage.commit("acme", None, None, [c.Settled(key=key, actuals=(("team", 3),))])
    say(admitted)


async def spend_nested(storage: Storage, worker: str, most: str) -> None:
    """Reserve on the accounts of a run, its team and its tenant, and settle half of that.

    Says ``held KEY`` and ``settled KEY``, and ``past ACCOUNT`` where that has more than it may.
    """

    async def one(task: int) -> None:
        for number in range(int(most)):
            key, run = f"{worker}-{task}-{number}", f"run-{worker}-{task}"
            accounts = ("tenant", f"team-{task % 2}", run)
            changes: list[c.Change] = [
                c.AccountOpened(account=run, budget_id="id-of-run"),
                c.Reserved(key=key, amounts=tuple((account, 8) for account in accounts)),
            ]
            try:
                done = await storage.commit("acme", None, None, changes)
            except BudgetExceeded:
                continue
            for account in done.accounts:
                limit = limits[account.account.partition("-")[0]]
                if account.spent + account.reserved > limit:
                    say(f"past {account.account}")
            say(f"held {key}")
            actuals = tuple((account, 4) for account in accounts)
            await storage.commit("acme", None, None, [c.Settled(key=key, actuals=actuals)])
            say(f"settled {key}")

    limits = {
        name: (await storage.ledger.budget("acme", name)).limit
        for name in ("tenant", "team", "run")
    }
    await asyncio.gather(*(one(task) for task in range(4)))


async def take(storage: Storage, worker: str, most: str) -> None:
    """Claim the jobs that everybody claims; say which were won."""
    for number in range(int(most)):
        try:
            await write(storage, claim(0, worker), fence=None, job_id=f"job-{number}")
        except Conflict:
            continue
        say(number)


async def whole_jobs(storage: Storage, worker: str, tasks: str, last: str) -> None:
    """Write whole jobs for ever, from several tasks; say each commit that was acknowledged.

    Right after acknowledgement number ``last`` this process kills itself; 0 leaves it to others.
    """
    acknowledged = count(1)

    def heard(line: str) -> None:
        say(line)
        if next(acknowledged) == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    async def forever(task: int) -> None:
        for number in count():
            job_id = f"job-{worker}-{task}-{number}"
            first: list[c.Change] = [
                created(job(job_id, owner=owner())),
                events(1, 2, job_id=job_id),
                c.ModelRecorded(record=model_record(response=os.urandom(3000))),
                c.EffectIntended(effect=effect()),
                c.LedgerAppended(entries=(entry(job_id, job_id=job_id),)),
                c.SessionAppended(session_id=job_id, expected_version=0, items=("1", "2")),
            ]
            await storage.commit("acme", job_id, None, first)
            heard(f"begun {job_id}")
            await write(
                storage, ending(3, job_id), c.JobMoved(status=JobStatus.FAILED), job_id=job_id
            )
            heard(f"ended {job_id}")

    await asyncio.gather(*(forever(task) for task in range(int(tasks))))


TASKS: Mapping[str, Callable[..., Awaitable[Any]]] = {
    "append": append,
    "samples": fill_with_samples,
    "spend": spend,
    "spend_nested": spend_nested,
    "take": take,
    "whole_jobs": whole_jobs,
}


async def main(target: str, url: str, task: str, *arguments: str) -> None:
    """Open the store, do the task, close it."""
    storage = cast("Storage", resolve_name(target)(url, TurnedClock()))
    await TASKS[task](storage, *arguments)
    await storage.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
