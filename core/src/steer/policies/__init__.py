"""Policy as rules: sets of them, the built-in one, and the stack that asks several as one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from steer.policies.arguments import Rewrite
from steer.policies.author_declared import AuthorDeclared
from steer.policies.conditions import Condition
from steer.policies.constraints import Constraints
from steer.policies.rules import ActionRule, DataRule, ModelRule, Rule, RunRule, ToolRule
from steer.policies.sets import PolicySet
from steer.policies.stack import PolicyStack
from steer.policies.verdicts import strictest, unattended

if TYPE_CHECKING:
    from steer.policies.files import load_policy_file, parse_policy

__all__ = [
    "ActionRule",
    "AuthorDeclared",
    "Condition",
    "Constraints",
    "DataRule",
    "ModelRule",
    "PolicySet",
    "PolicyStack",
    "Rewrite",
    "Rule",
    "RunRule",
    "ToolRule",
    "load_policy_file",
    "parse_policy",
    "strictest",
    "unattended",
]


def __getattr__(name: str) -> object:
    """Import the reading of files once it is asked for: its tables take as long as the rest."""
    if name not in ("load_policy_file", "parse_policy"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.files"), name)
