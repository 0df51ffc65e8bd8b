"""The processes that one runtime has: who waits gets one, and nobody another's."""

from __future__ import annotations

import asyncio

import pytest
from bare_cli import prepared
from steer.agents import Agent, McpHttp
from steer_claude_code.client import Client
from steer_claude_code.clients import Clients
from steer_claude_code.prepared import ClaudeCodePrepared

pytestmark = pytest.mark.anyio

SECONDS = 60.0


def agent(instructions: str, *servers: McpHttp) -> ClaudeCodePrepared:
    return prepared(
        Agent(
            name="agent",
            model="claude-sonnet-4-5",
            instructions=instructions,
            mcp_servers=list(servers),
        )
    )


async def use(clients: Clients, which: ClaudeCodePrepared) -> Client:
    async with clients.client(which, scope_id="scope") as client:
        return client


async def test_who_waits_is_served_before_a_process_is_kept_for_later() -> None:
    clients = Clients(limit=1)
    try:
        async with asyncio.timeout(SECONDS):
            await use(clients, agent("One."))
            await use(clients, agent("One."))
            # Another one of that kind is being started now, in the only place there is.
            await asyncio.sleep(0)
            await use(clients, agent("Two."))
    finally:
        await clients.aclose()


async def test_a_place_is_free_again_although_nobody_waits_for_the_end() -> None:
    clients = Clients(limit=1)
    begun = asyncio.Event()

    async def lent() -> None:
        async with clients.client(agent("One."), scope_id="scope"):
            begun.set()
            await asyncio.Event().wait()

    try:
        async with asyncio.timeout(SECONDS):
            task = asyncio.create_task(lent())
            await begun.wait()
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            await use(clients, agent("Two."))
    finally:
        await clients.aclose()


async def test_nobody_is_lent_a_process_that_was_told_the_secrets_of_another() -> None:
    clients = Clients(limit=2)
    mine, yours = (
        agent("One.", McpHttp(name="bank", url="http://127.0.0.1:9/", headers={"token": each}))
        for each in ("mine", "yours")
    )
    assert mine.fingerprint == yours.fingerprint
    try:
        async with asyncio.timeout(SECONDS):
            await use(clients, mine)
            await use(clients, mine)
            # One of that kind has been started ahead by then.
            await asyncio.gather(*clients._tasks)
            assert (await use(clients, yours)).prepared is yours
            assert (await use(clients, mine)).prepared is mine
    finally:
        await clients.aclose()
