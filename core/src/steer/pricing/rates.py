"""What a price list is asked, and what it answers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from steer.values import Usage

__all__ = ["Loading", "Prices", "Rates"]


class Rates(Protocol):
    """The prices of one model, in US dollars."""

    @property
    def context_window(self) -> int | None:
        """How many tokens the model can be given and answer together, where that is known."""
        ...

    def cost(self, usage: Usage, /, *, tier: str | None = None) -> Decimal:
        """Return what the usage cost, exactly; ``tier`` is the service tier that answered."""
        ...

    def bound(self, input_tokens: int, output_tokens: int, /) -> Decimal:
        """Return the most that a request with so many tokens can cost, by the dearest rates.

        Never less for more tokens.
        """
        ...


class Prices(Protocol):
    """A price list."""

    def rates(
        self, model: str, /, *, provider: str | None, scope_id: str, at: datetime
    ) -> Rates | None:
        """Return the prices of a model for a scope at a time, ``None`` where they are not known."""
        ...


@runtime_checkable
class Loading(Protocol):
    """A price list whose first question would take long."""

    def load(self) -> None:
        """Make ready what questions need. Called in a thread, before the first job begins."""
        ...
