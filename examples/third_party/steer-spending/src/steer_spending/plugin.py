"""What this distribution adds to steer: one policy."""

from __future__ import annotations

from steer.plugin import PolicyPlugin, hookimpl

__all__ = ["POLICY", "steer_policies"]

POLICY = PolicyPlugin(
    name="spending",
    summary="Asks a person about large amounts, denies larger ones",
    contract=1,
    open="steer_spending.policy:SpendingPolicy",
    config="steer_spending.policy:SpendingConfig",
    testing="steer_spending.testing:configure",
)


@hookimpl
def steer_policies() -> list[PolicyPlugin]:
    """Declare the policy ``spending``."""
    return [POLICY]
