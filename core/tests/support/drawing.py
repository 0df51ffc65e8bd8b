"""What runs spent of budgets, without runs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from steer.budgets import allotments
from steer.builtins.storages import open_sqlite_url
from steer.clock import SystemClock
from steer.context import ExecutionContext
from steer.ports.changes import Change, Reserved, Settled

__all__ = ["held", "spend", "used"]


def spend(
    folder: Path,
    name: str,
    *changes: Change,
    principal_id: str = "ada",
    job_id: str = "job-1",
    at: datetime | None = None,
) -> None:
    """Open the account that a run of this principal draws on, and commit changes of it.

    The run began at ``at``, or begins now.
    """

    async def commit() -> None:
        storage = open_sqlite_url(f"sqlite:///{folder / 'jobs.db'}", SystemClock())
        try:
            budget = await storage.ledger.budget("default", name)
            context = ExecutionContext(
                scope_id="default", principal_id=principal_id, job_id=job_id, run_id="run"
            )
            (found,) = allotments([budget], context, agent="clerk", now=at or datetime.now(UTC))
            for change in (found.opened(), *changes):
                await storage.commit("default", None, None, [on(found.account, change)])
        finally:
            await storage.aclose()

    asyncio.run(commit())


def on(account: str, change: Change) -> Change:
    """Return the change with the account's name in the place of ``here``."""
    if isinstance(change, Reserved):
        return Reserved(key=change.key, amounts=((account, change.amounts[0][1]),))
    if isinstance(change, Settled):
        return Settled(key=change.key, actuals=((account, change.actuals[0][1]),))
    return change


def held(key: str, amount: int) -> Reserved:
    """Return the change that sets an amount aside."""
    return Reserved(key=key, amounts=(("here", amount),))


def used(key: str, amount: int) -> tuple[Reserved, Settled]:
    """Return the changes by which an amount is spent."""
    return held(key, 1), Settled(key=key, actuals=(("here", amount),))
