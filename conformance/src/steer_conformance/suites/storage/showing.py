"""All that a scope shows, read through the port; and the same of the oracle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from steer.ports.money import UsageGroup
from steer.ports.records import JobQuery, Page, Records
from steer.ports.storage import Storage

from steer_conformance.suites.storage.oracle import PlainStore

__all__ = ["ACCOUNTS", "all_pages", "show", "show_plain"]

ACCOUNTS = ("team", "tenant")
AGENTS = ("a", "b", "clerk")


async def all_pages(listing: Callable[..., Awaitable[Page[Any]]]) -> list[Any]:
    """All items, two at a time."""
    page = await listing(limit=2)
    found = list(page.items)
    while page.cursor is not None:
        page = await listing(limit=2, cursor=page.cursor)
        found += page.items
    return found


async def show(storage: Storage, scope_id: str) -> dict[str, Any]:
    """Everything that a scope of the storage shows."""
    jobs = await all_pages(lambda **page: storage.jobs.list(scope_id, JobQuery(), **page))
    accounts = await all_pages(lambda **page: storage.ledger.accounts(scope_id, **page))
    agents = await all_pages(lambda **page: storage.agents.list(scope_id, **page))
    listed = await all_pages(lambda **page: storage.sessions.list(scope_id, **page))
    return {
        "jobs": jobs,
        "journal": [(e.position, e.event) for e in await storage.journal.read(scope_id)],
        "events": {
            one.job_id: list(await storage.journal.events(scope_id, one.job_id)) for one in jobs
        },
        "records": {one.job_id: await storage.records.load(scope_id, one.job_id) for one in jobs},
        "reservations": {
            (part.key, part.account): (part.amount, part.actual, part.job_id)
            for one in jobs
            for part in await storage.ledger.reservations(scope_id, one.job_id)
        },
        "budgets": await all_pages(lambda **page: storage.ledger.budgets(scope_id, **page)),
        "accounts": accounts,
        "open": {
            account.account: {
                part.key: part.amount
                for part in await storage.ledger.reserved(scope_id, account.account)
            }
            for account in accounts
        },
        "jobs with usage": [
            total.jobs
            for total in await storage.ledger.totals([UsageGroup.SCOPE], scopes=[scope_id])
        ],
        "ledger": await all_pages(lambda **page: storage.ledger.entries(scope_id, **page)),
        "actions": await all_pages(lambda **page: storage.actions.list(scope_id, **page)),
        "artifacts": [
            (one, await storage.artifacts.read(scope_id, one.artifact_id, length=one.size + 1))
            for one in await all_pages(lambda **page: storage.artifacts.list(scope_id, **page))
        ],
        "sessions": [await storage.sessions.get(scope_id, one.session_id) for one in listed],
        "listed sessions": listed,
        "agents": agents,
        "versions": {
            name: (await storage.agents.versions(scope_id, name)).items for name in AGENTS
        },
    }


def show_plain(plain: PlainStore, scope_id: str) -> dict[str, Any]:
    """The same of the plain store."""
    scope = plain.scope(scope_id)

    def of(table: dict[Any, Any], job_id: str) -> tuple[Any, ...]:
        return tuple(value for key, value in table.items() if key[0] == job_id)

    sessions = [
        replace(scope.sessions[name], held_by=scope.holder_of(name))
        for name in sorted(scope.sessions)
    ]
    return {
        "jobs": list(reversed(scope.jobs.values())),
        "journal": scope.events,
        "events": {job_id: scope.events_of(job_id) for job_id in scope.jobs},
        "records": {
            job_id: Records(
                models=of(scope.models, job_id),
                effects=of(scope.effects, job_id),
                grants=of(scope.grants, job_id),
            )
            for job_id in scope.jobs
        },
        "reservations": {
            (key, name): (amount, held["actuals"] and held["actuals"][name], held["job"])
            for key, held in scope.reserved.items()
            for name, amount in held["amounts"].items()
            if held["job"] in scope.jobs
        },
        "budgets": [scope.budgets[name] for name in sorted(scope.budgets)],
        "accounts": [scope.accounts[name] for name in sorted(scope.accounts)],
        "open": {
            account: {
                key: held["amounts"][account]
                for key, held in scope.reserved.items()
                if held["actuals"] is None and account in held["amounts"]
            }
            for account in sorted(scope.accounts)
        },
        "jobs with usage": [len({line.job_id for line in scope.ledger.values()})]
        if scope.ledger
        else [],
        "ledger": list(scope.ledger.values()),
        "actions": list(scope.actions.values()),
        "artifacts": list(scope.artifacts.values()),
        "sessions": sessions,
        "listed sessions": [replace(one, items=()) for one in sessions],
        "agents": [
            versions[-1]
            for name, versions in sorted(scope.agents.items())
            if versions and name not in scope.removed
        ],
        "versions": {name: tuple(reversed(scope.agents.get(name, ()))) for name in AGENTS},
    }
