"""What ``steer check spending`` needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from steer.ports.policy import Outcome
from steer_conformance import PolicySetup

__all__ = ["configure"]


def configure(
    folder: Path,
    rules: Sequence[tuple[str, Outcome]],
) -> PolicySetup:
    """Return the configuration under which the policy is tested, and what it is about."""
    return PolicySetup(
        config={"ask_above": 50},
        tools=["pay"],
        arguments=[{"to": "Ann", "amount": amount} for amount in (40, 60, 4000, "a lot")],
    )
