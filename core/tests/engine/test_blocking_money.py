from __future__ import annotations

import inspect

from steer import BlockingKernel, RuntimeKernel
from steer.blocking_money import BlockingMoney
from steer.kernel_money import KernelMoney
from steer.ports.money import BudgetPeriod, BudgetUnit


def parameters(kind: type[object]) -> dict[str, list[inspect.Parameter]]:
    return {
        name: list(inspect.signature(method).parameters.values())
        for name, method in vars(kind).items()
        if not name.startswith("_")
    }


def test_every_method_about_money_has_one_that_blocks_and_takes_the_same() -> None:
    assert parameters(BlockingMoney) == parameters(KernelMoney)


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
