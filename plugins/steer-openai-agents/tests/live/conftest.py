"""What the tests against the vendor share: here, its settings are the point."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_vendor_settings() -> None:
    """Leave the key where it is, in place of the fixture that takes it away."""
