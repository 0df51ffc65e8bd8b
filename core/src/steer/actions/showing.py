"""What of an answer may be shown."""

from __future__ import annotations

from collections.abc import Mapping

from steer.values import ActionType, JsonValue

__all__ = ["shown_resolution"]

_HIDDEN = "**********"


def shown_resolution(
    kind: ActionType | str, payload: JsonValue, resolution: JsonValue
) -> JsonValue:
    """Return the resolution of an action as it may be displayed or told in an event.

    That is as it is, but for the value of an input that its question calls secret. Takes what a
    store holds and checks none of it.
    """
    secret = (
        kind == ActionType.INPUT
        and isinstance(payload, Mapping)
        and payload.get("secret") is not False
    )
    if secret and isinstance(resolution, Mapping) and "value" in resolution:
        return {**resolution, "value": _HIDDEN}
    return resolution
