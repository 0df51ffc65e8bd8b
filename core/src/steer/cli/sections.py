"""A command whose help has its options in sections."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

__all__ = ["SectionedCommand"]

_OTHERS = "Options"


class SectionedCommand(TyperCommand):
    """Shows each option in the section that its ``rich_help_panel`` names, in plain text.

    The sections come in the order of their first options, those without a name last.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        others: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            is_argument = param.param_type_name == "argument"
            title = "Arguments" if is_argument else getattr(param, "rich_help_panel", None)
            (others if title is None else sections.setdefault(title, [])).append(record)
        for title, records in (*sections.items(), (_OTHERS, others)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
