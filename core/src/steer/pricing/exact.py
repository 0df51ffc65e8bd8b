"""Arithmetic with prices that never rounds, whatever the application set for its own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import Context, localcontext

__all__ = ["exactly"]


def exactly() -> AbstractContextManager[Context]:
    """Compute with far more digits than a price times a number of tokens has."""
    return localcontext(Context(prec=100))
