from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from steer.ports.storage import Storage
from storage_samples import KINDS, TurnedClock, open_kind


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
async def storage(kind: str, tmp_path: Path, clock: TurnedClock) -> AsyncIterator[Storage]:
    """Every test of the port runs on every built-in storage."""
    opened = open_kind(kind, tmp_path, clock)
    yield opened
    await opened.aclose()
