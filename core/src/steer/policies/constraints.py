"""Bounds that a policy sets to every run under it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

from steer.errors import ConfigError
from steer.ports.policy import Counters, ModelQuestion, Question, ToolQuestion

__all__ = ["Beyond", "Constraints"]


class Beyond(NamedTuple):
    """The bound that was reached, by its name, and what it says."""

    bound: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraints:
    """The most that one run may do; ``None`` leaves a thing unbounded.

    ``max_turns`` counts model calls on the outermost path, ``max_tool_calls`` the tool calls that
    were allowed, ``max_tool_calls_per_turn`` those since the newest turn began, nested agents'
    among them. A call beyond a bound is denied; a request's own budget may be tighter.
    Raises ``ConfigError`` for a bound below zero.
    """

    max_turns: int | None = None
    max_tool_calls: int | None = None
    max_tool_calls_per_turn: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no count could be."""
        for item in fields(self):
            bound = getattr(self, item.name)
            if bound is not None and (type(bound) is not int or bound < 0):
                raise ConfigError(f"{item.name} is {bound!r}, it must be a whole number from 0 on")

    def beyond(self, question: Question) -> Beyond | None:
        """Return which bound the question is beyond, if one; only calls count against one."""
        match question:
            case ToolQuestion():
                return self._call_beyond(question.counters)
            case ModelQuestion() if (most := self.max_turns) is not None:
                if question.counters.turns > most:
                    return Beyond("max_turns", f"a run may take {_counted(most, 'turn')}")
        return None

    def _call_beyond(self, counters: Counters) -> Beyond | None:
        most = self.max_tool_calls
        if most is not None and counters.tool_calls >= most:
            return Beyond("max_tool_calls", f"a run may make {_counted(most, 'tool call')}")
        most = self.max_tool_calls_per_turn
        if most is not None and counters.turn_tool_calls >= most:
            why = f"a turn may make {_counted(most, 'tool call')}"
            return Beyond("max_tool_calls_per_turn", why)
        return None


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
