"""What is given comes back as it was: text, bytes, JSON, decimals, integers, times."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from steer.errors import StorageError
from steer.events import FinalResult, ToolStarted, Unknown, UnrecognisedData, decode
from steer.ports import changes as c
from steer.ports.storage import Storage
from steer.values import ActionStatus, JobStatus, RunResult, Usage, well_formed

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import (
    START,
    action,
    admit,
    artifact,
    budget,
    created,
    effect,
    ending,
    entry,
    event,
    events,
    grant,
    job,
    model_record,
    outcome,
    stored,
    stored_agent,
    write,
)
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase
from steer_conformance.suites.storage.showing import show

TEXT = "Grüße 🚚 \u0000\u2028\u202e' \" \\ %s {} é e\u0301 \U0010ffff"
JSON = {
    "": [1, 2.5, -0.0, 1e300, None, True, False, [], {}],
    "ü🚚": {"deep": [[[{"x": TEXT}]]]},
    TEXT: 2**53,
    "10": "10",
}
LARGE = "ü" * 1_500_000


@check("ST-33")
async def text_and_json_come_back_as_they_were(case: StorageCase) -> None:
    storage = case.storage
    record = job(
        request=TEXT,
        agent=TEXT,
        principal_id=TEXT,
        idempotency_key=TEXT,
        session_id=TEXT,
        metadata=JSON,
        tags=(TEXT, "", "b", "a"),
    )
    await write(storage, created(record), fence=None)
    record = replace(record, due_at=case.clock.now())
    assert await storage.jobs.get("acme", "job-1") == record
    assert await storage.jobs.find("acme", TEXT) == record
    await admit(storage, TEXT, TEXT)
    kept = (
        event(1, ToolStarted(call_id="c", tool=TEXT, proposed=JSON), TEXT),
        event(2, Unknown(source="vendor", name="x", raw=JSON), TEXT, path=(TEXT,), turn=3),
    )
    call = effect(proposed=JSON, arguments=JSON, outcome=outcome(value=JSON))
    asked = action(TEXT, job_id=TEXT, payload=JSON, binding=JSON)
    file = artifact(TEXT, job_id=TEXT, name=TEXT, media_type=TEXT, created_by=TEXT, action_id=TEXT)
    capped = budget(TEXT, budget_id=TEXT, who=TEXT, degrade_to=TEXT, updated_by=TEXT, warn_at=0.1)
    changes: list[c.Change] = [
        c.EventsAppended(events=kept),
        c.EffectIntended(effect=call),
        c.LedgerAppended(entries=(entry(TEXT, details=JSON),)),
        c.ActionRequested(action=asked),
        c.ArtifactStored(artifact=file, content=b""),
        c.BudgetDefined(budget=capped),
        c.AccountOpened(account=TEXT, budget_id=TEXT),
        c.SessionAppended(session_id=TEXT, expected_version=0, items=(TEXT, "", TEXT)),
        c.AgentStored(agent=stored_agent(TEXT)),
    ]
    await storage.commit(TEXT, TEXT, 1, changes)
    assert tuple(await storage.journal.events(TEXT, TEXT)) == kept
    assert (await storage.records.load(TEXT, TEXT)).effects == (call,)
    assert (await storage.ledger.entries(TEXT)).items == (entry(TEXT, details=JSON),)
    assert await storage.actions.get(TEXT, TEXT) == asked
    assert await storage.artifacts.get(TEXT, TEXT) == file
    assert await storage.ledger.budget(TEXT, TEXT) == capped
    assert (await storage.ledger.account(TEXT, TEXT)).budget_id == TEXT
    assert (await storage.sessions.get(TEXT, TEXT)).items == (TEXT, "", TEXT)
    assert await storage.agents.get(TEXT, TEXT) == stored_agent(TEXT)


@check("ST-33")
async def what_is_large_comes_back_whole(case: StorageCase) -> None:
    storage = case.storage
    record = job(request=LARGE, metadata={"x": LARGE})
    await write(storage, created(record), fence=None)
    await admit(storage, "job-2")
    final = event(1, FinalResult(content=LARGE), "job-2")
    model = model_record(response=bytes(range(256)) * 12_000)
    await write(
        storage,
        c.EventsAppended(events=(final,)),
        c.ModelRecorded(record=model),
        c.SessionAppended(session_id="talk", expected_version=0, items=(LARGE,)),
        job_id="job-2",
    )
    assert await storage.jobs.get("acme", "job-1") == replace(record, due_at=case.clock.now())
    assert list(await storage.journal.events("acme", "job-2")) == [final]
    assert (await storage.records.load("acme", "job-2")).models == (model,)
    assert (await storage.sessions.get("acme", "talk")).items == (LARGE,)


@check("ST-33")
async def a_result_comes_back_as_it_was(case: StorageCase) -> None:
    result = RunResult(
        job_id="job-1",
        status=JobStatus.SUCCEEDED,
        content=TEXT,
        output=JSON,
        cost=Decimal("0.000001230"),
        still_running=("thread",),
    )
    await admit(case.storage)
    await write(case.storage, ending(1), c.JobMoved(status=JobStatus.SUCCEEDED, result=result))
    found = (await case.storage.jobs.get("acme", "job-1")).result
    # Equal is not the same: a Decimal's zeros at the end say how exact it is.
    assert repr(found) == repr(result)


@check("ST-34")
async def money_comes_back_to_the_last_digit(case: StorageCase) -> None:
    costs = [
        None,
        *map(
            Decimal,
            (
                "0",
                "0.00000123000",
                "0.1",
                "123456789012345678.000000000000000001",
                "1E-30",
                "-2.50",
            ),
        ),
    ]
    lines = tuple(entry(f"line-{n}", cost=cost) for n, cost in enumerate(costs))
    await case.storage.commit("acme", None, None, [c.LedgerAppended(entries=lines)])
    found = (await case.storage.ledger.entries("acme")).items
    assert [repr(line.cost) for line in found] == [repr(cost) for cost in costs]


@check("ST-34")
async def amounts_are_exact_beyond_what_a_float_holds(case: StorageCase) -> None:
    huge = 2**62 + 1
    usage = Usage(requests=1, input_tokens=2**53 + 1, reasoning_tokens=2)
    await case.storage.commit(
        "acme",
        None,
        None,
        [
            c.BudgetSet(account="team", unit="usd", limit=huge),
            c.Reserved(key="a", amounts=(("team", huge - 2),)),
            c.Settled(key="a", actuals=(("team", huge - 2),)),
            c.Reserved(key="b", amounts=(("team", 1),)),
            c.LedgerAppended(entries=(entry(usage=usage),)),
            c.BudgetDefined(budget=budget(limit=huge)),
        ],
    )
    assert (await case.storage.ledger.budget("acme", "cap")).limit == huge
    account = await case.storage.ledger.account("acme", "team")
    assert (account.limit, account.spent, account.reserved) == (huge, huge - 2, 1)
    assert (await case.storage.ledger.entries("acme")).items[0].usage == usage


@check("ST-35")
async def times_come_back_to_the_microsecond_and_in_utc(case: StorageCase) -> None:
    storage = case.storage
    east = datetime(2027, 3, 28, 2, 30, 0, 999999, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    record = job(created_at=east, deadline=east + timedelta(days=9999))
    late = outcome(ended_at=east)
    changes: list[c.Change] = [
        created(record),
        c.EventsAppended(events=(replace(event(1), time=east),)),
        c.ActionRequested(action=action(created_at=east, expires_at=east)),
        c.ActionRequested(action=action("action-2", created_at=east, expires_at=east)),
        c.ActionMoved(action_id="action-2", status=ActionStatus.RESOLVED),
        stored(created_at=east),
        c.LedgerAppended(entries=(entry(at=east),)),
        c.AgentStored(agent=replace(stored_agent(), created_at=east)),
        c.BudgetDefined(budget=budget(updated_at=east)),
        c.AccountOpened(account="month", budget_id="id-of-cap", resets_at=east),
    ]
    await storage.commit("acme", "job-1", None, changes)
    await admit(storage, "job-2")
    await write(
        storage,
        c.ModelRecorded(record=model_record(recorded_at=east)),
        c.EffectIntended(effect=effect(intended_at=east, outcome=late)),
        c.EffectIntended(effect=effect("call-2")),
        c.EffectResolved(key=effect("call-2").key, outcome=late),
        c.GrantIssued(grant=grant(expires_at=east)),
        job_id="job-2",
    )
    found = await storage.jobs.get("acme", "job-1")
    records = await storage.records.load("acme", "job-2")
    answered = await storage.actions.get("acme", "action-2")
    assert answered.resolved_at is not None
    assert answered.resolved_at.utcoffset() == timedelta(0)
    assert (found.created_at, found.deadline) == (record.created_at, record.deadline)
    for one, name in (
        (found, "created_at"),
        ((await storage.journal.events("acme", "job-1"))[0], "time"),
        (await storage.actions.get("acme", "action-1"), "created_at"),
        (await storage.actions.get("acme", "action-1"), "expires_at"),
        (answered, "created_at"),
        (answered, "expires_at"),
        (await storage.artifacts.get("acme", "artifact-1"), "created_at"),
        ((await storage.ledger.entries("acme")).items[0], "at"),
        (await storage.agents.get("acme", "clerk"), "created_at"),
        (await storage.ledger.budget("acme", "cap"), "updated_at"),
        (await storage.ledger.account("acme", "month"), "resets_at"),
        (records.models[0], "recorded_at"),
        (records.effects[0], "intended_at"),
        (records.effects[0].outcome, "ended_at"),
        (records.effects[1].outcome, "ended_at"),
        (records.grants[0], "expires_at"),
    ):
        moment = getattr(one, name)
        assert moment == east, f"{type(one).__name__}.{name} is {moment}, not {east}"
        assert moment.utcoffset() == timedelta(0), f"{type(one).__name__}.{name} is {moment}"


@check("ST-35")
async def a_time_without_a_zone_is_refused(case: StorageCase) -> None:
    await admit(case.storage)
    await write(case.storage, c.BudgetDefined(budget=budget()))
    before = await show(case.storage, "acme")
    naive = START.replace(tzinfo=None)
    for change in (
        c.ModelRecorded(record=model_record(recorded_at=naive)),
        c.EffectIntended(effect=effect(intended_at=naive)),
        c.GrantIssued(grant=grant(expires_at=naive)),
        c.LedgerAppended(entries=(entry(at=naive),)),
        c.ActionRequested(action=action(created_at=naive)),
        stored(created_at=naive),
        c.BudgetDefined(budget=budget(revision=2, updated_at=naive)),
        c.AccountOpened(account="month", budget_id="id-of-cap", resets_at=naive),
        c.AgentStored(agent=replace(stored_agent(), created_at=naive)),
    ):
        with about(change), raises(StorageError):
            await write(case.storage, change)
    assert await show(case.storage, "acme") == before


@check("ST-36")
async def an_event_that_nobody_knows_comes_back_byte_for_byte(case: StorageCase) -> None:
    encoded = (
        b'{"v":9,  "type":"model.dream", "job":"job-1","seq":1, "time":"2026-11-21T12:00:00Z"}'
    )
    unknown = decode(encoded)
    assert isinstance(unknown.data, UnrecognisedData)
    await admit(case.storage)
    await write(case.storage, c.EventsAppended(events=(unknown,)))
    (found,) = await case.storage.journal.events("acme", "job-1")
    assert found == unknown
    assert isinstance(found.data, UnrecognisedData)
    assert found.data.encoded == encoded


HALF = "half \ud83d of an emoji"


@check("ST-37")
async def half_a_character_is_kept_or_replaced_or_refused_and_nothing_else(
    case: StorageCase,
) -> None:
    storage = case.storage
    await admit(storage)
    seq = 0
    for change, read in (
        (c.SessionAppended(session_id="talk", expected_version=0, items=(HALF,)), _item),
        (c.LedgerAppended(entries=(entry("line", details={"x": HALF}),)), _details),
        (c.EffectIntended(effect=effect(arguments={"x": HALF})), _argument),
        (c.ActionRequested(action=action(payload=HALF)), _payload),
    ):
        before = await show(storage, "acme")
        case.clock.turn(1)
        try:
            await write(storage, events(seq + 1), change)
        except StorageError:
            assert await show(storage, "acme") == before
            continue
        seq += 1
        found = await read(storage)
        assert well_formed(found) == well_formed(HALF), f"{found!a} of {type(change).__name__}"


async def _item(storage: Storage) -> str:
    return (await storage.sessions.get("acme", "talk")).items[0]


async def _details(storage: Storage) -> str:
    return str((await storage.ledger.entries("acme")).items[0].details["x"])


async def _argument(storage: Storage) -> str:
    arguments: Any = (await storage.records.load("acme", "job-1")).effects[0].arguments
    return str(arguments["x"])


async def _payload(storage: Storage) -> str:
    return str((await storage.actions.get("acme", "action-1")).payload)
