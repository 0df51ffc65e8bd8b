"""The storage that lives as long as the process: fast, whole, and gone at exit."""

from __future__ import annotations

from steer.memory._storage import MemoryStorage, open_memory

__all__ = ["MemoryStorage", "open_memory"]
