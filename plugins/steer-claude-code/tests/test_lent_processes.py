"""A process that was started ahead is lent to no run that it was not told the secrets of."""

from __future__ import annotations

import asyncio

import pytest
from bare_cli import prepared
from steer.agents import Agent, McpHttp
from steer_claude_code.agent.prepared import ClaudeCodePrepared
from steer_claude_code.process.client import Client
from steer_claude_code.process.clients import Clients

pytestmark = pytest.mark.anyio

SECONDS = 60.0


async def use(clients: Clients, which: ClaudeCodePrepared) -> Client:
    async with clients.client(which, scope_id="scope") as client:
        return client


async def test_nobody_is_lent_a_process_that_was_told_the_secrets_of_another() -> None:
    clients = Clients(limit=3)
    mine, yours = (
        prepared(
            Agent(
                name="agent",
                model="claude-sonnet-4-5",
                mcp_servers=[
                    McpHttp(name="bank", url="http://127.0.0.1:9/", headers={"token": each})
                ],
            )
        )
        for each in ("mine", "yours")
    )
    assert mine.fingerprint == yours.fingerprint
    try:
        async with asyncio.timeout(SECONDS):
            await use(clients, mine)
            await use(clients, mine)
            # One of that kind has been started ahead.
            assert (await use(clients, yours)).prepared is yours
    finally:
        await clients.aclose()
