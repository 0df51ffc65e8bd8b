"""Sums of money without rounding."""

from __future__ import annotations

from decimal import Context, Decimal

__all__ = ["ExactSum"]

# Far more digits than any sum of prices has; the default of 28 would round silently.
_CONTEXT = Context(prec=1000)


class ExactSum:
    """Adds decimals up. An aggregate of SQLite, too, over decimals as text."""

    def __init__(self) -> None:
        self.value = Decimal(0)

    def add(self, amount: Decimal) -> None:
        """Add one."""
        self.value = _CONTEXT.add(self.value, amount)

    def step(self, text: str | None) -> None:
        """Add one that stands as text; a row without one adds nothing."""
        if text is not None:
            self.add(Decimal(text))

    def finalize(self) -> str:
        """Return the sum as text."""
        return str(self.value)
