"""What a clause is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Clause"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """One sentence that a plugin of a port has to make true.

    ``capability`` is the one that the clause is about, as ``check`` takes it in ``requires``;
    ``None`` is for what every plugin of the port has to do. ``since`` is the contract that
    brought it. ``checks`` is how many checks prove it: fewer is a failure of its own.
    """

    id: str
    text: str
    port: str
    capability: str | None = None
    since: int = 1
    checks: int = 1
