"""What earlier attempts of a job recorded, and which events they already told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from steer.errors import Diverged
from steer.events import (
    BudgetDegraded,
    BudgetExceededEvent,
    BudgetWarning,
    Event,
    EventData,
    JobStarted,
    JobStatusChanged,
    ModelBlockDone,
    ModelDone,
    ModelReasoning,
    ModelRetracted,
    ModelStarted,
    ModelToken,
    PolicyDecided,
    ToolEnded,
    ToolFailed,
    ToolStarted,
    ToolUnknown,
)
from steer.ports.records import EffectKey, EffectOutcome, EffectRecord, ModelRecord, Records

__all__ = ["Replay"]

_Identity: TypeAlias = tuple[tuple[str, ...], type, str | None]

_MODEL_CONTENT = (ModelToken, ModelReasoning, ModelBlockDone, ModelRetracted)
# These are told once, with the record they belong to; the gate itself knows when that is. How the
# job moves is told by each attempt anew, and so is what comes of its budgets.
_RECORDED = (
    JobStarted,
    JobStatusChanged,
    ModelStarted,
    ModelDone,
    ToolStarted,
    ToolEnded,
    ToolFailed,
    ToolUnknown,
    BudgetWarning,
    BudgetExceededEvent,
    BudgetDegraded,
)


class Replay:
    """Answers from the records of earlier attempts; empty for a first one.

    A runtime that is run again says again what it said before: per path, call and type of event,
    as many as the journal has are left out. Content of a recorded model call is left out whole.
    """

    def __init__(self, records: Records | None = None, events: Sequence[Event] = ()) -> None:
        records = records or Records()
        self._models: dict[tuple[str, ...], list[ModelRecord]] = {}
        for record in sorted(records.models, key=lambda record: record.index):
            self._models.setdefault(record.path, []).append(record)
        self._calls = {record.call for record in records.models}
        self._effects = {record.key: record for record in records.effects}
        self._outcomes = {
            record.key: record.outcome for record in records.effects if record.outcome is not None
        }
        self._told: Counter[_Identity] = Counter()
        open_calls: dict[str, Event] = {}
        decided: dict[tuple[tuple[str, ...], str], list[_Identity]] = {}
        for event in events:
            data = event.data
            if isinstance(data, ModelStarted):
                open_calls[data.call] = event
            elif isinstance(data, ModelDone | ModelRetracted):
                open_calls.pop(data.call, None)
            if isinstance(data, PolicyDecided) and data.call_id is not None:
                key = _identity(data, event.path)
                decided.setdefault((event.path, data.call_id), []).append(key)
            elif isinstance(data, ToolStarted):
                # The gate does not ask about it again; a later call may well have the same id.
                self._told.subtract(decided.pop((event.path, data.call_id), ()))
            if not isinstance(data, (*_RECORDED, *_MODEL_CONTENT)):
                self._told[_identity(data, event.path)] += 1
        self.abandoned = tuple(open_calls.values())
        """How the model calls began that were under way when the last attempt ended."""

    def model(self, path: tuple[str, ...], digest: str) -> ModelRecord | None:
        """Take the next recorded response on the path, ``None`` where there is none left.

        Calls on one path usually follow each other, so the next record is the one. An author's
        code may also make several at a time: then the one that asked for the same is.
        Raises ``Diverged`` where none of the responses left was asked for so.
        """
        left = self._models.get(path)
        if not left:
            return None
        for place, record in enumerate(left):
            if record.request_digest == digest:
                return left.pop(place)
        raise Diverged(
            f"the model is asked for something else than before the interruption (call"
            f" {left[0].call}); nothing was sent",
            fix="start a new job, or undo the change to the agent's code or state",
        )

    def effect(self, key: EffectKey) -> EffectRecord | None:
        """What is recorded of a tool call."""
        return self._effects.get(key)

    def outcome(self, key: EffectKey) -> EffectOutcome | None:
        """How a tool call ended, ``None`` where that is not recorded."""
        return self._outcomes.get(key)

    def settle(self, key: EffectKey, outcome: EffectOutcome) -> None:
        """Note how a tool call of this attempt ended."""
        self._outcomes[key] = outcome

    def keep(self, record: EffectRecord) -> None:
        """Note a tool call of this attempt, so that asking for it again runs nothing."""
        self._effects[record.key] = record

    def told(self, data: EventData, path: tuple[str, ...]) -> bool:
        """Whether the journal has this event from an earlier attempt; counts it off."""
        if isinstance(data, _MODEL_CONTENT):
            return data.call in self._calls
        if not self._told:
            return False
        key = _identity(data, path)
        left = self._told.get(key, 0)
        if not left:
            return False
        self._told[key] = left - 1
        return True


def _identity(data: object, path: tuple[str, ...]) -> _Identity:
    """Return what is counted off together.

    The usage and the verdict of a recorded call are not told again; without its name they would
    be counted off against those of another call.
    """
    name = getattr(data, "call", None) or getattr(data, "call_id", None)
    if isinstance(data, PolicyDecided):
        # Policy may be another one by now, and then says something that is news.
        name = f"{name} {data.outcome} {data.policy}"
    name = name or getattr(data, "action_id", None) or getattr(data, "artifact_id", None)
    return path, type(data), name
