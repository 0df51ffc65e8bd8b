"""Asking policy whether a principal may read or write a session or a file."""

from __future__ import annotations

from typing import Literal

from steer.context import ExecutionContext
from steer.errors import PolicyDenied
from steer.policies import PolicyStack
from steer.ports.policy import DataQuestion, Outcome

__all__ = ["check_data"]


async def check_data(
    policies: PolicyStack,
    context: ExecutionContext,
    kind: str,
    name: str,
    *actions: Literal["read", "write"],
) -> None:
    """Raise ``PolicyDenied`` where policy does not let the principal do all of this."""
    for action in actions:
        verdict = await policies.decide(
            DataQuestion(context=context, action=action, kind=kind, name=name)
        )
        if verdict.outcome is not Outcome.ALLOW:
            raise PolicyDenied(
                f"policy does not let {context.principal_id} {action} the {kind} {name}:"
                f" {verdict.reason}"
            )
