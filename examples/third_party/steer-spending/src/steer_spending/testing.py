"""What ``steer check spending`` needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from steer.ports.policy import Outcome
from steer.values import JsonValue

__all__ = ["configure"]


def configure(
    folder: Path,
    rules: Sequence[tuple[str, Outcome]],
) -> dict[str, JsonValue]:
    """Return the configuration under which the policy is tested."""
    return {"ask_above": 50}
