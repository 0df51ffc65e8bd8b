"""``steer plugins``."""

from __future__ import annotations

import typer
from pydantic_core import to_json

from steer.cli.options import AsJson
from steer.cli.terminal.paint import Paint, paint_for
from steer.cli.terminal.printable import one_line
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.plugins import PluginRegistry, PluginReport, PluginState

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_HEAD = ("KIND", "NAME", "STATE", "FROM", "WHAT IT IS")


@app.command()
def plugins(*, as_json: AsJson = False) -> None:
    """Show the plugins there are, who brought them, and what is wrong with them.

    Nothing of them is opened and no vendor is imported. With --json, one plugin a line.
    """
    streams = Streams.standard()
    reports = PluginRegistry.discover().explain()
    if as_json:
        streams.out.write_bytes(b"".join(to_json(report) + b"\n" for report in reports))
    else:
        streams.out.write(_table(reports, paint_for(streams.out)))


def _table(reports: tuple[PluginReport, ...], paint: Paint) -> str:
    rows = [
        (
            report.kind or "?",
            report.name,
            report.state,
            " ".join(filter(None, (report.distribution, report.version))) or "this application",
            report.summary,
        )
        for report in reports
    ]
    text = in_columns(rows, head=_HEAD, paint=paint, style=_style)
    problems = [
        paint("error", f"{report.name}: {one_line(report.error.removeprefix(f'{report.name}: '))}")
        for report in reports
        if report.error is not None
    ]
    return text + "".join(f"\n{problem}\n" for problem in problems)


def _style(column: int, text: str) -> str | None:
    if _HEAD[column] == "STATE":
        return "succeeded" if text == PluginState.OK else "failed"
    return None
