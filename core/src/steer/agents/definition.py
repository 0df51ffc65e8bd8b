"""What an agent is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from steer.agents.mcp import McpHttp, McpServer, McpStdio
from steer.agents.output import OutputSpec, output_spec
from steer.agents.settings import ModelSettings
from steer.agents.templates import Template, Variable
from steer.agents.tools import Tool
from steer.errors import AgentError

__all__ = ["Agent", "native_agent"]

# What an agent around a vendor's own object may still say.
_BESIDE_NATIVE = frozenset({"name", "description", "runtime", "runtime_config", "native", "output"})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, weakref_slot=True)
class Agent:
    """An agent, independent of the runtime that runs it.

    ``instructions`` are a template in which only ``variables`` are replaced. ``model`` is a name
    the runtime knows, ``None`` its default. ``output_type`` is a type that pydantic can validate
    or a JSON schema as a mapping; ``None`` asks for text, and ``output`` is what follows from it.
    ``output_strict`` is as in ``output_spec``. ``handoffs`` are agents it may pass the
    conversation to. ``runtime`` names the runtime that runs it unless the request says otherwise,
    ``runtime_config`` is for that runtime alone.

    ``native`` is a vendor's own agent object, which then says everything about behaviour itself.

    Two agents are equal only if they are the same object. Raises ``AgentError`` for a definition
    that contradicts itself.
    """

    name: str
    description: str = ""
    instructions: str | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)
    model: str | None = None
    settings: ModelSettings = field(default_factory=ModelSettings)
    tools: Sequence[Tool[..., Any]] = ()
    output_type: Any = None
    output_strict: bool | None = None
    handoffs: Sequence[Agent] = ()
    mcp_servers: Sequence[McpServer] = ()
    runtime: str | None = None
    runtime_config: Mapping[str, Any] = field(default_factory=dict)
    native: Any = None
    output: OutputSpec | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Fix the sequences and check what the fields say of each other."""
        if not self.name or not self.name.strip():
            raise AgentError("an agent needs a name", fix="Set name= to a text that is not empty")
        for name in ("tools", "handoffs", "mcp_servers"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("variables", "runtime_config"):
            object.__setattr__(self, name, dict(getattr(self, name)))
        object.__setattr__(self, "output", self._output())
        if self.native is not None:
            self._check_native()
        self._check_kinds()
        self._check_unique("tools", (tool.name for tool in self.tools))
        self._check_unique("handoffs", (agent.name for agent in self.handoffs))
        self._check_unique("MCP servers", (server.name for server in self.mcp_servers))
        self._check_tool_choice()
        # Raises for variables that are not well formed or never used.
        self._template()

    def instructions_with(self, values: Mapping[str, str]) -> str | None:
        """Return the instructions with the variables filled in, ``None`` where there are none.

        Raises ``AgentError`` for a missing value and for one that is not declared.
        """
        rendered = self._template().render(values)
        return None if self.instructions is None else rendered

    def _template(self) -> Template:
        return Template(text=self.instructions or "", variables=self.variables, agent=self.name)

    def _output(self) -> OutputSpec | None:
        try:
            return output_spec(self.output_type, strict=self.output_strict)
        except AgentError as error:
            raise AgentError(f"agent {self.name!r}: {error.message}", fix=error.fix) from error

    def _check_native(self) -> None:
        empty = Agent(name=self.name)
        extra = [
            name
            for name in (item.name for item in fields(self))
            if name not in _BESIDE_NATIVE and getattr(self, name) != getattr(empty, name)
        ]
        if extra:
            raise self._error(
                f"wraps a {type(self.native).__name__} and sets {', '.join(extra)}",
                fix="Set these on the vendor's own object",
            )

    def _check_kinds(self) -> None:
        for tool in self.tools:
            if not isinstance(tool, Tool):
                raise self._error(
                    f"has a tool that is a {type(tool).__name__}: {_called(tool)}",
                    fix="Decorate the function with @tool",
                )
        for agent in self.handoffs:
            if not isinstance(agent, Agent):
                raise self._error(f"hands off to a {type(agent).__name__}", fix="Give it an Agent")
        for server in self.mcp_servers:
            if not isinstance(server, McpStdio | McpHttp):
                raise self._error(
                    f"has an MCP server that is a {type(server).__name__}",
                    fix="Use McpStdio or McpHttp",
                )

    def _check_unique(self, what: str, names: Iterable[str]) -> None:
        double = [name for name, count in Counter(names).items() if count > 1]
        if double:
            raise self._error(
                f"has two {what} named {double[0]!r}", fix="Give one of them another name"
            )

    def _check_tool_choice(self) -> None:
        choice = self.settings.tool_choice
        known = {"auto", "none", "required", None, *(tool.name for tool in self.tools)}
        # The tools of MCP servers are not known before these are opened.
        if choice not in known and not self.mcp_servers:
            raise self._error(
                f"has the tool_choice {choice!r}, which is none of its tools",
                fix="Use auto, none, required or the name of a tool",
            )

    def _error(self, problem: str, *, fix: str | None) -> AgentError:
        return AgentError(f"agent {self.name!r} {problem}", fix=fix)


def native_agent(native: object, *, runtime: str, default_name: str) -> Agent:
    """Return an ``Agent`` around a vendor's own object, named as the vendor's object is."""
    name = getattr(native, "name", None)
    if not isinstance(name, str) or not name.strip():
        name = default_name
    return Agent(name=name, runtime=runtime, native=native)


def _called(value: object) -> str:
    return getattr(value, "__name__", repr(value)[:40])
