from __future__ import annotations

from steer import BlockingKernel, RuntimeKernel
from steer.ports.money import BudgetPeriod, BudgetUnit


def test_a_program_without_an_event_loop_sets_and_raises_a_budget() -> None:
    with BlockingKernel(RuntimeKernel) as kernel:
        kernel.set_budget("cap", limit=5, unit=BudgetUnit.REQUESTS, period=BudgetPeriod.DAY)
        assert kernel.raise_budget("cap", more=2).limit == 7
        (budget,) = kernel.budgets().items
        assert kernel.budget("cap") == budget
        assert kernel.accounts(budget).items == ()
        assert kernel.reserved("nobody's") == []
        assert kernel.usage() == []
        assert [line.principal_id for line in kernel.ledger().items] == ["local", "local"]
        kernel.remove_budget("cap")
        assert kernel.budgets().items == ()
