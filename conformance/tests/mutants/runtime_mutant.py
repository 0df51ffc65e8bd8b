"""A runtime that is the reference with one thing broken."""

from __future__ import annotations

from typing import Any

from mutant import Mutant, Reference
from runtime_reference import ReferenceRuntime, connect, reference
from runtime_reference_conversation import Conversation

__all__ = ["REFERENCE", "Unasked", "mutant_of"]

REFERENCE = Reference(plugin=reference(), factory=connect)


class Unasked:
    id = "c1"
    message = 1
    recorded = None
    model = "scripted"
    max_output_tokens = None

    def complete(self, *_: Any, **__: Any) -> None:
        pass

    def fail(self, *_: Any, **__: Any) -> None:
        pass


def mutant_of(name: str, kind: type[Any], *clauses: str, **capabilities: Any) -> Mutant:
    """Return a runtime whose conversation, or whose whole, is ``kind``; killed by these clauses."""
    if issubclass(kind, Conversation):
        kind = type(kind.__name__, (ReferenceRuntime,), {"talk": kind})
    return Mutant(
        name=name, clauses=clauses, plugin=reference(kind, **capabilities), factory=connect
    )
