"""What to type to get a distribution that is missing."""

from __future__ import annotations

from collections.abc import Mapping

from steer.naming import fold
from steer.plugin import PluginKind

__all__ = ["FIRST_PARTY", "INSTALL_HINT", "brought_by", "install_hint"]

# On the public index the name steer belongs to another project, so pip cannot be told it yet.
INSTALL_HINT = "In a checkout of steer: uv pip install -e {folder}"
"""How a distribution of steer's own is installed."""

FIRST_PARTY: Mapping[str, str] = {
    "steer-claude-code": "plugins/steer-claude-code",
    "steer-conformance": "conformance",
    "steer-openai-agents": "plugins/steer-openai-agents",
}
"""The folder in the checkout of each distribution of steer's own."""

_BROUGHT_BY: Mapping[tuple[PluginKind, str], str] = {
    (PluginKind.RUNTIME, "claude-code"): "steer-claude-code",
    (PluginKind.RUNTIME, "openai-agents"): "steer-openai-agents",
    (PluginKind.COMMAND, "check"): "steer-conformance",
    (PluginKind.COMMAND, "demo"): "steer-conformance",
    (PluginKind.COMMAND, "provider"): "steer-conformance",
}


def install_hint(requirement: str) -> str:
    """Return what installs ``requirement``, as the sentence that ends an error."""
    folder = FIRST_PARTY.get(fold(requirement))
    if folder is not None:
        return INSTALL_HINT.format(folder=folder)
    return f"Install it: python -m pip install '{requirement}'"


def brought_by(kind: PluginKind, name: str) -> str | None:
    """Return the distribution of steer's own that brings what has this name."""
    return _BROUGHT_BY.get((kind, fold(name)))
