"""Stored agents whose name was taken back, and their versions."""

from __future__ import annotations

from steer.errors import ConfigError, Conflict, NotFound
from steer.ports.changes import AgentRemoved, AgentStored, Change

from steer_conformance.checks import check, raises
from steer_conformance.storing.samples import stored_agent
from steer_conformance.suites.storage.about import about
from steer_conformance.suites.storage.case import StorageCase


async def commit(case: StorageCase, *changes: Change) -> None:
    """Commit changes that are of no job."""
    await case.storage.commit("acme", None, None, changes)


@check("ST-78")
async def a_removed_agent_is_found_by_its_versions_only(case: StorageCase) -> None:
    agents, removed = case.storage.agents, AgentRemoved(name="clerk")
    with raises(NotFound):
        await commit(case, removed)
    await commit(case, AgentStored(agent=stored_agent()), AgentStored(agent=stored_agent("chef")))
    await commit(case, removed)
    with raises(NotFound):
        await commit(case, removed)
    with raises(NotFound):
        await agents.get("acme", "clerk")
    assert [one.name for one in (await agents.list("acme")).items] == ["chef"]
    assert await agents.get("acme", "clerk", version=1) == stored_agent()
    assert (await agents.versions("acme", "clerk")).items == (stored_agent(),)
    # Its versions count on, so that no job finds another agent under the version it names.
    with raises(Conflict):
        await commit(case, AgentStored(agent=stored_agent()))
    await commit(case, AgentStored(agent=stored_agent(version=2)))
    assert await agents.get("acme", "clerk") == stored_agent(version=2)
    assert await agents.get("acme", "clerk", version=1) == stored_agent()
    assert [one.name for one in (await agents.list("acme")).items] == ["chef", "clerk"]


@check("ST-78")
async def the_versions_of_an_agent_are_listed_newest_first(case: StorageCase) -> None:
    agents = case.storage.agents
    assert (await agents.versions("acme", "clerk")).items == ()
    for version in range(1, 6):
        await commit(case, AgentStored(agent=stored_agent(version=version)))
    await commit(case, AgentStored(agent=stored_agent("chef")))
    seen: list[int] = []
    newest, cursor = 5, None
    while True:
        page = await agents.versions("acme", "clerk", limit=2, cursor=cursor)
        assert 0 < len(page.items) <= 2
        seen += [one.version for one in page.items]
        # One that is stored meanwhile shifts none of the older ones.
        newest += 1
        await commit(case, AgentStored(agent=stored_agent(version=newest)))
        cursor = page.cursor
        if cursor is None or len(seen) > 5:
            break
    assert seen == [5, 4, 3, 2, 1]
    assert cursor is None
    for wrong in ("", "nonsense"):
        with about(wrong), raises(ConfigError):
            await agents.versions("acme", "clerk", cursor=wrong)
    for limit in (0, -1):
        with about(limit), raises(ConfigError):
            await agents.versions("acme", "clerk", limit=limit)
