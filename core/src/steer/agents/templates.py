"""Instructions with declared variables; everything else in the text is left as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from steer.errors import AgentError

__all__ = ["Template", "Variable"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """A declared variable of the instructions; one without a ``default`` is required."""

    description: str = ""
    default: str | None = None

    @property
    def required(self) -> bool:
        """Whether a run has to give its value."""
        return self.default is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A text in which ``{name}`` stands for the value of the declared variable ``name``.

    ``{{name}}`` of a declared variable is written out as ``{name}``. Every other brace, be it of
    JSON, of code or of an undeclared name, stays as it is, byte for byte. Values are inserted
    literally and are not looked at again. ``agent`` is named by errors.
    """

    text: str
    variables: Mapping[str, Variable] = field(default_factory=dict)
    agent: str

    def __post_init__(self) -> None:
        """Raise ``AgentError`` for a variable that could never take effect."""
        object.__setattr__(self, "variables", dict(self.variables))
        for name in self.variables:
            if not _NAME.fullmatch(name):
                raise AgentError(
                    f"agent {self.agent!r} declares the variable {name!r}",
                    fix="Use letters, digits and underscores, not beginning with a digit",
                )
            if f"{{{name}}}" not in self.text:
                raise AgentError(
                    f"agent {self.agent!r} declares the variable {name!r}, "
                    f"but its instructions never use {{{name}}}",
                    fix="Use it there, or drop the declaration",
                )

    def render(self, values: Mapping[str, str]) -> str:
        """Return the text with ``values`` in place; defaults fill what they leave out.

        Raises ``AgentError`` naming a required variable without a value, and one that was
        given a value but is not declared.
        """
        for name, value in values.items():
            if name not in self.variables:
                declared = ", ".join(sorted(self.variables)) or "none"
                raise AgentError(
                    f"agent {self.agent!r} has no variable {name!r}",
                    fix=f"Declared variables: {declared}",
                )
            if not isinstance(value, str):
                raise AgentError(
                    f"variable {name!r} of agent {self.agent!r} was given "
                    f"a value of type {type(value).__name__}",
                    fix="Give it as text",
                )
        if not self.variables:
            return self.text
        filled = {name: self._value(name, values) for name in self.variables}
        names = "|".join(map(re.escape, filled))
        # The doubled form comes first: it holds the single one.
        places = re.compile(rf"\{{\{{({names})\}}\}}|\{{({names})\}}")

        def put(place: re.Match[str]) -> str:
            escaped, name = place.groups()
            return f"{{{escaped}}}" if escaped else filled[name]

        return places.sub(put, self.text)

    def _value(self, name: str, values: Mapping[str, str]) -> str:
        variable = self.variables[name]
        value = values.get(name, variable.default)
        if value is None:
            meaning = f" ({variable.description})" if variable.description else ""
            raise AgentError(
                f"agent {self.agent!r} needs a value for its variable {name!r}{meaning}",
                fix="Give it with the request, or declare a default",
            )
        return value
