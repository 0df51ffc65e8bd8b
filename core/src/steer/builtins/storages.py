"""Opening the storages of core by URL."""

from __future__ import annotations

from steer.clock import Clock
from steer.errors import ConfigError
from steer.memory import MemoryStorage, open_memory
from steer.sqlite import SqliteStorage, open_sqlite, path_from_url

__all__ = ["open_memory_url", "open_sqlite_url"]


def open_memory_url(url: str, clock: Clock) -> MemoryStorage:
    """Open a new store in memory; ``memory://`` names nothing more."""
    if url.lower().rstrip("/") != "memory:":
        raise ConfigError("a storage in memory has no name or place", fix="Write memory://")
    return open_memory(clock)


def open_sqlite_url(url: str, clock: Clock) -> SqliteStorage:
    """Open the file that the URL names, made where it is missing."""
    return open_sqlite(path_from_url(url), clock)
