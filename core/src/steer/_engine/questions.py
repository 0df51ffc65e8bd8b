"""The questions to people of one running job, as its process knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from steer.actions.showing import is_secret
from steer.ports.records import ActionRecord, EffectKey
from steer.values import ActionStatus, JsonValue

__all__ = ["Questions", "about_a_call", "binding_of", "bound_path", "is_same"]


class Questions:
    """An index of a job's actions, and the tokens of those that were asked here.

    The store decides how each stands; what is kept here is how it stood when it was last read.
    Tokens live in the memory of this process only.
    """

    def __init__(self, records: Iterable[ActionRecord] = ()) -> None:
        self._records = {record.action_id: record for record in records}
        self._tokens: dict[str, str] = {}
        self._told: set[str] = set()
        self.closed = False
        """Whether the job is about to end, so that nothing more is asked."""

    def __bool__(self) -> bool:
        return bool(self._records)

    def keep(self, record: ActionRecord, token: str | None = None) -> None:
        """Note an action as it stands; its token goes with the question."""
        self._records[record.action_id] = record
        if token is not None:
            self._tokens[record.action_id] = token
        elif record.status is not ActionStatus.PENDING:
            self._tokens.pop(record.action_id, None)

    def token(self, action_id: str) -> str | None:
        """Return the token of a pending action that was asked in this process."""
        return self._tokens.get(action_id)

    def pending(self) -> list[ActionRecord]:
        """Return what nobody has answered yet, oldest first."""
        return self.having(ActionStatus.PENDING)

    def resolved(self) -> list[ActionRecord]:
        """Return what was answered, oldest first."""
        return self.having(ActionStatus.RESOLVED)

    def ended(self) -> list[ActionRecord]:
        """Return what is not pending any more, oldest first."""
        pending = ActionStatus.PENDING
        return [record for record in self._records.values() if record.status is not pending]

    def untold(self) -> list[ActionRecord]:
        """Return what has ended without that having been told here, oldest first."""
        return [record for record in self.ended() if record.action_id not in self._told]

    def secret_answers(self) -> tuple[str, ...]:
        """Return the ids of what the run itself asked and was answered with a secret."""
        return tuple(
            record.action_id
            for record in self.resolved()
            if record.binding is not None and is_secret(record.type, record.payload)
        )

    def having(self, status: ActionStatus) -> list[ActionRecord]:
        """Return the actions with a status, oldest first."""
        return [record for record in self._records.values() if record.status is status]

    def answered_calls(self) -> list[EffectKey]:
        """Return the calls about which a person has answered."""
        return [
            EffectKey(
                path=tuple(action.binding["path"]),
                message=action.binding["message"],
                call_id=action.binding["call_id"],
            )
            for action in self.resolved()
            if _asked(action) == "call"
        ]

    def bound_to(self, binding: Mapping[str, JsonValue]) -> list[ActionRecord]:
        """Return the actions about the same call and the same place in it, oldest first.

        They may have been about other arguments, or under another policy.
        """
        place = _place(binding)
        return [record for record in self._records.values() if _place(record.binding) == place]

    def first_telling(self, action_id: str) -> bool:
        """Whether the end of this question is told for the first time; it is from now on."""
        if action_id in self._told:
            return False
        self._told.add(action_id)
        return True


def binding_of(key: EffectKey, *, asked: str, place: int, digest: str, **more: Any) -> JsonValue:
    """Return what an answer is good for: a call, the place of the question in it, and its content.

    ``asked`` is ``call`` for whether it may run, ``budget`` for whether there is to be room for it,
    and ``tool`` for what the tool itself asks. ``terms`` may differ between attempts.
    """
    return {
        "path": list(key.path),
        "message": key.message,
        "call_id": key.call_id,
        "asked": asked,
        "place": place,
        "digest": digest,
        **more,
    }


def bound_path(record: ActionRecord) -> tuple[str, ...]:
    """Return the path of the call that an action is about, the outermost one if it is of none."""
    return tuple(record.binding["path"]) if isinstance(record.binding, dict) else ()


def about_a_call(record: ActionRecord) -> bool:
    """Whether the question is whether a call may run: the run can leave and come back to that."""
    return _asked(record) in ("call", "budget")


def is_same(asked: JsonValue, other: JsonValue) -> bool:
    """Whether an answer to one question is good for another, by their bindings."""
    return bool(_without_terms(asked) == _without_terms(other))


def _without_terms(binding: JsonValue) -> JsonValue:
    if not isinstance(binding, dict):
        return binding
    return {name: value for name, value in binding.items() if name != "terms"}


def _asked(record: ActionRecord) -> str | None:
    return record.binding["asked"] if isinstance(record.binding, dict) else None


def _place(binding: JsonValue) -> tuple[Any, ...] | None:
    if not isinstance(binding, dict):
        return None
    return (
        tuple(binding["path"]),
        binding["message"],
        binding["call_id"],
        binding["asked"],
        binding["place"],
    )
