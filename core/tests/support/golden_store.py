"""Something of everything, for the files that later versions of steer must still open.

``python golden_store.py FILE.gz`` writes such a file with the schema of today; run it when a
release adds a step to the schema, and keep the files of earlier steps as they are.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

from steer.ports import changes as c
from steer.ports.records import JobQuery
from steer.ports.storage import Storage
from steer.sqlite import open_sqlite
from steer.values import ActionStatus, JobStatus, RunResult, Usage
from storage_samples import (
    START,
    TurnedClock,
    action,
    created,
    effect,
    effect_key,
    entry,
    events,
    grant,
    job,
    model_record,
    outcome,
    owner,
    stored_agent,
)


async def fill(storage: Storage) -> None:
    """Write all kinds of rows."""
    record = job(
        owner=owner(),
        session_id="talk",
        idempotency_key="key",
        metadata={"ü": [1, {"x": None}]},
        tags=("red",),
        deadline=START,
    )
    await storage.commit(
        "acme",
        "job-1",
        None,
        [
            created(record),
            events(1, 2, 3),
            c.ModelRecorded(record=model_record(path=("call-0",), usage=Usage(requests=1))),
            c.EffectIntended(effect=effect()),
            c.EffectResolved(key=effect_key(), outcome=outcome()),
            c.GrantIssued(grant=grant()),
            c.GrantUsed(grant_id="grant-1"),
            c.BudgetSet(account="team", unit="usd", limit=2**40),
            c.Reserved(key="a", amounts=(("team", 5),)),
            c.Reserved(key="b", amounts=(("team", 6),)),
            c.Settled(key="a", actuals=(("team", 4),)),
            c.LedgerAppended(entries=(entry(cost=Decimal("0.0120"), usage=Usage(requests=1)),)),
            c.ActionRequested(action=action(payload={"q": "?"})),
            c.ActionMoved(action_id="action-1", status=ActionStatus.RESOLVED, resolution=[1]),
            c.SessionAppended(session_id="talk", expected_version=0, items=('"1"', '"ü"')),
            c.AgentStored(agent=stored_agent()),
            c.CancelRequested(reason="enough", by="ada"),
        ],
    )
    ended = RunResult(
        job_id="job-2", status=JobStatus.FAILED, output={"a": 1}, cost=Decimal("1.50")
    )
    changes: list[c.Change] = [
        created(job("job-2")),
        events(1, job_id="job-2"),
        c.JobMoved(status=JobStatus.FAILED, result=ended),
    ]
    await storage.commit("acme", "job-2", None, changes)


async def what_was_filled(storage: Storage) -> list[object]:
    """Read all of it."""
    return [
        await storage.jobs.list("acme", JobQuery()),
        await storage.journal.read("acme", limit=4),
        await storage.records.load("acme", "job-1"),
        await storage.ledger.account("acme", "team"),
        await storage.ledger.reservations("acme", "job-1"),
        await storage.ledger.entries("acme"),
        await storage.actions.list("acme"),
        await storage.sessions.get("acme", "talk"),
        await storage.agents.list("acme"),
    ]


async def _write_file(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        storage = open_sqlite(path, TurnedClock())
        await fill(storage)
        await storage.aclose()
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            packed.write(path.read_bytes())


if __name__ == "__main__":
    asyncio.run(_write_file(Path(sys.argv[1])))
