"""The table ``agents``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from steer.errors import NotFound
from steer.ports.records import Page, StoredAgent
from steer.sqlite._readers import Readers
from steer.sqlite._rows import Row, Rows, from_micros, page, to_micros
from steer.storage import decode_cursor, page_size

__all__ = ["AgentRows", "SqliteAgents", "page_of_agents"]

_VERSION = "SELECT max(version) FROM agents WHERE scope_id = ? AND name = ?"
_INSERT = """
INSERT INTO agents (scope_id, name, version, definition, created_at) VALUES (?, ?, ?, ?, ?)
"""
_GET = """
SELECT name, version, definition, created_at FROM agents
WHERE scope_id = ? AND name = ? AND version = ?
"""
_GET_NEWEST = """
SELECT name, version, definition, created_at FROM agents
WHERE scope_id = ? AND name = ?
    AND NOT EXISTS (SELECT 1 FROM removed_agents WHERE scope_id = ? AND name = ?)
ORDER BY version DESC LIMIT 1
"""
_LIST = """
SELECT name, max(version), definition, created_at FROM agents
WHERE scope_id = ? AND name > ?
    AND name NOT IN (SELECT name FROM removed_agents WHERE scope_id = ?)
GROUP BY name ORDER BY name LIMIT ?
"""
_VERSIONS = """
SELECT version, name, definition, created_at FROM agents
WHERE scope_id = ? AND name = ? AND version < ? ORDER BY version DESC LIMIT ?
"""
_REMOVE = """
INSERT OR IGNORE INTO removed_agents (scope_id, name)
SELECT scope_id, name FROM agents WHERE scope_id = ? AND name = ? LIMIT 1
"""
_RESTORE = "DELETE FROM removed_agents WHERE scope_id = ? AND name = ?"
_NO_VERSION = 2**63 - 1


class AgentRows(Rows):
    """Stored agents, inside a commit."""

    def agent_version(self, name: str, /) -> int:
        row = self._one(_VERSION, (self._scope_id, name))
        return (row and row[0]) or 0

    def remove_agent(self, name: str, /) -> bool:
        return self._changed_one(_REMOVE, (self._scope_id, name))

    def add_agent(self, agent: StoredAgent, /) -> None:
        self._connection.execute(_RESTORE, (self._scope_id, agent.name))
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
            if version is None:
                found = connection.execute(_GET_NEWEST, (scope_id, name, scope_id, name))
            else:
                found = connection.execute(_GET, (scope_id, name, version))
            row = found.fetchone()
            if row is None:
                which = f"agent {name}" if version is None else f"version {version} of agent {name}"
                raise NotFound(
                    f"there is no {which} in scope {scope_id}", fix="See: steer agents list"
                )
            return _agent(row)

        return await self._readers.read(read)

    async def list(
        self, scope_id: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        return await self._readers.read(page_of_agents(scope_id, limit=limit, cursor=cursor))

    async def versions(
        self, scope_id: str, name: str, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StoredAgent]:
        size = page_size(limit)
        before = decode_cursor("versions", cursor, _NO_VERSION)

        def read(connection: sqlite3.Connection) -> Page[StoredAgent]:
            rows = connection.execute(_VERSIONS, (scope_id, name, before, size + 1)).fetchall()
            return page("versions", rows, size, _version)

        return await self._readers.read(read)


def page_of_agents(
    scope_id: str, *, limit: int, cursor: str | None
) -> Callable[[sqlite3.Connection], Page[StoredAgent]]:
    """Return what reads the newest version of each agent of a scope, by name."""
    size = page_size(limit)
    after = decode_cursor("agents", cursor, "")

    def read(connection: sqlite3.Connection) -> Page[StoredAgent]:
        rows = connection.execute(_LIST, (scope_id, after, scope_id, size + 1)).fetchall()
        return page("agents", rows, size, _agent)

    return read


def _version(row: Row) -> StoredAgent:
    version, name, *others = row
    return _agent((name, version, *others))


def _agent(row: Row) -> StoredAgent:
    name, version, definition, created_at = row
    return StoredAgent(
        name=name, version=version, definition=definition, created_at=from_micros(created_at)
    )
