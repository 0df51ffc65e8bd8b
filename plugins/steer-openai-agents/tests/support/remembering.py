"""A session of an author's own, which keeps account of what it is asked."""

from __future__ import annotations

import copy
from typing import Any

from agents import (
    SessionSettings,
)


class Remembering:
    """A session of an author's own, which keeps account of what it is asked."""

    session_settings: SessionSettings | None = None

    def __init__(self, items: list[Any] | None = None, session_id: str = "own") -> None:
        self.session_id = session_id
        self.items = list(items or [])
        self.calls: list[str] = []

    async def get_items(self, limit: int | None = None) -> list[Any]:
        self.calls.append("get")
        return copy.deepcopy(self.items if limit is None else self.items[-limit:])

    async def add_items(self, items: list[Any]) -> None:
        self.calls.append(f"add {len(items)}")
        self.items.extend(copy.deepcopy(items))

    async def pop_item(self) -> Any:
        self.calls.append("pop")
        return self.items.pop() if self.items else None

    async def clear_session(self) -> None:
        self.calls.append("clear")
        self.items.clear()
