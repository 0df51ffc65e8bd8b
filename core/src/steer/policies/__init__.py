"""Policy as rules: sets of them, the built-in one, and the stack that asks several as one."""

from steer.policies.arguments import Rewrite
from steer.policies.author_declared import AuthorDeclared
from steer.policies.conditions import Condition
from steer.policies.files import load_policy_file, parse_policy
from steer.policies.rules import DataRule, ModelRule, Rule, RunRule, ToolRule
from steer.policies.sets import PolicySet
from steer.policies.stack import PolicyStack
from steer.policies.verdicts import strictest, unattended

__all__ = [
    "AuthorDeclared",
    "Condition",
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
