"""A price list with one price for each token of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from steer.values import Usage

CENT = Decimal("0.01")


@dataclass(frozen=True)
class FlatRates:
    """Each token costs the same."""

    per_token: Decimal
    context_window: int | None = None

    def cost(self, usage: Usage, /, **_how: Any) -> Decimal:
        return self.per_token * usage.total_tokens

    def bound(self, input_tokens: int, output_tokens: int, /) -> Decimal:
        return self.per_token * (input_tokens + output_tokens)


@dataclass(frozen=True)
class FlatPrices:
    """What models cost; of the others nobody knows it."""

    models: Mapping[str, FlatRates] = field(default_factory=lambda: {"toy-1": FlatRates(CENT)})

    def rates(
        self, model: str, /, *, provider: str | None, scope_id: str, at: datetime
    ) -> FlatRates | None:
        return self.models.get(model)
