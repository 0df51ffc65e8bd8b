"""A group of commands that are imported one by one, when they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from steer.cli.lazy import load
from steer.cli.sections import PlainCommand
from steer.naming import closest, fold
from steer.plugin import PluginKind
from steer.plugins import PluginRegistry, PluginState

__all__ = ["BuiltIn", "LazyGroup"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltIn:
    """A command of steer's own: its line in the help, and the ``typer.Typer`` behind it."""

    summary: str
    target: str


class LazyGroup(TyperGroup):
    """Steer's own commands, and after them those of plugins.

    The list of commands is made of declarations; only the command that is given is imported.
    """

    built_in: ClassVar[Mapping[str, BuiltIn]] = {}

    @cached_property
    def _registry(self) -> PluginRegistry:
        return PluginRegistry.discover()

    @cached_property
    def _from_plugins(self) -> Mapping[str, str]:
        """The summaries of plugins' commands, by name."""
        return {
            fold(report.name): report.summary
            if report.state is PluginState.OK
            else f"{report.summary} ({report.state})"
            for report in self._registry.explain()
            if report.kind is PluginKind.COMMAND and fold(report.name) not in self.built_in
        }

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return [*self.built_in, *self._from_plugins]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """Return what stands for a command in the help and in completions."""
        own = self.built_in.get(cmd_name)
        summary = own.summary if own else self._from_plugins.get(fold(cmd_name))
        return None if summary is None else TyperCommand(cmd_name, short_help=summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command itself. Raises ``PluginError`` where a plugin cannot bring it."""
        name, *rest = args
        if ctx.resilient_parsing and self.get_command(ctx, name) is None:
            return None, None, rest
        return name, self._imported(ctx, name), rest

    def _imported(self, ctx: Any, name: str) -> Any:
        own = self.built_in.get(name)
        if own is None and fold(name) not in self._from_plugins:
            guess = closest(name, self.list_commands(ctx))
            if guess is not None:
                ctx.fail(f"There is no command {name!r}. Did you mean {guess!r}?")
        app = load(own.target) if own else self._registry.open_command(name)
        if not isinstance(app, typer.Typer):
            function, app = app, typer.Typer(rich_markup_mode=None, add_completion=False)
            app.command()(function)
        for command in app.registered_commands:
            if command.cls in {None, TyperCommand}:
                command.cls = PlainCommand
        return get_command(app)
