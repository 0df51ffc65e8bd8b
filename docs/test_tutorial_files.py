"""A tutorial builds a plugin of examples/third_party, file by file: both have the same files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = {"write-a-runtime.md": "steer-acme", "write-a-policy.md": "steer-spending"}
# What is no part of the lesson: the page of the plugin itself, and tests of its details.
ELSEWHERE = {"README.md", "tests/test_acme_runs.py", "tests/test_spending_limits.py"}

each_tutorial = pytest.mark.parametrize(("page", "plugin"), PLUGINS.items())


def files_in(page: str, plugin: str) -> dict[str, str]:
    """Return what the page writes into files, by their path in the plugin's folder."""
    text = (ROOT / "docs/tutorial" / page).read_text()
    blocks = re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    return {title.removeprefix(f"{plugin}/"): written for title, written in blocks}


def files_of(plugin: str) -> dict[str, str]:
    """Return the files of an example that say anything."""
    home = ROOT / "examples/third_party" / plugin
    every = (file for file in home.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(home)): text for file in every if (text := file.read_text())}


@each_tutorial
def test_what_a_tutorial_writes_is_the_example(page: str, plugin: str) -> None:
    example = files_of(plugin)
    for path, written in files_in(page, plugin).items():
        if path in example:
            assert written == example[path], f"{page} and examples/third_party/{plugin}/{path}"


@each_tutorial
def test_a_tutorial_leaves_no_file_of_the_example_out(page: str, plugin: str) -> None:
    # The script of a page's provider is named in its first line.
    opening = (ROOT / "docs/tutorial" / page).read_text().partition("\n")[0]
    missing = {
        path
        for path in files_of(plugin).keys() - files_in(page, plugin).keys() - ELSEWHERE
        if f"{plugin}/{path} " not in opening
    }
    assert not missing


def test_every_example_of_an_outsider_is_built_by_a_tutorial() -> None:
    homes = {file.parent.name for file in ROOT.glob("examples/third_party/*/pyproject.toml")}
    assert homes == set(PLUGINS.values())
