"""The tool calls of one run: as models proposed them, and what became of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from steer.ports.gate import ToolCall
from steer.ports.records import Grant
from steer.values import JsonValue

__all__ = ["Calls", "Place", "Proposed", "Told"]

# The CLI takes "a_2" for a repetition of a call "a" that it knows, and forgets what came of it.
_REPEATED = re.compile(r"_\d+$")
_ANY = "_*"


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

    ``name`` is what the CLI calls the tool, and ``cli_id`` the call itself: models may use an id
    again, in subagents too, and the CLI is told one that no other call of the run has.
    ``arguments`` is the decoded JSON, or the model's text where that is no JSON object.
    ``message`` is the index of the message on its path.

    ``asked`` says that the gate was or is being asked about it, which happens once. ``told``, once
    it is there, is what models read of this call, whatever the CLI says of it. ``under_way`` is the
    call with its grant while the CLI executes it.
    """

    call_id: str
    name: str
    arguments: JsonValue
    place: Place
    message: int
    cli_id: str = ""
    asked: bool = False
    told: Told | None = None
    under_way: tuple[ToolCall, Grant] | None = None

    def __post_init__(self) -> None:
        self.cli_id = self.cli_id or self.call_id


@dataclass(eq=False, slots=True)
class Calls:
    """Every call that a model of this run has proposed, by the id that the CLI knows."""

    _by_id: dict[str, Proposed] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def unused(self, call_id: str) -> str:
        """Return an id for the CLI that no other call of this run has: this one, if it is free."""
        name, number = call_id, 1
        while self._is_taken(name):
            number += 1
            name = f"{call_id}-{number}"
        self._used |= {name, _REPEATED.sub(_ANY, name)}
        return name

    def _is_taken(self, name: str) -> bool:
        return not self._used.isdisjoint({name, f"{name}{_ANY}", _REPEATED.sub("", name)})

    def propose(self, call: Proposed) -> None:
        """Note a call, before the CLI learns of it."""
        before = self._by_id.get(call.cli_id)
        if before is not None and (before.name, before.arguments) != (call.name, call.arguments):
            # Nobody could say about which of them the CLI asks, so it is answered about neither.
            before.asked = call.asked = True
        self._by_id[call.cli_id] = call

    def find(self, cli_id: str | None) -> Proposed | None:
        """Return the call of this id, ``None`` where no model has proposed it."""
        return None if cli_id is None else self._by_id.get(cli_id)

    def told(self, cli_id: str) -> Told | None:
        """Return what models are to read of a call, ``None`` where nobody says so."""
        call = self._by_id.get(cli_id)
        return None if call is None else call.told

    def model_id(self, cli_id: str) -> str:
        """Return the id that the model gave a call."""
        call = self._by_id.get(cli_id)
        return cli_id if call is None else call.call_id

    def under_way(self) -> Iterator[Proposed]:
        """The calls that the CLI executes now."""
        return (call for call in list(self._by_id.values()) if call.under_way is not None)
