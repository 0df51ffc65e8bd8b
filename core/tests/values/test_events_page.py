"""The reference of events says what the code says."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import get_args

from steer import events
from steer.events import RUNTIME_TYPES, EventData

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "events.md"
BY_THE_GATE = re.compile(r"(model|tool)\.|usage$")


def row(kind: type[EventData]) -> str:
    """One line of a table: type, fields, and the first sentence of the docstring."""
    doc = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    fields = ", ".join(f"`{field.name}`" for field in dataclasses.fields(kind))
    return f"| `{kind.type}` | {fields} | {doc.replace('``', '`')} |"


def table(kinds: list[type[EventData]]) -> str:
    return "\n".join(["| type | fields | what it says |", "|---|---|---|", *map(row, kinds)])


def test_the_page_has_every_event_with_its_fields_and_its_meaning() -> None:
    kinds = list(get_args(EventData))
    runtime = [kind for kind in kinds if kind in RUNTIME_TYPES]
    gate = [kind for kind in kinds if kind not in runtime and BY_THE_GATE.match(kind.type)]
    kernel = [kind for kind in kinds if kind not in runtime and kind not in gate]
    page = PAGE.read_text()
    for expected in (table(runtime), table(gate), table(kernel)):
        assert expected in page, f"docs/reference/events.md should have\n\n{expected}"


def test_the_page_has_every_field_of_the_envelope() -> None:
    page = PAGE.read_text()
    for field in dataclasses.fields(events.Event):
        name = "job" if field.name == "job_id" else field.name
        assert f"| `{name}` |" in page
