"""What the name of a model says: whose it is, and what it can be asked for."""

from __future__ import annotations

import re

from claude_agent_sdk.types import EffortLevel

__all__ = ["EFFORTS", "has_budget", "is_claude", "may_not_think", "takes_effort"]

EFFORTS: tuple[EffortLevel, ...] = ("low", "medium", "high", "xhigh", "max")

# The CLI's own words, each for the newest model of its kind; "[1m]" asks for the long context.
_ALIAS = re.compile(r"(sonnet|opus|haiku|fable|opusplan|best|default)(\[1m\])?")
# An ARN names a model of a cloud by an id that says nothing.
_CLAUDE = re.compile(r"claude-|^arn:")
# What the CLI leaves out of a request without a word, as the tests of its options show: an effort
# or a bound that the model does not know, and "off" for one that always thinks.
_WITHOUT_EFFORT = re.compile(
    r"claude-(3|instant|2|haiku-4|sonnet-4(-0|-5|-2025|$|@)|opus-4(-0|-1|-2025|$|@))"
)
_WITH_BUDGET = re.compile(r"claude-(haiku-4|sonnet-4(-0|-5|-2025|$|@)|opus-4(-0|-1|-5|-2025|$|@))")
_ALWAYS_THINKS = re.compile(r"claude-([a-z]+-5-5|fable)")


def is_claude(model: str) -> bool:
    """Whether this is the name of a model of Anthropic's, here or at a cloud."""
    return _ALIAS.fullmatch(model) is not None or _CLAUDE.search(model) is not None


def takes_effort(model: str | None) -> bool:
    """Whether an effort reaches this model; a model that nobody knows is given it."""
    return model is None or _WITHOUT_EFFORT.search(model) is None


def has_budget(model: str | None) -> bool:
    """Whether thinking can be bounded for this model by a number of tokens."""
    return model is not None and _WITH_BUDGET.search(model) is not None


def may_not_think(model: str | None) -> bool:
    """Whether thinking can be switched off; not for the newest model of a kind, whichever it is."""
    if model is None or _ALIAS.fullmatch(model):
        return False
    return _ALWAYS_THINKS.search(model) is None
