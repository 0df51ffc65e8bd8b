from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The scripted provider and what is tested with it run on asyncio."""
    return "asyncio"
