"""What a policy's author says of it: its configuration, and what its rules are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steer.errors import ConfigError
from steer.ports.policy import Question
from steer.values import JsonValue

__all__ = ["PolicySetup"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySetup:
    """What the suite has to know of a policy beyond its declaration.

    A factory that has no more to say returns ``config`` alone. The suite makes questions up, about
    tools of its own; a policy with rules about certain tools names them in ``tools``, and in
    ``arguments`` what makes a difference to those rules. ``questions`` are whole ones, for rules
    about anything else: a person, a model, a kind of data.

    Raises ``ConfigError`` where ``tools`` is a text and no sequence of them.
    """

    config: Mapping[str, Any]
    tools: Sequence[str] = ()
    arguments: Sequence[JsonValue] = ()
    questions: Sequence[Question] = ()

    def __post_init__(self) -> None:
        """Refuse what would be taken letter by letter."""
        if isinstance(self.tools, str):
            raise ConfigError(
                f"PolicySetup(tools={self.tools!r}) is a text, not a sequence of names",
                fix=f"Write tools=[{self.tools!r}]",
            )

    @classmethod
    def of(cls, given: Mapping[str, Any] | PolicySetup) -> PolicySetup:
        """Return what a factory gave as a setup, be it a configuration alone."""
        return given if isinstance(given, cls) else cls(config=given)  # type: ignore[arg-type]  # the other half
