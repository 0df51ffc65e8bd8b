"""Commands whose help is in sections, in plain text."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

__all__ = ["PlainCommand", "SectionedCommand"]

_ARGUMENTS, _OPTIONS = "Arguments", "Options"


class PlainCommand(TyperCommand):
    """Shows arguments by the names they have for people, without a Python type beside them."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            name, text = record
            if param.param_type_name == "argument":
                name = param.metavar or name
            sections.setdefault(self.section_of(param), []).append((name, text))
        # What is in no section of its own comes last.
        last = sections.pop(_OPTIONS, [])
        for title, records in (*sections.items(), (_OPTIONS, last)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def section_of(self, param: Any) -> str:
        """Return the title of the section that a parameter is shown in."""
        return _ARGUMENTS if param.param_type_name == "argument" else _OPTIONS


class SectionedCommand(PlainCommand):
    """Shows each option in the section that its ``rich_help_panel`` names.

    The sections come in the order of their first options, those without a name last.
    """

    def section_of(self, param: Any) -> str:
        title = super().section_of(param)
        return title if title == _ARGUMENTS else getattr(param, "rich_help_panel", None) or title
