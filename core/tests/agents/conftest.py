from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from steer.agents import ToolContext


@pytest.fixture
def call_context() -> ToolContext:
    return ToolContext(
        job_id="job-1",
        scope_id="acme",
        principal_id="ada",
        call_id="call-1",
        effect_key="key-1",
        user_context={"shop": "north"},
    )


@pytest.fixture
def as_before(tmp_path: Path) -> Iterator[None]:
    """Undo what loading this test's agents does to the process: search path and modules."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path, as_before: None) -> Callable[[Mapping[str, str]], Path]:
    """Write files, by relative path, into a folder of this test; returns the folder."""

    def write_files(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return tmp_path

    return write_files
