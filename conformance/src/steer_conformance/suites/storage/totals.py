"""Sums over the ledger, by whatever lines can be grouped by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from steer.ports.changes import LedgerAppended
from steer.ports.money import UsageGroup, UsageTotal
from steer.ports.records import LedgerEntry, LedgerKind
from steer.values import Usage

from steer_conformance.checks import check
from steer_conformance.storing.samples import START, entry
from steer_conformance.suites.storage.case import StorageCase


async def book(case: StorageCase, *lines: LedgerEntry, scope_id: str = "acme") -> None:
    """Write lines of the ledger."""
    await case.storage.commit(scope_id, None, None, [LedgerAppended(entries=lines)])


async def totals(
    case: StorageCase, *by: UsageGroup, scopes: Sequence[str] | None = ("acme",), **times: Any
) -> Sequence[UsageTotal]:
    """Return the totals of the scope ``acme``, or of others."""
    return await case.storage.ledger.totals(by, scopes=scopes, **times)


@check("ST-74")
async def totals_count_what_was_used_and_add_costs_up_exactly(case: StorageCase) -> None:
    assert list(await totals(case)) == []
    used = Usage(
        requests=1,
        input_tokens=2**53,
        output_tokens=3,
        cached_tokens=5,
        cache_write_tokens=7,
        reasoning_tokens=11,
    )
    fine = Decimal("0.000000000000000000000000000001")
    await book(
        case,
        entry("a", usage=used, cost=Decimal("123456789012345678901234567.10")),
        entry("b", usage=replace(used, estimated=True), cost=fine, job_id="job-2"),
        entry("c", usage=used, job_id="job-2"),
        entry("without use", job_id="job-3"),
        entry("tool", kind=LedgerKind.TOOL),
        entry("connector", kind=LedgerKind.CONNECTOR, cost=Decimal("0.20"), job_id=""),
        entry("budget", kind=LedgerKind.BUDGET, cost=Decimal(1000), job_id="job-4"),
        entry("policy", kind=LedgerKind.POLICY, usage=used, job_id="job-5"),
        entry("audit", kind=LedgerKind.AUDIT, usage=used, job_id="job-6"),
    )
    (total,) = await totals(case)
    counted = {
        field.name: 3 * getattr(used, field.name)
        for field in fields(Usage)
        if field.name != "estimated"
    }
    assert total == UsageTotal(
        jobs=3,
        usage=Usage(**counted, estimated=True),
        tool_calls=2,
        cost=Decimal("123456789012345678901234567.300000000000000000000000000001"),
        unpriced=1,
    )


@check("ST-74")
async def totals_are_grouped_by_what_was_asked_and_ordered_by_name(case: StorageCase) -> None:
    await book(
        case,
        entry("a", principal_id="ada", team_id="red", agent="clerk", runtime="one"),
        entry("b", principal_id="bob", team_id="blue", provider="p", model="small"),
        entry("c", principal_id="ada", team_id="blue", model="large", job_id="job-2"),
        entry("d", principal_id="ada", at=START + timedelta(days=1), job_id="job-2"),
    )
    for by, groups in (
        (UsageGroup.SCOPE, {"acme": 2}),
        (UsageGroup.TEAM, {None: 1, "blue": 2, "red": 1}),
        (UsageGroup.PRINCIPAL, {"ada": 2, "bob": 1}),
        (UsageGroup.AGENT, {None: 2, "clerk": 1}),
        (UsageGroup.RUNTIME, {None: 2, "one": 1}),
        (UsageGroup.PROVIDER, {None: 2, "p": 1}),
        (UsageGroup.MODEL, {None: 2, "large": 1, "small": 1}),
        (UsageGroup.DAY, {"2026-11-21": 2, "2026-11-22": 1}),
    ):
        found = await totals(case, by)
        assert [(total.group, total.jobs) for total in found] == [
            ((name,), jobs) for name, jobs in groups.items()
        ], by
    both = await totals(case, UsageGroup.TEAM, UsageGroup.PRINCIPAL)
    assert [total.group for total in both] == [
        (None, "ada"),
        ("blue", "ada"),
        ("blue", "bob"),
        ("red", "ada"),
    ]


@check("ST-74")
async def totals_look_into_the_scopes_that_were_asked_for(case: StorageCase) -> None:
    for scope_id in ("c", "a", "b"):
        await book(case, entry("a"), scope_id=scope_id)

    async def scopes(asked: Sequence[str] | None) -> list[str | None]:
        return [total.group[0] for total in await totals(case, UsageGroup.SCOPE, scopes=asked)]

    assert await scopes(["b"]) == ["b"]
    assert await scopes(["c", "a", "c", "nobody"]) == ["a", "c"]
    assert await scopes([]) == []
    assert await scopes(None) == ["a", "b", "c"]


@check("ST-74")
async def totals_begin_and_end_at_the_times_asked_for(case: StorageCase) -> None:
    tick = timedelta(microseconds=1)
    midnight = datetime(2026, 12, 1, tzinfo=timezone(timedelta(0)))
    east = timezone(timedelta(hours=9))
    for name, at in (
        ("before", midnight - tick),
        ("at", midnight.astimezone(east)),
        ("after", midnight + tick),
    ):
        await book(case, entry(name, at=at, agent=name))

    async def agents(**times: Any) -> set[str | None]:
        return {total.group[0] for total in await totals(case, UsageGroup.AGENT, **times)}

    assert await agents(since=midnight) == {"at", "after"}
    assert await agents(until=midnight.astimezone(east)) == {"before"}
    assert await agents(since=midnight, until=midnight + tick) == {"at"}
    days = [total.group for total in await totals(case, UsageGroup.DAY)]
    assert days == [("2026-11-30",), ("2026-12-01",)]
