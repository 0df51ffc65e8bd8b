"""What replays need: model calls, effects, grants; each recorded once and kept in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from steer.errors import Conflict, ErrorCategory, ErrorInfo, NotFound
from steer.ports.changes import (
    ActionMoved,
    ActionRequested,
    EffectIntended,
    EffectResolved,
    GrantIssued,
    GrantUsed,
    JobMoved,
    ModelRecorded,
    RecordsDropped,
)
from steer.ports.records import Records
from steer.values import ActionStatus, Effect, EffectStatus, JobStatus, Usage

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import (
    START,
    action,
    admit,
    effect,
    effect_key,
    ending,
    events,
    grant,
    model_record,
    outcome,
    seqs,
    write,
)
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase


def resolved(status: EffectStatus = EffectStatus.SUCCEEDED, **fields: Any) -> EffectResolved:
    """Return how the sample effect ended."""
    return EffectResolved(key=effect_key(), outcome=outcome(status, **fields))


@check("ST-19")
async def model_calls_come_back_whole_in_the_order_they_were_recorded(case: StorageCase) -> None:
    models = [
        model_record(1, response=bytes(range(256))),
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
    await admit(case.storage)
    await write(case.storage, *(ModelRecorded(record=record) for record in models))
    assert (await case.storage.records.load("acme", "job-1")).models == tuple(models)


@check("ST-19")
async def a_model_call_is_recorded_once_per_path_and_index(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await write(storage, ModelRecorded(record=model_record(0)))
    with raises(Conflict):
        await write(storage, events(1), ModelRecorded(record=model_record(0, response=b"other")))
    await write(storage, ModelRecorded(record=model_record(1)))
    await write(storage, ModelRecorded(record=model_record(0, ("call",))))
    assert seqs(await storage.journal.events("acme", "job-1")) == []
    assert (await storage.records.load("acme", "job-1")).models[0] == model_record(0)


@check("ST-19")
async def records_of_no_job_are_not_found(case: StorageCase) -> None:
    with raises(NotFound):
        await case.storage.records.load("acme", "job-1")
    await admit(case.storage)
    assert await case.storage.records.load("acme", "job-1") == Records()


@check("ST-20")
async def effects_come_back_whole_in_the_order_they_were_intended(case: StorageCase) -> None:
    error = ErrorInfo(
        code="x", message="ü", category=ErrorCategory.TIMEOUT, retry_after=0.1, details={"a": "b"}
    )
    effects = [
        effect("call-2", effect=Effect.IDEMPOTENT, proposed=None, arguments=[1, {"ü": 1.5}]),
        effect("call-1", outcome=outcome(EffectStatus.FAILED, value=None, error=error)),
    ]
    await admit(case.storage)
    await write(case.storage, *(EffectIntended(effect=one) for one in effects))
    assert (await case.storage.records.load("acme", "job-1")).effects == tuple(effects)


@check("ST-20")
async def an_effect_is_intended_once_per_key(case: StorageCase) -> None:
    await admit(case.storage)
    await write(case.storage, EffectIntended(effect=effect()))
    with raises(Conflict):
        await write(case.storage, EffectIntended(effect=effect(tool="another")))
    for key in (effect_key("other"), effect_key(path=("p",)), effect_key(message=1)):
        await write(case.storage, EffectIntended(effect=effect(key=key)))
    found = (await case.storage.records.load("acme", "job-1")).effects
    assert [one.tool for one in found] == ["refund"] * 4


@check("ST-20")
async def an_outcome_is_recorded_once_unless_it_was_unknown(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    with raises(NotFound):
        await write(storage, resolved())
    await write(storage, EffectIntended(effect=effect()))
    await write(storage, resolved(EffectStatus.UNKNOWN))
    await write(storage, resolved(EffectStatus.FAILED))
    for late in (EffectStatus.SUCCEEDED, EffectStatus.UNKNOWN):
        with about(late), raises(Conflict):
            await write(storage, resolved(late))
    found = (await storage.records.load("acme", "job-1")).effects
    assert found == (effect(outcome=outcome(EffectStatus.FAILED)),)


@check("ST-20")
async def a_late_outcome_of_the_last_owner_is_kept_after_the_end(case: StorageCase) -> None:
    await admit(case.storage)
    await write(case.storage, EffectIntended(effect=effect()))
    await write(case.storage, ending(1), JobMoved(status=JobStatus.CANCELLED))
    await write(case.storage, resolved())
    found = (await case.storage.records.load("acme", "job-1")).effects
    assert found == (effect(outcome=outcome()),)


@check("ST-21")
async def a_grant_is_used_at_most_once(case: StorageCase) -> None:
    storage, clock = case.storage, case.clock
    for job_id in ("job-1", "job-2"):
        await admit(storage, job_id)
    with raises(NotFound):
        await write(storage, GrantUsed(grant_id="g-1"))
    grants = [grant("g-2", by="ada", expires_at=START), grant("g-1")]
    await write(storage, *(GrantIssued(grant=one) for one in grants))
    with raises(Conflict):
        await write(storage, GrantIssued(grant=grant("g-1", by="thief")))
    with raises(NotFound):
        await write(storage, GrantUsed(grant_id="g-1"), job_id="job-2")
    clock.turn(2)
    await write(storage, GrantUsed(grant_id="g-1"))
    used_at = clock.now()
    clock.turn(2)
    with raises(Conflict):
        await write(storage, GrantUsed(grant_id="g-1"))
    found = (await storage.records.load("acme", "job-1")).grants
    assert found == (grants[0], replace(grants[1], used_at=used_at))


@check("ST-22")
async def dropped_records_are_gone_and_the_journal_stays(case: StorageCase) -> None:
    storage = case.storage
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
    for action_id, job_id in (("a-1", "job-1"), ("a-2", "job-1"), ("a-3", "job-2")):
        asked = ActionRequested(action=action(action_id, job_id=job_id))
        answered = ActionMoved(action_id=action_id, status=ActionStatus.RESOLVED, resolution="x")
        await write(storage, asked, answered, job_id=job_id)
    await write(storage, RecordsDropped(answers=("a-1", "a-3", "none")))
    actions = (await storage.actions.list("acme")).items
    assert [(each.status, each.resolution) for each in actions] == [
        (ActionStatus.RESOLVED, None),
        (ActionStatus.RESOLVED, "x"),
        (ActionStatus.RESOLVED, "x"),
    ]
    assert await storage.records.load("acme", "job-1") == Records()
    assert seqs(await storage.journal.events("acme", "job-1")) == [1]
    kept = await storage.records.load("acme", "job-2")
    assert (len(kept.models), len(kept.effects), len(kept.grants)) == (1, 1, 1)
