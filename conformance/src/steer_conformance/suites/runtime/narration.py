"""What a runtime tells of one run, checked as it comes: each event in its place, or a complaint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from steer.events import (
    RUNTIME_TYPES,
    AgentDone,
    AgentStarted,
    ModelBlockDone,
    ModelReasoning,
    ModelRetracted,
    ModelToken,
    RuntimeData,
)

__all__ = ["Narration"]

_ALLOWED = frozenset(RUNTIME_TYPES)
_SPOKEN = {"text": ModelToken, "refusal": ModelToken, "reasoning": ModelReasoning}


@dataclass
class _Part:
    """How far one part of a message is."""

    said: int = 0
    kind: type | None = None
    done: bool = False


@dataclass
class _Call:
    """One request to a model: whether it may still be told of, and its parts."""

    path: tuple[str, ...]
    open: bool = True
    parts: dict[int, _Part] = field(default_factory=dict)


class Narration:
    """Follows the events of one run. ``complain`` is given the clause and what breaks it.

    ``heard`` is the type of the last event.
    """

    def __init__(self, complain: Callable[[str, str], None]) -> None:
        self._complain = complain
        self._calls: dict[str, _Call] = {}
        self._floor: dict[tuple[str, ...], list[str]] = {}
        self._over = False
        self.heard = ""

    def opens(self, call: str, path: tuple[str, ...]) -> None:
        """Note that a request was admitted: from now on it may be told of."""
        self._calls[call] = _Call(path)

    def closes(self, call: str) -> None:
        """Note that a request was completed or failed: nothing more may be told of it."""
        if call in self._calls:
            self._calls[call].open = False

    def ends(self) -> None:
        """Note that the run has returned or raised: nothing more may be told at all."""
        self._over = True

    def hears(self, data: RuntimeData, path: tuple[str, ...]) -> None:
        """Look at one event in its place."""
        name = self.heard = getattr(data, "type", type(data).__name__)
        if type(data) not in _ALLOWED:
            self._complain("RT-7", f"emitted {name}, which only the kernel and its gate may")
            return
        if self._over:
            self._complain("RT-3", f"emitted {name} after the run had ended")
        floor = self._floor.setdefault(path, [])
        match data:
            case AgentStarted(name=agent):
                floor.append(agent)
            case AgentDone(name=agent):
                if agent not in floor:
                    self._complain("RT-3", f"agent.done of {agent!r}, which never started")
            case ModelToken() | ModelReasoning() | ModelBlockDone() | ModelRetracted():
                self._model(data, path)
            case _:
                pass
        if not floor:
            self._complain("RT-3", f"emitted {name} on {path} before any agent.started there")

    def _model(
        self,
        data: ModelToken | ModelReasoning | ModelBlockDone | ModelRetracted,
        path: tuple[str, ...],
    ) -> None:
        call = self._calls.get(data.call)
        if call is None:
            self._complain("RT-3", f"{data.type} of {data.call!r}, a request the gate never saw")
            return
        if call.path != path:
            self._complain("RT-3", f"{data.type} on {path} of a request on {call.path}")
        if not call.open:
            self._complain("RT-3", f"{data.type} after its request was completed or had failed")
        match data:
            case ModelRetracted():
                call.parts = {
                    number: part
                    for number, part in call.parts.items()
                    if part.done and not data.blocks_too
                }
            case ModelBlockDone():
                self._block(call.parts.setdefault(data.part, _Part()), data)
            case _:
                self._delta(call.parts.setdefault(data.part, _Part()), data)

    def _delta(self, part: _Part, data: ModelToken | ModelReasoning) -> None:
        if part.done:
            self._complain("RT-3", f"{data.type} of part {data.part} after its model.block_done")
        if part.kind not in {None, type(data)}:
            self._complain("RT-3", f"part {data.part} is text and reasoning at once")
        if data.offset != part.said:
            self._complain(
                "RT-8",
                f"{data.type} of part {data.part} begins at character {data.offset}, but"
                f" {part.said} were told",
            )
        part.kind, part.said = type(data), data.offset + len(data.text)

    def _block(self, part: _Part, data: ModelBlockDone) -> None:
        if part.done:
            self._complain("RT-3", f"two model.block_done of part {data.part}")
        spoken = _SPOKEN.get(data.kind)
        if part.kind is not None and part.kind is not spoken:
            self._complain("RT-3", f"part {data.part} was {part.kind.__name__}, not {data.kind}")
        part.done = True
