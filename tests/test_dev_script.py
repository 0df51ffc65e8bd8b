"""The set-up script and the README's commands, as far as one machine can show them."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def dev(
    *arguments: str, script: Path = ROOT / "dev.py", python: tuple[str, ...] = (sys.executable,)
) -> subprocess.CompletedProcess[str]:
    """Run the script where no uv is on PATH."""
    return subprocess.run(
        [*python, script, *arguments],
        env={**os.environ, "PATH": os.devnull},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_old_python_can_read_the_script_and_say_what_is_wrong() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 6))
    check = next(node for node in tree.body if isinstance(node, ast.If))
    before = tree.body[: tree.body.index(check)]
    # Annotations of functions are evaluated when they are defined: after the check only.
    assert not [
        node for node in before if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)
    ]
    assert "sys.version_info" in ast.unparse(check.test)


def test_help_names_every_command() -> None:
    answer = dev("help")
    assert answer.returncode == 0
    assert re.findall(r"^  (\w+) ", answer.stdout, re.MULTILINE) == [
        "demo", "steer", "tests", "tests", "nox", "run", "help",
    ]  # fmt: skip


def test_an_unknown_command_is_answered_by_the_usage() -> None:
    answer = dev("dance")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == dev("help").stdout


def test_a_python_without_pip_reads_what_to_install(tmp_path: Path) -> None:
    script = Path(shutil.copy(ROOT / "dev.py", tmp_path))
    # -I and -S: no site-packages, hence no pip, whatever this interpreter has.
    answer = dev("demo", script=script, python=(sys.executable, "-I", "-S"))
    assert answer.returncode == 1
    assert re.fullmatch(r"dev\.py: .* has no pip; install it .*\n", answer.stderr)


@pytest.mark.parametrize("command", ["demo", "tests"])
def test_the_readme_gives_the_two_commands(command: str) -> None:
    assert f"python3 dev.py {command}" in (ROOT / "README.md").read_text().splitlines()


def test_continuous_integration_calls_the_readmes_test_command() -> None:
    script = ROOT / ".ci/run"
    lines = script.read_text().splitlines()
    assert "python3 dev.py tests" in lines
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in lines
