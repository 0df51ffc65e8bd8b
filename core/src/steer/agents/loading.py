"""Loading agents: from a Python file or module, from TOML or JSON, and again from a reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steer.agents.agent_file import AgentFile, read_definition, read_mapping
from steer.agents.definition import Agent
from steer.agents.entry import NativeRuntime, find_agent
from steer.agents.python_files import run_python
from steer.agents.ref import ImportRef, InlineRef
from steer.agents.source import AgentSource, locate
from steer.agents.tools import Tool, tool
from steer.errors import AgentError, Diverged
from steer.values import JsonValue

__all__ = ["Loaded", "load_agent", "load_definition", "resolve"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """An agent and how to find it again. ``source`` is its file, ``None`` for an inline one.

    A vendor's own object arrives wrapped: ``agent.native`` is it, ``agent.runtime`` runs it.
    """

    agent: Agent
    ref: ImportRef | InlineRef
    source: Path | None = None


def _nothing_native(_: object) -> str | None:
    return None


def load_agent(
    spec: str,
    *,
    cwd: str | Path | None = None,
    native_runtime: NativeRuntime = _nothing_native,
    native_functions: Collection[str] = (),
) -> Loaded:
    """Load the agent that ``spec`` names, running the Python code it is defined in.

    ``spec`` is ``FILE.py``, ``FILE.py:NAME``, ``pkg.module``, ``pkg.module:NAME``, ``FILE.toml``
    or ``FILE.json``, relative to ``cwd``. Without a name the function counts that has a name of
    ``native_functions`` and runs a vendor's agents, else the variable ``agent``, else the only
    agent there is. ``native_runtime`` tells which objects of vendors are agents, and which async
    functions run some, by naming the runtime that runs them.

    Raises ``AgentError``. To judge a file before any of it runs, see ``locate``.
    """
    return _load(locate(spec, cwd=cwd), native_runtime, above=(), functions=native_functions)


def load_definition(
    definition: Mapping[str, JsonValue],
    *,
    cwd: str | Path | None = None,
    native_runtime: NativeRuntime = _nothing_native,
) -> Loaded:
    """Build the agent of a definition that is at hand as data, with the keys of an agent file.

    It names code to import, so take it only from those who may run code here. Raises
    ``AgentError``.
    """
    folder = Path("." if cwd is None else cwd).resolve()
    file = read_definition(definition, shown="the definition")
    build = _Building(
        file=file, folder=folder, shown="the definition", native_runtime=native_runtime, above=()
    )
    return Loaded(
        agent=build.agent(), ref=InlineRef(definition=dict(definition), folder=str(folder))
    )


def resolve(
    ref: ImportRef | InlineRef,
    *,
    native_runtime: NativeRuntime = _nothing_native,
    allow_changed: bool = False,
) -> Loaded:
    """Load an agent again from its reference; nothing runs before the digest was compared.

    Raises ``Diverged`` if the file has changed, unless ``allow_changed``, and ``AgentError`` as
    ``load_agent`` does. The digest is of that file: what it imports may have changed unnoticed.
    """
    if isinstance(ref, InlineRef):
        return load_definition(ref.definition, cwd=ref.folder, native_runtime=native_runtime)
    source = locate(str(ref), cwd=ref.folder)
    if source.digest != ref.digest and not allow_changed:
        raise Diverged(
            f"{ref.target} has changed since this agent was referred to",
            fix="Restore the file as it was, or allow a changed one",
        )
    return _load(source, native_runtime, above=())


def _load(
    source: AgentSource,
    native_runtime: NativeRuntime,
    above: tuple[Path, ...],
    functions: Collection[str] = (),
) -> Loaded:
    ref = ImportRef(
        target=source.module or str(source.path),
        digest=source.digest,
        folder=None if source.folder is None else str(source.folder),
    )
    suffix = source.path.suffix
    if suffix not in {".toml", ".json"}:
        name, agent = find_agent(run_python(source), source, native_runtime, functions)
        return Loaded(agent=agent, ref=replace(ref, name=name), source=source.path)
    if source.path in above:
        raise AgentError(f"{source.shown} hands off to itself", fix="Leave one handoff out")
    definition = read_mapping(source.content, suffix=suffix, shown=source.shown)
    build = _Building(
        file=read_definition(definition, shown=source.shown),
        folder=source.path.parent,
        shown=source.shown,
        native_runtime=native_runtime,
        above=(*above, source.path),
    )
    return Loaded(agent=build.agent(), ref=ref, source=source.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Building:
    """One agent file on its way to an agent; ``above`` are the files that hand off to it."""

    file: AgentFile
    folder: Path
    shown: str
    native_runtime: NativeRuntime
    above: tuple[Path, ...]

    def agent(self) -> Agent:
        file = self.file
        try:
            return Agent(
                name=file.name,
                description=file.description,
                instructions=file.instructions,
                variables=file.variables,
                model=file.model,
                settings=file.settings,
                tools=[self._tool(spec) for spec in file.tools],
                output_type=self._output_schema(),
                output_strict=file.output_strict,
                handoffs=[self._handoff(spec) for spec in file.handoffs],
                mcp_servers=[table.server(name) for name, table in file.mcp_servers.items()],
                runtime=file.runtime,
                runtime_config=file.runtime_config,
            )
        except AgentError as error:
            raise AgentError(f"{self.shown}: {error.message}", fix=error.fix) from error

    def _tool(self, spec: str) -> Tool[..., Any]:
        source = locate(spec, cwd=self.folder)
        if source.name is None:
            raise AgentError(
                f"the tool {spec!r} does not name a function",
                fix="Write module:function or FILE.py:function",
            )
        function = getattr(run_python(source), source.name, None)
        if isinstance(function, Tool):
            return function
        if not callable(function):
            raise AgentError(f"there is no function {spec}")
        return tool(function)

    def _handoff(self, spec: str) -> Agent:
        source = locate(spec, cwd=self.folder)
        return _load(source, self.native_runtime, above=self.above).agent

    def _output_schema(self) -> dict[str, Any] | None:
        schema = self.file.output_schema
        if not isinstance(schema, str):
            return schema
        source = locate(schema, cwd=self.folder)
        return read_mapping(source.content, suffix=source.path.suffix, shown=schema)
