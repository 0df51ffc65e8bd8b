"""What of an answer may be shown."""

from __future__ import annotations

from collections.abc import Mapping

from steer.values import ActionType, JsonValue

__all__ = ["is_secret", "shown_resolution"]

_HIDDEN = "**********"


def shown_resolution(
    kind: ActionType | str, payload: JsonValue, resolution: JsonValue
) -> JsonValue:
    """Return the resolution of an action as it may be displayed or told in an event.

    That is as it is, but for the value of an input that its question calls secret. Takes what a
    store holds and checks none of it.
    """
    if is_secret(kind, payload) and isinstance(resolution, Mapping) and "value" in resolution:
        return {**resolution, "value": _HIDDEN}
    return resolution


def is_secret(kind: ActionType | str, payload: JsonValue) -> bool:
    """Whether an action asks for a secret. Takes what a store holds and checks none of it."""
    asks = kind == ActionType.INPUT and isinstance(payload, Mapping)
    return asks and payload.get("secret") is not False
