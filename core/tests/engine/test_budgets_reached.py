"""What happens at a budget's limit: a person is asked to raise it, or a cheaper model is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asking import asked
from flat_prices import CENT, FlatPrices, FlatRates
from held import HeldStorage
from kernels import FixedPolicy, Moment, all_events, noting, open_kernel, types
from parking import FoundAgain, parked_request, until
from steer import ApprovalSpec, RuntimeKernel
from steer.events import BudgetDegraded, ModelDone, ModelStarted
from steer.memory import open_memory
from steer.ports.changes import ActionRequested
from steer.ports.money import BudgetPeriod, BudgetUnit, OnReached
from steer.ports.policy import ModelQuestion, Question, Verdict
from steer.ports.records import LedgerKind
from steer.values import ActionStatus, ActionType, JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn, registry

pytestmark = pytest.mark.anyio

PRICES = FlatPrices({"toy-1": FlatRates(CENT), "toy-mini": FlatRates(CENT / 100)})
ASK: dict[str, Any] = {"on_reached": OnReached.ASK}
DEGRADE: dict[str, Any] = {"on_reached": OnReached.DEGRADE, "degrade_to": "toy-mini"}
INLINE = ApprovalSpec(inline_seconds=None)


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


def talk(notes: list[Any] | None = None, turns: int = 3, **fields: Any) -> Stepwise:
    """An agent each of whose requests takes 15 tokens, or 15 cents; it notes something between."""
    calls = tuple(Turn(calls=(Call(tool="note", arguments=n),)) for n in range(turns - 1))
    notes = [] if notes is None else notes
    return Stepwise(
        turns=(*calls, Turn(text="Done.")),
        tools={"note": ToolSpec(run=noting(notes))},
        max_output_tokens=5,
        **fields,
    )


@asynccontextmanager
async def budgeted(agent: Stepwise, **fields: Any) -> AsyncIterator[RuntimeKernel]:
    usual: dict[str, Any] = {"registry": registry(FoundAgain(agent)), "prices": PRICES}
    async with open_kernel(**(usual | fields)) as kernel:
        yield kernel


async def cap(kernel: RuntimeKernel, limit: Decimal | int, **how: Any) -> None:
    usual = {"period": BudgetPeriod.TOTAL, "unit": BudgetUnit.USD, "limit": limit}
    await kernel.set_budget("cap", **(usual | how))


async def test_a_run_without_room_is_parked_and_goes_on_once_the_budget_is_raised(
    url: str, tmp_path: Path
) -> None:
    notes: list[Any] = []
    async with budgeted(talk(notes), storage=url) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        handle = await kernel.execute(parked_request(tmp_path))
        job = await until(handle, JobStatus.WAITING_ACTION)
        assert (job.owner, notes) == (None, [0])
        (account,) = (await kernel.accounts(await kernel.budget("cap"))).items
        assert (account.spent, account.reserved) == (150_000, 0)
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        assert action.type is ActionType.CHOOSE
        assert "Budget cap has no room for the next request to toy-1" in action.payload["message"]
        assert "$0.20" in action.payload["options"][0]["description"]
        await kernel.raise_budget("cap", to=1, by="alice")
        result = await handle.result()
        events = await all_events(handle)
        (answered,) = (await kernel.actions(job_id=handle.job_id)).items
        (account,) = (await kernel.accounts(await kernel.budget("cap"))).items
    assert (result.status, result.usage.requests) == (JobStatus.SUCCEEDED, 3)
    assert notes == [0, 1]
    assert (answered.status, answered.resolved_by) == (ActionStatus.RESOLVED, "alice")
    assert types(events).count("action.required") == 1
    assert (account.spent, account.reserved) == (450_000, 0)


@pytest.mark.parametrize(("chosen", "limit"), [("enough", 300_000), ("double", 400_000)])
async def test_answering_the_question_raises_the_budget(
    chosen: str, limit: int, url: str, tmp_path: Path
) -> None:
    async with budgeted(talk(turns=2), storage=url) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        await kernel.resolve_action(action.action_id, {"chosen": [chosen]}, principal_id="bob")
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        budget = await kernel.budget("cap")
    assert (budget.limit, budget.updated_by, budget.revision) == (limit, "bob", 2)


async def test_a_limit_that_twice_is_too_little_is_not_offered_twice(tmp_path: Path) -> None:
    async with budgeted(talk()) as kernel:
        await cap(kernel, Decimal("0.01"), **ASK)
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        assert [option["id"] for option in action.payload["options"]] == ["enough", "refuse"]
        await kernel.cancel(handle.job_id)
        await handle.result()


async def test_a_question_is_held_inline_before_the_run_is_parked(tmp_path: Path) -> None:
    async with budgeted(talk(turns=2)) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        handle = await kernel.execute(parked_request(tmp_path, approvals=INLINE))
        (action,) = await asked(kernel, handle)
        assert (await handle.job()).status is JobStatus.RUNNING
        await kernel.resolve_action(action.action_id, {"chosen": ["enough"]}, principal_id="bob")
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        assert "job.status_changed" not in types(await all_events(handle))


async def test_refusing_to_raise_it_ends_the_run(tmp_path: Path) -> None:
    async with budgeted(talk()) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        await kernel.resolve_action(action.action_id, {"chosen": ["refuse"]}, principal_id="bob")
        result = await handle.result()
        assert (await kernel.budget("cap")).limit == 200_000
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "budget_exceeded"
    assert "bob refused to raise it" in result.error.message


async def test_a_refusal_holds_although_others_raise_the_budget_before_the_run_goes_on(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    async with budgeted(talk(), storage=url) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
    async with RuntimeKernel(storage=url) as elsewhere:
        refused = {"chosen": ["refuse"]}
        await elsewhere.resolve_action(action.action_id, refused, principal_id="bob")
        await elsewhere.raise_budget("cap", more=100)
    async with budgeted(talk(), storage=url) as kernel:
        result = await (await kernel.resume(handle.job_id)).result()
    assert result.error is not None
    assert "bob refused to raise it" in result.error.message


async def test_an_unattended_run_asks_nobody(tmp_path: Path) -> None:
    async with budgeted(talk()) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        spec = ApprovalSpec(unattended=True)
        result = await (await kernel.execute(parked_request(tmp_path, approvals=spec))).result()
    assert result.error is not None
    assert "unattended" in result.error.message


async def test_a_budget_that_asks_admits_a_run_that_it_has_no_room_for(tmp_path: Path) -> None:
    async with budgeted(talk(turns=1)) as kernel:
        await cap(kernel, 0, **ASK)
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        await kernel.raise_budget("cap", more=Decimal("0.15"))
        assert (await handle.result()).status is JobStatus.SUCCEEDED


async def test_raising_a_budget_by_too_little_leaves_the_question_open(tmp_path: Path) -> None:
    async with budgeted(talk(turns=2)) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        await kernel.raise_budget("cap", to=Decimal("0.25"))
        assert (await handle.job()).status is JobStatus.WAITING_ACTION
        await kernel.raise_budget("cap", to=Decimal("0.30"))
        assert (await handle.result()).status is JobStatus.SUCCEEDED


async def test_a_budget_has_room_for_as_many_questions_as_it_is_raised_for(tmp_path: Path) -> None:
    async with budgeted(talk(turns=1)) as kernel:
        await cap(kernel, 0, **ASK)
        handles = [await kernel.execute(parked_request(tmp_path)) for _ in range(3)]
        for handle in handles:
            await until(handle, JobStatus.WAITING_ACTION)
        await kernel.raise_budget("cap", to=Decimal("0.30"))
        for handle in handles[:2]:
            assert (await handle.result()).status is JobStatus.SUCCEEDED
        assert (await handles[2].job()).status is JobStatus.WAITING_ACTION


async def test_a_budget_that_is_raised_while_the_question_is_put_has_room(tmp_path: Path) -> None:
    storage = HeldStorage(
        open_memory(), lambda changes: any(isinstance(each, ActionRequested) for each in changes)
    )
    async with budgeted(talk(turns=2), storage=storage) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        handle = await kernel.execute(parked_request(tmp_path))
        await storage.arrive()
        await kernel.raise_budget("cap", to=1)
        storage.go.set()
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        (action,) = (await kernel.actions(job_id=handle.job_id)).items
        events = await all_events(handle)
    assert action.status is ActionStatus.CANCELLED
    assert types(events).count("action.required") == types(events).count("action.cancelled") == 1


@pytest.mark.parametrize("removed", [True, False], ids=["removed", "only warns"])
async def test_what_waits_for_a_budget_goes_on_once_that_bounds_nobody(
    removed: bool, url: str, tmp_path: Path
) -> None:
    async with budgeted(talk(turns=2), storage=url) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        handles = [await kernel.execute(parked_request(tmp_path)) for _ in range(2)]
        for handle in handles:
            await until(handle, JobStatus.WAITING_ACTION)
        if removed:
            await kernel.remove_budget("cap", by="alice")
        else:
            await cap(kernel, Decimal("0.20"), on_reached=OnReached.WARN, by="alice")
        for handle in handles:
            assert (await handle.result()).status is JobStatus.SUCCEEDED
            (action,) = (await kernel.actions(job_id=handle.job_id)).items
            assert action.resolved_by == "alice"
        lines = (await kernel.ledger(kinds=(LedgerKind.AUDIT,))).items
    assert len([line for line in lines if line.key.startswith("budget/")]) == 2


async def test_a_tool_call_without_room_waits_like_a_request(url: str, tmp_path: Path) -> None:
    notes: list[Any] = []
    async with budgeted(talk(notes), storage=url) as kernel:
        await cap(kernel, 1, unit=BudgetUnit.TOOL_CALLS, **ASK)
        handle = await kernel.execute(parked_request(tmp_path))
        await until(handle, JobStatus.WAITING_ACTION)
        assert notes == [0]
        await kernel.raise_budget("cap", to=5)
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        (account,) = (await kernel.accounts(await kernel.budget("cap"))).items
    assert notes == [0, 1]
    assert account.spent == 2


async def test_a_run_that_was_killed_while_it_asked_asks_the_same_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    async with budgeted(talk(turns=2), storage=url) as kernel:
        await cap(kernel, Decimal("0.20"), **ASK)
        handle = await kernel.execute(parked_request(tmp_path, approvals=INLINE))
        (first,) = await asked(kernel, handle)
    async with budgeted(talk(turns=2), storage=url) as kernel:
        handle = await kernel.resume(handle.job_id)
        (again,) = (await kernel.actions(job_id=handle.job_id)).items
        assert again.action_id == first.action_id
        await kernel.raise_budget("cap", to=1)
        assert (await handle.result()).status is JobStatus.SUCCEEDED


async def test_a_cheaper_model_is_asked_where_the_dear_one_has_no_room(
    url: str, tmp_path: Path
) -> None:
    async with budgeted(talk(), storage=url) as kernel:
        await cap(kernel, Decimal("0.20"), **DEGRADE)
        handle = await kernel.execute(parked_request(tmp_path))
        result, events = await handle.result(), await all_events(handle)
        (account,) = (await kernel.accounts(await kernel.budget("cap"))).items
    assert result.status is JobStatus.SUCCEEDED
    started = [e.data.model for e in events if isinstance(e.data, ModelStarted)]
    assert started == ["toy-1", "toy-mini", "toy-mini"]
    assert [e.data.model for e in events if isinstance(e.data, ModelDone)] == started
    told = [e.data for e in events if isinstance(e.data, BudgetDegraded)]
    assert [(t.budget, t.model, t.degraded_to) for t in told] == [("cap", "toy-1", "toy-mini")] * 2
    assert account.spent == 150_000 + 2 * 1_500


async def test_a_run_ends_where_not_even_the_cheaper_model_has_room(tmp_path: Path) -> None:
    async with budgeted(talk()) as kernel:
        await cap(kernel, Decimal("0.151"), **DEGRADE)
        result = await (await kernel.execute(parked_request(tmp_path))).result()
    assert (result.status, result.usage.requests) == (JobStatus.FAILED, 1)


async def test_a_model_that_policy_forbids_is_not_asked_instead(tmp_path: Path) -> None:
    def answer(question: Question) -> Verdict:
        if isinstance(question, ModelQuestion) and question.model == "toy-mini":
            return Verdict.deny("not that one")
        return Verdict.allow()

    async with budgeted(talk(), policies=[FixedPolicy(answer)]) as kernel:
        await cap(kernel, Decimal("0.20"), **DEGRADE)
        result = await (await kernel.execute(parked_request(tmp_path))).result()
    assert result.error is not None
    assert "does not allow the model toy-mini" in result.error.message


async def test_a_job_that_was_cut_off_is_booked_at_all_that_it_may_have_used(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    place = Moment("asked:1")
    async with budgeted(talk(reach=place), storage=url) as kernel:
        await cap(kernel, Decimal(1))
        handle = await kernel.execute(parked_request(tmp_path))
        await place.arrive()
    # The kernel closed in the middle of the second request.
    async with budgeted(talk(), storage=url) as kernel:
        (account,) = (await kernel.accounts(await kernel.budget("cap"))).items
        assert (account.spent, account.reserved) == (300_000, 0)
        handle = await kernel.resume(handle.job_id)
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        (account,) = (await kernel.accounts(await kernel.budget("cap"))).items
    assert (account.spent, account.reserved) == (600_000, 0)
