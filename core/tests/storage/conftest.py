from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from steer.memory import open_memory
from steer.ports.storage import Storage
from steer.sqlite import open_sqlite


@pytest.fixture(params=["memory", "sqlite"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """Signals are the same on every built-in storage."""
    in_memory = request.param == "memory"
    opened = open_memory() if in_memory else open_sqlite(tmp_path / "store.db")
    yield opened
    await opened.aclose()
