"""Times of the store in memory that come from its clock."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from steer.memory import open_memory
from steer.ports.changes import ActionMoved, ActionRequested
from steer.values import ActionStatus
from steer_conformance.storing.samples import START, TurnedClock, action, admit, write

pytestmark = pytest.mark.anyio


async def test_an_answer_is_timed_in_utc_whatever_zone_the_clock_tells() -> None:
    east = timezone(timedelta(hours=5, minutes=45))
    storage = open_memory(TurnedClock(START.astimezone(east)))
    await admit(storage)
    await write(storage, ActionRequested(action=action()))
    await write(storage, ActionMoved(action_id="action-1", status=ActionStatus.RESOLVED))

    answered = await storage.actions.get("acme", "action-1")
    await storage.aclose()

    assert answered.resolved_at == START
    assert answered.resolved_at.utcoffset() == timedelta(0)
