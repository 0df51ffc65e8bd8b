"""The reference of actions says what the code says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import steer.actions
from steer.actions import schema_of
from steer.values import ActionType

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "actions.md"
KINDS = {
    "string": "text",
    "integer": "number",
    "boolean": "true or false",
    "object": "object",
    "null": "`null`",
}


def kind(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """What a field takes, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        target = root["$defs"][name]
        return kind(target, root) if "enum" in target else f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(kind(each, root) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'], root)}"
    return KINDS[schema["type"]] if "type" in schema else "any JSON"


def rows(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    yield "| field | takes | what it says |"
    yield "|---|---|---|"
    for name, field in schema["properties"].items():
        needed = ", needed" if name in schema.get("required", ()) else ""
        said = " ".join(field["description"].split())
        yield f"| `{name}` | {kind(field, root)}{needed} | {said} |"


def first_line(schema: dict[str, Any]) -> str:
    return " ".join(schema["description"].split("\n\n")[0].split())


def section(action_type: ActionType) -> str:
    """All that the page says of a type of action."""
    schemas = schema_of(action_type)
    asks, answers = schemas.payload, schemas.resolution
    parts = [
        f"## {action_type}",
        "",
        f"`{asks['title']}`: {first_line(asks)}",
        "",
        *rows(asks, asks),
        "",
    ]
    for name, part in asks.get("$defs", {}).items():
        if "properties" in part:
            parts += [f"### {name}", "", first_line(part), "", *rows(part, asks), ""]
    parts += [
        f"Answered with `{answers['title']}`: {first_line(answers)}",
        "",
        *rows(answers, answers),
    ]
    return "\n".join(parts)


def test_the_page_has_every_type_with_its_fields_and_their_meaning() -> None:
    page = PAGE.read_text()
    for action_type in ActionType:
        expected = section(action_type)
        assert expected in page, f"docs/reference/actions.md should have\n\n{expected}"
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE)[-len(ActionType) :] == list(ActionType)


def test_every_value_of_a_question_or_an_answer_is_public() -> None:
    for action_type in ActionType:
        schemas = schema_of(action_type)
        for schema in (schemas.payload, schemas.resolution):
            value = getattr(steer.actions, schema["title"])
            assert inspect.cleandoc(value.__doc__) == schema["description"]
