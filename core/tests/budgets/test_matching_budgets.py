from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from steer.budgets import account_parts, allotments
from steer.context import ExecutionContext
from steer.ports.money import BudgetPeriod, BudgetRecord, BudgetSubject, BudgetUnit

NOW = datetime(2026, 11, 26, 17, 30, tzinfo=UTC)

names = st.text(min_size=1, max_size=8) | st.sampled_from(["ada", "a@b.org", "team/lab", "*", "@"])
subjects = st.sampled_from(BudgetSubject)
periods = st.sampled_from(BudgetPeriod)


def budget(name: str = "cap", **fields: object) -> BudgetRecord:
    defaults: dict[str, object] = {
        "budget_id": f"id-of-{name}",
        "subject": BudgetSubject.PRINCIPAL,
        "period": BudgetPeriod.DAY,
        "unit": BudgetUnit.USD,
        "limit": 1,
        "updated_at": NOW,
    }
    return BudgetRecord(name=name, **(defaults | fields))  # type: ignore[arg-type]  # any fields


def context(**fields: str | None) -> ExecutionContext:
    given: dict[str, str | None] = {
        "scope_id": "acme",
        "principal_id": "ada",
        "job_id": "job-1",
        "run_id": "run",
    }
    return ExecutionContext(**(given | fields))  # type: ignore[arg-type]  # any fields


def drawn(of: BudgetRecord, agent: str = "clerk", **fields: str | None) -> list[str]:
    """The accounts that a run draws on."""
    found = allotments([of], context(**fields), agent=agent, now=NOW)
    return [each.account for each in found]


def test_a_budget_is_of_those_whom_it_names() -> None:
    for subject, fields, agent in (
        (BudgetSubject.TEAM, {"team_id": "lab"}, "clerk"),
        (BudgetSubject.PRINCIPAL, {"principal_id": "lab"}, "clerk"),
        (BudgetSubject.AGENT, {}, "lab"),
    ):
        named = budget(subject=subject, who="lab")
        assert drawn(named, agent, **fields) == ["id-of-cap/lab@2026-11-26"]
        assert drawn(named, "other", principal_id="ada", team_id="red") == []
    assert drawn(budget(subject=BudgetSubject.SCOPE)) == ["id-of-cap/acme@2026-11-26"]


def test_a_budget_of_each_has_an_account_for_each() -> None:
    each = budget(subject=BudgetSubject.TEAM)
    assert drawn(each, team_id="lab") == ["id-of-cap/lab@2026-11-26"]
    assert drawn(each, team_id="red") == ["id-of-cap/red@2026-11-26"]
    # Who is in no team draws on no team's budget.
    assert drawn(each, team_id=None) == []


@given(one=names, two=names, period=periods, job=st.sampled_from(["job-1", "job-2"]))
def test_no_two_share_an_account(one: str, two: str, period: BudgetPeriod, job: str) -> None:
    each = budget(period=period)
    (first,) = drawn(each, principal_id=one)
    (second,) = drawn(each, principal_id=two, job_id=job)
    same = one == two and (period is not BudgetPeriod.RUN or job == "job-1")
    assert (first == second) == same
    assert drawn(budget("other", period=period), principal_id=one) != [first]


@given(who=names, period=periods)
def test_an_account_says_whose_it_is_and_for_when(who: str, period: BudgetPeriod) -> None:
    each = budget(period=period)
    (found,) = allotments([each], context(principal_id=who), agent="clerk", now=NOW)
    shown, when = account_parts(each, found.account)
    assert shown == who
    assert found.account == f"{each.budget_id}/{who}@{when}"
    opened = found.opened()
    assert (opened.account, opened.budget_id, opened.resets_at) == (
        found.account, each.budget_id, found.resets_at,
    )  # fmt: skip


@given(st.permutations([budget(name) for name in "abcd"]))
def test_every_run_draws_on_its_budgets_in_one_order(budgets: list[BudgetRecord]) -> None:
    found = allotments(budgets, context(), agent="clerk", now=NOW)
    assert [each.budget.name for each in found] == ["a", "b", "c", "d"]
