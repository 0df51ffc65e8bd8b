"""The tool calls of one run: as models proposed them, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from steer.ports.gate import ToolCall
from steer.ports.records import Grant
from steer.values import JsonValue

__all__ = ["Calls", "Place", "Proposed", "Told"]


class Place(NamedTuple):
    """Where in a run something happens: the ids of the enclosing calls, and whose turn it is."""

    path: tuple[str, ...] = ()
    agent: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a model is told of a call, in the API's own form: a text, or blocks of content."""

    content: JsonValue
    is_error: bool = False


@dataclass(kw_only=True, slots=True, eq=False)
class Proposed:
    """A tool call of a model's message.

    ``name`` is what the CLI calls the tool. ``arguments`` is the decoded JSON, or the model's text
    where that is no JSON object. ``message`` is the index of the message on its path.

    ``told``, once it is there, is what models read of this call, whatever the CLI says of it.
    ``asked`` says that the gate has been asked about it, and ``under_way`` is the call with its
    grant while the CLI executes it.
    """

    call_id: str
    name: str
    arguments: JsonValue
    place: Place
    message: int
    told: Told | None = None
    asked: bool = False
    under_way: tuple[ToolCall, Grant] | None = None


@dataclass(eq=False, slots=True)
class Calls:
    """Every call that a model of this run has proposed, by its id; the newest of one id counts."""

    _by_id: dict[str, Proposed] = field(default_factory=dict)

    def propose(self, call: Proposed) -> None:
        """Note a call, before the CLI learns of it."""
        self._by_id[call.call_id] = call

    def find(self, call_id: str | None) -> Proposed | None:
        """Return the call of this id, ``None`` where no model has proposed it."""
        return None if call_id is None else self._by_id.get(call_id)

    def under_way(self) -> Iterator[Proposed]:
        """The calls that the CLI executes now."""
        return (call for call in list(self._by_id.values()) if call.under_way is not None)
