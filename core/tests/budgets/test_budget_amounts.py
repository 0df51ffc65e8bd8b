from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.budgets import amount_of, counted, micro_dollars
from steer.errors import ConfigError
from steer.ports.money import BudgetUnit

COUNTS = tuple(unit for unit in BudgetUnit if unit is not BudgetUnit.USD)

units = st.sampled_from(BudgetUnit)
counts = st.integers(0, 2**63 - 1)
costs = st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False)


@given(unit=units, count=counts)
def test_what_an_account_counts_is_written_and_read_without_loss(
    unit: BudgetUnit, count: int
) -> None:
    assert counted(unit, amount_of(unit, count)) == count


@given(cost=costs)
def test_a_cost_is_rounded_up_by_less_than_a_micro_dollar(cost: Decimal) -> None:
    above = Fraction(micro_dollars(cost)) - Fraction(cost) * 1_000_000
    assert 0 <= above < 1


@given(costs=st.lists(costs, max_size=5))
def test_the_sum_on_an_account_is_never_below_what_was_spent(costs: list[Decimal]) -> None:
    spent = sum(map(Fraction, costs), Fraction(0))
    assert Fraction(sum(map(micro_dollars, costs)), 1_000_000) >= spent


@pytest.mark.parametrize("amount", ["-1", "-0.000001", "0.0000001", "NaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_of_dollars_is_refused(amount: str) -> None:
    with pytest.raises(ConfigError, match="takes dollars with at most six decimals, 0 or more"):
        counted(BudgetUnit.USD, Decimal(amount))


@pytest.mark.parametrize("unit", COUNTS)
@pytest.mark.parametrize("amount", ["0.5", "-1", "NaN"])
def test_what_is_no_count_is_refused(unit: BudgetUnit, amount: str) -> None:
    with pytest.raises(ConfigError, match="takes a whole number, 0 or more"):
        counted(unit, Decimal(amount))
    assert counted(unit, Decimal("1E+3")) == 1000
