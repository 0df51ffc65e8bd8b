"""What is to be redacted, as a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steer.errors import ConfigError
from steer.redaction.expressions import shape_of
from steer.redaction.library import pattern_names

__all__ = ["KEY", "OWN_NAMES", "Redaction", "RedactionRule", "united"]

KEY = "key"
"""What the marker names where the name of a JSON object's key decided."""

OWN_NAMES = frozenset({KEY, "error", "unfinished"})
"""Names in markers that no rule may have."""

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_NAME = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class RedactionRule:
    r"""Text that matches ``pattern`` is replaced by ``[redacted:NAME]``.

    ``pattern`` is a regular expression in Python's syntax, without what looks at the text around
    a match (``\b``, ``^``, ``$``, lookahead, lookbehind) and without back-references: so matching
    takes linear time, and can be decided while text arrives. ``\d``, ``\s`` and ``\w`` stand for
    ASCII. Raises ``ConfigError``.
    """

    name: str
    pattern: str

    def __post_init__(self) -> None:
        """Refuse what could not be a rule."""
        if not _NAME.fullmatch(self.name) or len(self.name) > _LONGEST_NAME:
            raise ConfigError(
                f"{self.name!r} cannot be the name of a rule of redaction",
                fix=f"Use up to {_LONGEST_NAME} lower-case letters, digits and single hyphens",
            )
        if self.name in OWN_NAMES:
            raise ConfigError(
                f"a rule of redaction cannot be called {self.name}: steer itself uses that name",
                fix="Choose another one",
            )
        try:
            shape_of(self.pattern)
        except ValueError as error:
            raise ConfigError(f"the rule of redaction {self.name}: {error}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Redaction:
    """What is kept out of events, sinks and logs.

    ``patterns`` names secrets whose form is known: ``secrets`` for all of them, or single ones
    such as ``github-token``. ``rules`` are expressions of your own, of which several may share
    a name. ``keys`` are names, or globs of
    names, of JSON objects' keys whose values are secret; case does not matter, ``*`` is any run of
    characters and ``?`` is one.

    To use one takes the extra ``steer[redaction]``. Raises ``ConfigError`` for what cannot be.
    """

    patterns: Sequence[str] = ()
    rules: Sequence[RedactionRule] = ()
    keys: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse unknown patterns, and keys that would match nothing or everything."""
        for name, kind in (("patterns", str), ("rules", RedactionRule), ("keys", str)):
            value = getattr(self, name)
            given = () if isinstance(value, str) else tuple(dict.fromkeys(value))
            if isinstance(value, str) or not all(isinstance(each, kind) for each in given):
                raise ConfigError(f"redaction: {name} must be a list, each a {kind.__name__}")
            object.__setattr__(self, name, given)
        # Refuses unknown names.
        pattern_names(self.patterns)
        for key in self.keys:
            if not key.strip("*?"):
                raise ConfigError(
                    f"{key!r} is no name of a key that could be redacted",
                    fix="Write password, or *_token",
                )

    def __bool__(self) -> bool:
        """Whether anything is redacted at all."""
        return bool(self.patterns or self.rules or self.keys)


def united(redactions: Iterable[Redaction | None]) -> Redaction | None:
    """Return what redacts whatever one of them does, ``None`` where none does anything."""
    chosen = [redaction for redaction in redactions if redaction]
    if not chosen:
        return None
    return Redaction(
        patterns=[pattern for redaction in chosen for pattern in redaction.patterns],
        rules=[rule for redaction in chosen for rule in redaction.rules],
        keys=[key for redaction in chosen for key in redaction.keys],
    )
