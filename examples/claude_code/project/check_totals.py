"""Run by hand: ``python3 check_totals.py``."""

from totals import total

EXPECTED = {(100.0, 0.0): 100.0, (100.0, 10.0): 90.0}

for (price, discount), expected in EXPECTED.items():
    found = total([price], discount)
    if found != expected:
        raise SystemExit(f"{discount:g} % off {price:g} is {found:g}, not {expected:g}")
