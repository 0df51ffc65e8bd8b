"""An agent in Acme's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steer.agents import Tool

__all__ = ["AcmeAgent"]


@dataclass(frozen=True, kw_only=True)
class AcmeAgent:
    """A persona that Acme keeps, instructions included, and the tools that run here.

    ``model`` unset leaves the choice to Acme.
    """

    name: str
    persona: str
    model: str | None = None
    tools: Sequence[Tool[..., Any]] = ()

    def __post_init__(self) -> None:
        """Keep the tools as they are now, whatever becomes of the author's list."""
        object.__setattr__(self, "tools", tuple(self.tools))
