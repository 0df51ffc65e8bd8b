"""``steer config``."""

from __future__ import annotations

import typer
from pydantic_core import to_json

from steer.cli.options import AsJson, ConfigFile, settings_from
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.printable import json_text
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.values import JsonValue

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_VALUE_LENGTH = 100


@app.command()
def config(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show every setting and where it comes from.

    Strongest first: a flag, an environment variable (STEER_STORAGE and the like), steer.toml or
    the [tool.steer] of a pyproject.toml from here upwards, the default. With --json, one setting
    a line. Secrets are not shown.
    """
    streams = Streams.standard()
    settings = settings_from(config=config).explain()
    if as_json:
        streams.out.write_bytes(b"".join(to_json(setting) + b"\n" for setting in settings))
        return
    rows = [(setting.key, _shown(setting.value), setting.source) for setting in settings]
    streams.out.write(
        in_columns(rows, head=("SETTING", "VALUE", "FROM"), paint=paint_for(streams.out))
    )


def _shown(value: JsonValue) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return ", ".join(value) or "-"
    return value if isinstance(value, str) else json_text(value, _VALUE_LENGTH)
