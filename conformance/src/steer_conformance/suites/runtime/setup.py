"""How the suite makes a runtime talk to the scripted provider: what a plugin's author says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from steer.errors import ConfigError
from steer.ports.options import PrepareOptions
from steer.values import JsonValue

from steer_conformance.provider import BUILTIN_DIALECTS, Dialect

__all__ = ["STRANGE_WORD", "RuntimeSetup"]

_STRANGE: Mapping[str, bytes] = {
    "responses": (
        b"event: response.unheard_of\n"
        b'data: {"type": "response.unheard_of", "sequence_number": 99, "word": "zyzzyva"}\n\n'
    ),
    "messages": b'event: unheard_of\ndata: {"type": "unheard_of", "word": "zyzzyva"}\n\n',
    "chat": b'data: {"object": "unheard_of", "word": "zyzzyva"}\n\n',
}
# What the author gives for a dialect of their own has to carry this word as well.
STRANGE_WORD = "zyzzyva"


@dataclass(frozen=True, kw_only=True)
class RuntimeSetup:
    """What the suite has to know of a runtime beyond its declaration.

    Whoever needs no more than ``connect`` gives that alone. ``connect`` takes the address of a
    provider, such as ``http://127.0.0.1:41234``, and returns the configuration with which the
    plugin asks models there. ``dialects`` are what the provider speaks, ``model`` a name that the
    runtime knows. ``models`` names, by option, models to be asked where ``model`` does not take it:
    each option that the plugin claims is tried on a model that does. ``strange`` has, by the name
    of a dialect, the bytes of an event that steer has no word for; they carry the word ``zyzzyva``.
    """

    connect: Callable[[str], Mapping[str, JsonValue]]
    dialects: Sequence[Dialect] = BUILTIN_DIALECTS
    model: str = "gpt-4.1"
    models: Mapping[str, str] = field(default_factory=dict)
    strange: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a model for what is no option."""
        options = {each.name for each in fields(PrepareOptions)}
        if strangers := sorted(self.models.keys() - options):
            raise ConfigError(
                f"RuntimeSetup(models=...) names {', '.join(strangers)}, which is no option",
                fix=f"Known options: {', '.join(sorted(options))}",
            )

    @classmethod
    def of(cls, given: Callable[..., Any] | RuntimeSetup) -> RuntimeSetup:
        """Return what an author gave as a setup, be it ``connect`` alone."""
        return given if isinstance(given, cls) else cls(connect=given)

    def strange_event(self, dialect: str) -> bytes:
        """Return an event that nobody knows."""
        known = {**_STRANGE, **self.strange}
        assert dialect in known, (
            f"the suite knows no strange event of the dialect {dialect!r}: "
            "give one in RuntimeSetup(strange=...)"
        )
        return known[dialect]

    def __call__(self, url: str) -> Mapping[str, JsonValue]:
        """Do the same as ``connect``, so that a setup goes wherever a ``connect`` does."""
        return self.connect(url)
