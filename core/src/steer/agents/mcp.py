"""The MCP servers an agent takes tools from, described and not yet opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steer.errors import AgentError

__all__ = ["McpHttp", "McpServer", "McpStdio"]


@dataclass(frozen=True, kw_only=True, slots=True)
class McpStdio:
    """A server that runs as a child process and speaks over its standard streams.

    ``env`` is added to the little that a child process needs to start; the environment of this
    process is not passed on. It may hold secrets and is kept out of ``repr``.
    """

    name: str
    command: str
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None

    def __post_init__(self) -> None:
        """Fix the order of the arguments and refuse a server nobody could start."""
        object.__setattr__(self, "args", tuple(self.args))
        if not self.name or not self.command:
            raise AgentError("an MCP server over stdio needs a name and a command")


@dataclass(frozen=True, kw_only=True, slots=True)
class McpHttp:
    """A server behind a URL (streamable HTTP). ``headers`` may hold secrets: not in ``repr``."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse a server nobody could reach."""
        if not self.name or not self.url.startswith(("http://", "https://")):
            raise AgentError(
                f"the MCP server {self.name!r} has the url {self.url!r}",
                fix="Give it a name and an http:// or https:// URL",
            )


McpServer = McpStdio | McpHttp
