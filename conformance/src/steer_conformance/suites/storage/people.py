"""Questions to people, conversations, and stored agents."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from steer.errors import Conflict, InvalidTransition, NotFound
from steer.ports.changes import ActionMoved, ActionRequested, AgentStored, Change, SessionAppended
from steer.ports.records import SessionRecord
from steer.ports.storage import Storage
from steer.values import ActionStatus, Expiry

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import START, action, admit, stored_agent, write
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase


async def keep(storage: Storage, *changes: Change) -> None:
    """Commit changes that are of no job."""
    await storage.commit("acme", None, None, changes)


def said(session_id: str, expected_version: int, *items: str) -> SessionAppended:
    """Return what is said in a conversation."""
    return SessionAppended(session_id=session_id, expected_version=expected_version, items=items)


@check("ST-27")
async def an_action_comes_back_as_it_was_and_then_as_it_was_answered(case: StorageCase) -> None:
    asked = action(
        payload={"question": "Grüße?", "of": [1, None]},
        binding={"digest": "d"},
        token_hash="hash",  # noqa: S106 - a hash of nothing
        expires_at=START + timedelta(seconds=60),
        asked_by="ada",
        approvers=("bob", "ops-*"),
        on_expiry=Expiry.DEFAULT,
        default={"yes": False},
    )
    await admit(case.storage)
    await write(case.storage, ActionRequested(action=asked))
    assert await case.storage.actions.get("acme", "action-1") == asked
    case.clock.turn(9)
    answer = ActionMoved(
        action_id="action-1",
        status=ActionStatus.RESOLVED,
        resolution={"yes": True},
        by="bob",
        via="cli",
    )
    await keep(case.storage, answer)
    assert await case.storage.actions.get("acme", "action-1") == replace(
        asked,
        status=ActionStatus.RESOLVED,
        resolved_at=case.clock.now(),
        resolution={"yes": True},
        resolved_by="bob",
        resolved_via="cli",
    )


@check("ST-27")
async def the_first_answer_wins_and_none_is_pending(case: StorageCase) -> None:
    storage = case.storage
    await admit(storage)
    await write(storage, ActionRequested(action=action()))
    with raises(InvalidTransition):
        await keep(storage, ActionMoved(action_id="action-1", status=ActionStatus.PENDING))
    await keep(storage, ActionMoved(action_id="action-1", status=ActionStatus.EXPIRED))
    for status in ActionStatus:
        with about(status), raises(InvalidTransition):
            await keep(storage, ActionMoved(action_id="action-1", status=status))
    assert (await storage.actions.get("acme", "action-1")).status is ActionStatus.EXPIRED
    with raises(NotFound):
        await keep(storage, ActionMoved(action_id="action-2", status=ActionStatus.EXPIRED))
    with raises(NotFound):
        await storage.actions.get("acme", "action-2")


@check("ST-27")
async def an_action_needs_its_job_and_a_free_id(case: StorageCase) -> None:
    with raises(NotFound):
        await keep(case.storage, ActionRequested(action=action()))
    await admit(case.storage)
    await keep(case.storage, ActionRequested(action=action()))
    with raises(Conflict):
        await write(case.storage, ActionRequested(action=action(payload=1)))
    assert await case.storage.actions.get("acme", "action-1") == action()


@check("ST-28")
async def a_session_grows_by_versions(case: StorageCase) -> None:
    await keep(case.storage, said("talk", 0, '{"a":"ü"}', "2"))
    case.clock.turn(1)
    await keep(case.storage, said("talk", 1, "3"), said("talk", 2))
    assert await case.storage.sessions.get("acme", "talk") == SessionRecord(
        session_id="talk", version=3, items=('{"a":"ü"}', "2", "3"), updated_at=case.clock.now()
    )


@check("ST-28")
async def a_session_at_another_version_is_left_alone(case: StorageCase) -> None:
    storage = case.storage
    with raises(Conflict):
        await keep(storage, said("talk", 1, "1"))
    with raises(NotFound):
        await storage.sessions.get("acme", "talk")
    await keep(storage, said("talk", 0, "1"))
    for expected_version in (0, 2):
        with about(expected_version), raises(Conflict):
            await keep(storage, said("talk", expected_version, "x"))
    assert (await storage.sessions.get("acme", "talk")).items == ("1",)


@check("ST-28")
async def of_many_appends_at_one_version_one_is_taken(case: StorageCase) -> None:
    appends = [keep(case.storage, said("talk", 0, str(number))) for number in range(10)]
    taken = await asyncio.gather(*appends, return_exceptions=True)
    (kept,) = [number for number, error in enumerate(taken) if error is None]
    assert all(isinstance(error, Conflict) for error in taken if error is not None)
    assert (await case.storage.sessions.get("acme", "talk")).items == (str(kept),)


@check("ST-29")
async def agents_are_stored_version_by_version(case: StorageCase) -> None:
    storage = case.storage
    with raises(Conflict):
        await keep(storage, AgentStored(agent=stored_agent(version=2)))
    await keep(storage, *(AgentStored(agent=stored_agent(version=n)) for n in (1, 2)))
    for version in (1, 2, 4):
        with about(version), raises(Conflict):
            await keep(storage, AgentStored(agent=stored_agent(version=version)))
    assert await storage.agents.get("acme", "clerk") == stored_agent(version=2)
    assert await storage.agents.get("acme", "clerk", version=1) == stored_agent(version=1)
    for version in (0, 3):
        with about(version), raises(NotFound):
            await storage.agents.get("acme", "clerk", version=version)
    with raises(NotFound):
        await storage.agents.get("acme", "chef")
