"""What tools are called: by models and people, and by the CLI."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from steer.ports.policy import ToolKind

__all__ = ["OWN_SERVER", "Names", "Tooling"]

OWN_SERVER = "steer"
"""The MCP server, in this process, that has the agent's function tools."""

_PREFIX = "mcp__"
_AGENT = "Agent"


class Tooling(NamedTuple):
    """What stands behind a tool of the CLI."""

    tool: str
    kind: ToolKind
    server: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """The names of an agent's function tools, which models read without the CLI's prefix.

    So an agent's model, its policy and its events have one name for a tool on every runtime.
    """

    own: Collection[str] = ()

    def for_cli(self, name: str) -> str:
        """Return the CLI's name of a tool that a model called."""
        return f"{_PREFIX}{OWN_SERVER}__{name}" if name in self.own else name

    def for_model(self, name: str) -> str:
        """Return the name under which models know a tool of the CLI."""
        tooling = self.behind(name)
        return tooling.tool if tooling.kind is ToolKind.FUNCTION else name

    def behind(self, name: str) -> Tooling:
        """Return what stands behind a tool of the CLI."""
        if not name.startswith(_PREFIX):
            kind = ToolKind.AGENT if name == _AGENT else ToolKind.NATIVE
            return Tooling(name, kind)
        server, _, tool = name.removeprefix(_PREFIX).partition("__")
        if server == OWN_SERVER and tool in self.own:
            return Tooling(tool, ToolKind.FUNCTION)
        return Tooling(tool, ToolKind.MCP, server)
