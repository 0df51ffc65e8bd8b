"""What outlives a run: the responses and the outcomes that a gate recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from steer.ports.gate import ToolOutcome
from steer.ports.records import EffectKey, ModelRecord

__all__ = ["Record", "Records"]

Record: TypeAlias = ModelRecord | tuple[EffectKey, ToolOutcome]
"""A model's response, or how a tool call ended."""


@dataclass
class Records:
    """The records of one job, in the order in which they were made.

    ``begun`` are calls that began and whose end nobody knows: what a crash in the middle of a
    tool leaves.
    """

    models: dict[tuple[str, ...], list[ModelRecord]] = field(default_factory=dict)
    effects: dict[EffectKey, ToolOutcome] = field(default_factory=dict)
    log: list[Record] = field(default_factory=list)
    begun: set[EffectKey] = field(default_factory=set)

    def add(self, record: Record) -> None:
        """Keep one more."""
        self.log.append(record)
        if isinstance(record, ModelRecord):
            self.models.setdefault(record.path, []).append(record)
        else:
            self.effects[record[0]] = record[1]

    def until(self, count: int | None = None) -> Records:
        """The first so many records, as an attempt that died then would have left them.

        All of them are what one leaves that has ended, with the calls it left without an outcome.
        """
        left = Records(begun=set(self.begun) if count is None else set())
        for record in self.log[:count]:
            left.add(record)
        return left

    @property
    def responses(self) -> int:
        """How many responses of models there are."""
        return sum(map(len, self.models.values()))
