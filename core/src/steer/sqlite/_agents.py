"""The table ``agents``."""

from __future__ import annotations

import sqlite3

from steer.errors import NotFound
from steer.ports.records import Page, StoredAgent
from steer.sqlite._readers import Readers
from steer.sqlite._rows import Row, Rows, from_micros, page, to_micros
from steer.storage import decode_cursor, page_size

__all__ = ["AgentRows", "SqliteAgents"]

_VERSION = "SELECT max(version) FROM agents WHERE scope_id = ? AND name = ?"
_INSERT = """
INSERT INTO agents (scope_id, name, version, definition, created_at) VALUES (?, ?, ?, ?, ?)
"""
_GET = """
SELECT name, version, definition, created_at FROM agents
WHERE scope_id = ? AND name = ? AND version = ifnull(?, version) ORDER BY version DESC LIMIT 1
"""
_LIST = """
SELECT name, max(version), definition, created_at FROM agents
WHERE scope_id = ? AND name > ? GROUP BY name ORDER BY name LIMIT ?
"""


class AgentRows(Rows):
    """Stored agents, inside a commit."""

    def agent_version(self, name: str, /) -> int:
        row = self._one(_VERSION, (self._scope_id, name))
        return (row and row[0]) or 0

    def add_agent(self, agent: StoredAgent, /) -> None:
        self._connection.execute(
            _INSERT,
            (
                self._scope_id,
                agent.name,
                agent.version,
                agent.definition,
                to_micros(agent.created_at),
            ),
        )


class SqliteAgents:
    """``steer.ports.storage.AgentReads``."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def get(self, scope_id: str, name: str, /, *, version: int | None = None) -> StoredAgent:
        def read(connection: sqlite3.Connection) -> StoredAgent:
            row = connection.execute(_GET, (scope_id, name, version)).fetchone()
            if row is None:
                which = f"agent {name}" if version is None else f"version {version} of agent {name}"
                raise NotFound(f"there is no {which} in scope {scope_id}")
            return _agent(row)

        return await self._readers.read(read)

    async def list(
        self, scope_id: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        size = page_size(limit)
        after = decode_cursor("agents", cursor, "")

        def read(connection: sqlite3.Connection) -> Page[StoredAgent]:
            rows = connection.execute(_LIST, (scope_id, after, size + 1)).fetchall()
            return page("agents", rows, size, _agent)

        return await self._readers.read(read)


def _agent(row: Row) -> StoredAgent:
    name, version, definition, created_at = row
    return StoredAgent(
        name=name, version=version, definition=definition, created_at=from_micros(created_at)
    )
