"""What a job may draw on, as the store says when it is admitted or claimed."""

from __future__ import annotations

from dataclasses import dataclass

from steer.budgets import Draw, allotments
from steer.clock import Clock
from steer.context import BudgetSpec, ExecutionContext
from steer.errors import NotFound
from steer.ports.money import BudgetRecord, BudgetUnit
from steer.ports.records import JobRecord
from steer.ports.storage import MAX_PAGE, Storage
from steer.request import StoredRequest

__all__ = ["NO_FUNDS", "Funds", "budgets_of", "caps_of", "family_draw", "funds_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Funds:
    """The budgets that a job's spending is bounded by, and the accounts of its families.

    The account of a family is there once its first job has started another one.
    """

    budgets: tuple[BudgetRecord, ...] = ()
    families: tuple[Draw, ...] = ()


NO_FUNDS = Funds()


async def funds_of(storage: Storage, job: JobRecord, clock: Clock, *, begun: bool) -> Funds:
    """Return what a job draws on. One that has ``begun`` may have started others before."""
    context = ExecutionContext(
        scope_id=job.scope_id,
        principal_id=job.principal_id,
        team_id=job.team_id,
        job_id=job.job_id,
    )
    budgets = await budgets_of(storage, context, agent=job.agent, clock=clock)
    families = list(await _own_family(storage, job)) if begun else []
    parent_id = job.parent_job_id
    while parent_id is not None:
        parent = await storage.jobs.get(job.scope_id, parent_id)
        caps = caps_of(StoredRequest.decode(parent.request).budgets)
        families.extend(family_draw(parent_id, unit) for unit in caps)
        parent_id = parent.parent_job_id
    return Funds(budgets=budgets, families=tuple(families))


async def budgets_of(
    storage: Storage, context: ExecutionContext, *, agent: str, clock: Clock
) -> tuple[BudgetRecord, ...]:
    """Return the budgets of a scope that are about a run."""
    found: list[BudgetRecord] = []
    cursor = None
    while True:
        page = await storage.ledger.budgets(context.scope_id, limit=MAX_PAGE, cursor=cursor)
        found.extend(page.items)
        cursor = page.cursor
        if cursor is None:
            break
    if not found:
        return ()
    about = allotments(found, context, agent=agent, now=clock.now())
    return tuple(allotment.budget for allotment in about)


def caps_of(spec: BudgetSpec) -> dict[BudgetUnit, int]:
    """Return what a job and the jobs under it may use together, as accounts count it."""
    caps = {BudgetUnit.TOKENS: spec.max_tokens, BudgetUnit.TOOL_CALLS: spec.max_tool_calls}
    found = {unit: cap for unit, cap in caps.items() if cap is not None}
    if spec.max_cost is not None:
        # Rounded down: what the account has room for is never more than the cap.
        found[BudgetUnit.USD] = int(spec.max_cost * 1_000_000)
    return found


def family_draw(job_id: str, unit: BudgetUnit) -> Draw:
    """Return the account that a job and the jobs under it draw on."""
    return Draw(account=f"job/{job_id}/{unit}", unit=unit, job_id=job_id)


async def _own_family(storage: Storage, job: JobRecord) -> tuple[Draw, ...]:
    caps = caps_of(StoredRequest.decode(job.request).budgets)
    found = []
    for unit in caps:
        draw = family_draw(job.job_id, unit)
        try:
            await storage.ledger.account(job.scope_id, draw.account)
        except NotFound:
            continue
        found.append(draw)
    return tuple(found)
