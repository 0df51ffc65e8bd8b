"""The page about this runtime says of each setting what it is, and sets only what there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from steer.ports.policy import ToolKind
from steer_claude_code.agent.native_tools import NATIVE_TOOLS
from steer_claude_code.config import ClaudeCodeConfig, Subagent

PAGE = Path(__file__).resolve().parents[3] / "docs/how-to/run-claude-code.md"


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of the table under a heading, by the first of each row."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [re.findall(r"[^|]+", line) for line in section.splitlines() if line.startswith("| ")]
    return {first.strip(" `"): [cell.strip() for cell in rest] for first, *rest in cells[1:]}


def test_each_setting_has_a_row_with_what_it_is_by_itself() -> None:
    told = rows("All settings")
    assert list(told) == list(ClaudeCodeConfig.model_fields)
    for name, (unset, _) in told.items():
        default = ClaudeCodeConfig.model_fields[name].get_default(call_default_factory=True)
        match default:
            case () | {}:
                assert unset == "none", name
            case str():
                assert unset == f"`{default}`", name
            case int() | float():
                assert unset == f"{default:g}", name
            case _:
                assert default is None, name


@pytest.mark.parametrize("name", ["login", "permission_mode", "setting_sources", "output"])
def test_each_value_of_a_setting_is_named(name: str) -> None:
    schema: Any = ClaudeCodeConfig.model_json_schema()["properties"][name]
    values = schema.get("enum") or schema["items"]["enum"]
    assert [value for value in values if f"`{value}`" not in rows("All settings")[name][1]] == []


def test_each_key_of_a_subagent_is_named() -> None:
    told = re.findall(r"`(\w+)`", rows("All settings")["subagents"][1])
    assert told == list(Subagent.model_fields)


def test_the_native_tools_are_those_that_an_agent_can_have() -> None:
    (row,) = (first for first in rows("Tools") if first.startswith("the CLI's"))
    kinds = (ToolKind.NATIVE,)
    can = [n for n, each in NATIVE_TOOLS.items() if each.refused is None and each.kind in kinds]
    assert re.findall(r"`(\w+)", row + "`") == ["tools", *can]


def test_each_example_sets_what_can_be_set() -> None:
    examples = re.findall(r"```toml.*?\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 4
    for example in map(tomllib.loads, examples):
        ours = example.get("runtimes", {}).get("claude-code") or example.get("runtime_config", {})
        ClaudeCodeConfig.model_validate(ours)
