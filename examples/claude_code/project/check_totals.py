"""Run by hand: ``python3 check_totals.py``."""

from totals import total

assert total([10, 20]) == 30
assert total([100], discount=10) == 90, f"10 % off 100 is {total([100], discount=10)}"
