"""What replays need: model calls, effects, grants; each recorded once and kept exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from steer.errors import Conflict, ErrorCategory, ErrorInfo, NotFound
from steer.ports.changes import (
    EffectIntended,
    EffectResolved,
    GrantIssued,
    GrantUsed,
    JobClaimed,
    JobMoved,
    ModelRecorded,
    RecordsDropped,
)
from steer.ports.records import Records
from steer.ports.storage import Storage
from steer.values import Effect, EffectStatus, JobStatus, Usage
from storage_samples import (
    START,
    TurnedClock,
    admit,
    effect,
    effect_key,
    ending,
    events,
    grant,
    model_record,
    outcome,
    owner,
    seqs,
    write,
)

pytestmark = pytest.mark.anyio


def resolved(status: EffectStatus = EffectStatus.SUCCEEDED, **fields: object) -> EffectResolved:
    return EffectResolved(key=effect_key(), outcome=outcome(status, **fields))


async def test_records_come_back_in_the_order_they_were_made(
    storage: Storage, clock: TurnedClock
) -> None:
    models = [
        model_record(1, response=bytes(range(256)) * 4096),
        model_record(0, ("call-9", "ü/🚚")),
        model_record(
            0,
            model="m",
            provider="p",
            response_id="r",
            finish_reason="stop",
            usage=Usage(requests=1, cached_tokens=3, estimated=True),
        ),
    ]
    error = ErrorInfo(
        code="x", message="ü", category=ErrorCategory.TIMEOUT, retry_after=0.1, details={"a": "b"}
    )
    effects = [
        effect("call-2", effect=Effect.IDEMPOTENT, proposed=None, arguments=[1, {"ü": 1.5}]),
        effect("call-1", outcome=outcome(EffectStatus.FAILED, value=None, error=error)),
    ]
    grants = [grant("g-2", by="ada", expires_at=START), grant("g-1")]
    await admit(storage)
    await write(
        storage,
        *(ModelRecorded(record=record) for record in models),
        *(EffectIntended(effect=one) for one in effects),
        *(GrantIssued(grant=one) for one in grants),
    )
    clock.turn(2)
    await write(storage, GrantUsed(grant_id="g-1"))
    assert await storage.records.load("acme", "job-1") == Records(
        models=tuple(models),
        effects=tuple(effects),
        grants=(grants[0], replace(grants[1], used_at=clock.now())),
    )


async def test_records_of_no_job_are_not_found(storage: Storage) -> None:
    with pytest.raises(NotFound):
        await storage.records.load("acme", "job-1")
    await admit(storage)
    assert await storage.records.load("acme", "job-1") == Records()


async def test_a_model_call_is_recorded_once_per_path_and_index(storage: Storage) -> None:
    await admit(storage)
    await write(storage, ModelRecorded(record=model_record(0)))
    with pytest.raises(Conflict):
        await write(storage, events(1), ModelRecorded(record=model_record(0, response=b"other")))
    await write(storage, ModelRecorded(record=model_record(1)))
    await write(storage, ModelRecorded(record=model_record(0, ("call",))))
    assert seqs(await storage.journal.events("acme", "job-1")) == []
    assert (await storage.records.load("acme", "job-1")).models[0] == model_record(0)


async def test_an_effect_is_intended_once_per_key(storage: Storage) -> None:
    await admit(storage)
    await write(storage, EffectIntended(effect=effect()))
    with pytest.raises(Conflict):
        await write(storage, EffectIntended(effect=effect(tool="another")))
    for key in (effect_key("other"), effect_key(path=("p",)), effect_key(message=1)):
        await write(storage, EffectIntended(effect=effect(key=key)))


async def test_an_outcome_is_recorded_once_unless_it_was_unknown(storage: Storage) -> None:
    await admit(storage)
    with pytest.raises(NotFound):
        await write(storage, resolved())
    await write(storage, EffectIntended(effect=effect()))
    await write(storage, resolved(EffectStatus.UNKNOWN))
    await write(storage, resolved(EffectStatus.FAILED))
    with pytest.raises(Conflict, match="failed"):
        await write(storage, resolved(EffectStatus.SUCCEEDED))
    found = (await storage.records.load("acme", "job-1")).effects[0]
    assert found == effect(outcome=outcome(EffectStatus.FAILED))


async def test_the_outcome_of_a_stalled_owner_is_refused(
    storage: Storage, clock: TurnedClock
) -> None:
    await admit(storage)
    await write(storage, EffectIntended(effect=effect()))
    clock.turn(60)
    await write(
        storage,
        JobClaimed(owner=owner("kernel-2"), run_id="r", expected_fence=1, lease_seconds=30),
        fence=None,
    )
    with pytest.raises(Conflict, match="fence"):
        await write(storage, resolved(), fence=1)
    assert (await storage.records.load("acme", "job-1")).effects[0].outcome is None
    await write(storage, resolved(EffectStatus.UNKNOWN), fence=2)


async def test_a_late_outcome_of_the_last_owner_is_kept_after_the_end(storage: Storage) -> None:
    await admit(storage)
    await write(storage, EffectIntended(effect=effect()))
    await write(storage, ending(1), JobMoved(status=JobStatus.CANCELLED))
    await write(storage, resolved())
    assert (await storage.records.load("acme", "job-1")).effects[0].outcome == outcome()


async def test_a_grant_is_used_at_most_once(storage: Storage) -> None:
    await admit(storage)
    await admit(storage, "job-2")
    with pytest.raises(NotFound):
        await write(storage, GrantUsed(grant_id="grant-1"))
    await write(storage, GrantIssued(grant=grant()))
    with pytest.raises(Conflict):
        await write(storage, GrantIssued(grant=grant(by="thief")))
    with pytest.raises(NotFound):
        await write(storage, GrantUsed(grant_id="grant-1"), job_id="job-2")
    await write(storage, GrantUsed(grant_id="grant-1"))
    with pytest.raises(Conflict, match="used"):
        await write(storage, GrantUsed(grant_id="grant-1"))


async def test_dropped_records_are_gone_and_the_journal_stays(storage: Storage) -> None:
    for job_id in ("job-1", "job-2"):
        await admit(storage, job_id)
        await write(
            storage,
            events(1, job_id=job_id),
            ModelRecorded(record=model_record()),
            EffectIntended(effect=effect()),
            GrantIssued(grant=grant()),
            job_id=job_id,
        )
    await write(storage, RecordsDropped())
    assert await storage.records.load("acme", "job-1") == Records()
    assert seqs(await storage.journal.events("acme", "job-1")) == [1]
    assert len((await storage.records.load("acme", "job-2")).models) == 1
