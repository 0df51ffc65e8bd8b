"""The storage in one SQLite file: durable, and shared by all processes of one machine."""

from __future__ import annotations

from steer.sqlite._glance import (
    glance_at_actions,
    glance_at_agents,
    glance_at_budgets,
    glance_at_jobs,
    glance_at_sessions,
)
from steer.sqlite._location import path_from_url
from steer.sqlite._storage import SqliteStorage, open_sqlite

__all__ = [
    "SqliteStorage",
    "glance_at_actions",
    "glance_at_agents",
    "glance_at_budgets",
    "glance_at_jobs",
    "glance_at_sessions",
    "open_sqlite",
    "path_from_url",
]
