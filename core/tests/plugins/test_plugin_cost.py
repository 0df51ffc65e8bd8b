"""What looking for plugins imports, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

VENDORS = ("agents", "openai", "anthropic", "claude_agent_sdk")


def modules_after(code: str) -> set[str]:
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return set(json.loads(finished.stdout))


@pytest.mark.parametrize("call", ["explain()", "names('runtime')", "runtime_for(object())"])
def test_looking_for_plugins_imports_no_vendor(call: str) -> None:
    code = f"from steer.plugins import PluginRegistry; PluginRegistry.discover().{call}"
    loaded = modules_after(code)
    assert "steer.builtins" in loaded
    assert not {name for name in loaded if name.partition(".")[0] in VENDORS}
    assert not {"steer.kernel", "steer.sqlite", "steer.memory", "sqlite3", "typer"} & loaded


def test_what_a_plugin_module_needs_is_light() -> None:
    loaded = modules_after("import steer.plugin")
    assert not {"pydantic", "pydantic_core", "anyio", "importlib_metadata"} & loaded
    assert not {name for name in loaded if name.startswith(("steer.ports", "steer.events"))}
