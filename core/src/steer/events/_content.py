"""Which fields of events hold what people and models said, and how to blank them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from steer.events._codec import Event
from steer.events._kernel import ActionRequired, FinalResult
from steer.events._run import (
    ModelBlockDone,
    ModelReasoning,
    ModelToken,
    Progress,
    ToolDenied,
    ToolEnded,
    ToolStarted,
    Unknown,
)

_BLANKS: dict[type, dict[str, Any]] = {
    ModelToken: {"text": ""},
    ModelReasoning: {"text": ""},
    ModelBlockDone: {"arguments": None},
    ToolStarted: {"proposed": None, "effective": None},
    ToolEnded: {"result": None},
    ToolDenied: {"proposed": None},
    ActionRequired: {"payload": None},
    FinalResult: {"content": "", "output": None},
    Progress: {"message": ""},
    Unknown: {"raw": None},
}


def without_content(event: Event) -> Event:
    """Return the event with what people, models and tools said left out.

    Identities, tool names, counts, verdicts and errors stay.
    """
    blanks = _BLANKS.get(type(event.data))
    return event if blanks is None else replace(event, data=replace(event.data, **blanks))
