"""Questions to people, conversations, and stored agents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from steer.errors import Conflict, InvalidTransition, NotFound
from steer.ports.changes import (
    ActionMoved,
    ActionRequested,
    AgentStored,
    Change,
    SessionAppended,
)
from steer.ports.records import SessionRecord
from steer.ports.storage import Storage
from steer.values import ActionStatus
from storage_samples import START, TurnedClock, action, admit, stored_agent, write

pytestmark = pytest.mark.anyio


async def keep(storage: Storage, *changes: Change) -> None:
    await storage.commit("acme", None, None, changes)


def said(session_id: str, expected_version: int, *items: str) -> SessionAppended:
    return SessionAppended(session_id=session_id, expected_version=expected_version, items=items)


async def test_an_action_comes_back_as_it_was_and_then_as_it_was_answered(
    storage: Storage, clock: TurnedClock
) -> None:
    asked = action(
        payload={"question": "Grüße?", "of": [1, None]},
        binding={"digest": "d"},
        token_hash="hash",
        expires_at=START,
    )
    await admit(storage)
    await write(storage, ActionRequested(action=asked))
    assert await storage.actions.get("acme", "action-1") == asked
    clock.turn(9)
    answer = ActionMoved(
        action_id="action-1",
        status=ActionStatus.RESOLVED,
        resolution={"yes": True},
        by="bob",
        via="cli",
    )
    await keep(storage, answer)
    assert await storage.actions.get("acme", "action-1") == replace(
        asked,
        status=ActionStatus.RESOLVED,
        resolved_at=clock.now(),
        resolution={"yes": True},
        resolved_by="bob",
        resolved_via="cli",
    )


async def test_the_first_answer_wins(storage: Storage) -> None:
    await admit(storage)
    await write(storage, ActionRequested(action=action()))
    await keep(storage, ActionMoved(action_id="action-1", status=ActionStatus.EXPIRED))
    for status in ActionStatus:
        with pytest.raises(InvalidTransition, match="expired"):
            await keep(storage, ActionMoved(action_id="action-1", status=status))
    with pytest.raises(NotFound):
        await keep(storage, ActionMoved(action_id="action-2", status=ActionStatus.EXPIRED))
    with pytest.raises(NotFound):
        await storage.actions.get("acme", "action-2")


async def test_an_answer_is_never_pending(storage: Storage) -> None:
    await admit(storage)
    await write(storage, ActionRequested(action=action()))
    with pytest.raises(InvalidTransition):
        await keep(storage, ActionMoved(action_id="action-1", status=ActionStatus.PENDING))


async def test_an_action_needs_its_job_and_a_free_id(storage: Storage) -> None:
    with pytest.raises(NotFound):
        await keep(storage, ActionRequested(action=action()))
    await admit(storage)
    await keep(storage, ActionRequested(action=action()))
    with pytest.raises(Conflict):
        await write(storage, ActionRequested(action=action(payload=1)))


async def test_actions_are_listed_oldest_first_by_job_and_status(storage: Storage) -> None:
    for job_id in ("job-1", "job-2"):
        await admit(storage, job_id)
    for number in range(5):
        one = action(f"action-{9 - number}", job_id=f"job-{1 + number % 2}")
        await keep(storage, ActionRequested(action=one))
    await keep(storage, ActionMoved(action_id="action-8", status=ActionStatus.CANCELLED))

    async def listed(**fields: Any) -> list[str]:
        return [one.action_id for one in (await storage.actions.list("acme", **fields)).items]

    assert await listed() == [f"action-{9 - number}" for number in range(5)]
    assert await listed(job_id="job-2") == ["action-8", "action-6"]
    assert await listed(job_id="job-2", status=ActionStatus.PENDING) == ["action-6"]
    assert await listed(status=ActionStatus.CANCELLED) == ["action-8"]
    page = await storage.actions.list("acme", limit=2)
    rest = await storage.actions.list("acme", limit=3, cursor=page.cursor)
    assert [one.action_id for one in rest.items] == ["action-7", "action-6", "action-5"]
    assert rest.cursor is None


async def test_a_session_grows_by_versions(storage: Storage, clock: TurnedClock) -> None:
    await keep(storage, said("talk", 0, '{"a":"ü"}', "2"))
    clock.turn(1)
    await keep(storage, said("talk", 1, "3"), said("talk", 2))
    assert await storage.sessions.get("acme", "talk") == SessionRecord(
        session_id="talk", version=3, items=('{"a":"ü"}', "2", "3"), updated_at=clock.now()
    )


async def test_a_session_at_another_version_is_left_alone(storage: Storage) -> None:
    with pytest.raises(Conflict):
        await keep(storage, said("talk", 1, "1"))
    await keep(storage, said("talk", 0, "1"))
    for expected_version in (0, 2):
        with pytest.raises(Conflict, match="version 1"):
            await keep(storage, said("talk", expected_version, "x"))
    assert (await storage.sessions.get("acme", "talk")).items == ("1",)
    with pytest.raises(NotFound):
        await storage.sessions.get("acme", "other")


async def test_sessions_are_listed_by_id_without_their_items(storage: Storage) -> None:
    for name in ("b", "ü", "a", "C"):
        await keep(storage, said(name, 0, "item"))
    page = await storage.sessions.list("acme", limit=3)
    rest = await storage.sessions.list("acme", limit=3, cursor=page.cursor)
    assert [one.session_id for one in (*page.items, *rest.items)] == ["C", "a", "b", "ü"]
    assert page.items[0] == SessionRecord(session_id="C", version=1, updated_at=START)
    assert rest.cursor is None


async def test_agents_are_stored_version_by_version(storage: Storage) -> None:
    with pytest.raises(Conflict, match="version 0"):
        await keep(storage, AgentStored(agent=stored_agent(version=2)))
    await keep(storage, *(AgentStored(agent=stored_agent(version=n)) for n in (1, 2)))
    for version in (1, 2, 4):
        with pytest.raises(Conflict, match="version 2"):
            await keep(storage, AgentStored(agent=stored_agent(version=version)))
    assert await storage.agents.get("acme", "clerk") == stored_agent(version=2)
    assert await storage.agents.get("acme", "clerk", version=1) == stored_agent(version=1)
    for version in (0, 3):
        with pytest.raises(NotFound, match="clerk"):
            await storage.agents.get("acme", "clerk", version=version)
    with pytest.raises(NotFound, match="chef"):
        await storage.agents.get("acme", "chef")


async def test_agents_are_listed_by_name_in_their_newest_version(storage: Storage) -> None:
    for name, version in (("b", 1), ("a", 1), ("b", 2), ("c", 1)):
        await keep(storage, AgentStored(agent=stored_agent(name, version)))
    page = await storage.agents.list("acme", limit=2)
    rest = await storage.agents.list("acme", limit=2, cursor=page.cursor)
    assert (*page.items, *rest.items) == (
        stored_agent("a", 1),
        stored_agent("b", 2),
        stored_agent("c", 1),
    )
