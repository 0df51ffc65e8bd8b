"""``steer check``, as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from junitparser import JUnitXml

SECONDS = 120


def check(folder: Path, *arguments: str) -> tuple[int, str, str]:
    finished = subprocess.run(
        [sys.executable, "-m", "steer", "check", *arguments],
        cwd=folder, env={**os.environ, "COLUMNS": "100", "HOME": str(folder)},
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    return finished.returncode, finished.stdout, finished.stderr


def test_a_plugin_that_keeps_its_contract_is_shown_as_a_table(tmp_path: Path) -> None:
    code, out, err = check(tmp_path, "policy-file", "-k", "PO-4 or PK-3")
    assert (code, err) == (0, "")
    head, *rows, last = out.splitlines()
    assert head.split() == ["CLAUSE", "OUTCOME", "SECONDS", "CHECK"]
    assert [row.split()[:2] for row in rows] == [["PO-4", "passed"], ["PK-3", "passed"]]
    assert last == "policy-file: 2 passed, 20 not selected"


def test_what_is_not_claimed_is_a_row_of_the_table(tmp_path: Path) -> None:
    code, out, _ = check(tmp_path, "author-declared", "-k", "PO-12")
    assert code == 0
    assert "a tool that no rule covers is not allowed" in out
    assert "(author-declared does not claim rules)" in " ".join(out.split())
    assert out.splitlines()[-1] == "author-declared: 1 skipped, 21 not selected"


def test_a_known_failure_that_passes_fails_and_is_told_in_full(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text('PO-4 = "it was so once"\n')
    code, out, _ = check(
        tmp_path, "policy-file", "-k", "PO-4", "--known-failures", "known.toml",
        "--junit", "reports/junit.xml",
    )  # fmt: skip
    assert code == 1
    assert "it passes, and is known to fail: it was so once" in out
    assert "Again: steer check policy-file -k PO-4/name_and_version" in out
    (suite,) = JUnitXml.fromfile(str(tmp_path / "reports/junit.xml"))
    (case,) = suite
    assert (case.classname, case.name.partition("/")[0]) == ("policy", "PO-4")
    assert case.result[0].message == "it passes, and is known to fail: it was so once"


def test_json_is_a_line_for_each_check_and_one_for_all(tmp_path: Path) -> None:
    code, out, _ = check(tmp_path, "policy-file", "-k", "PO-4", "--json")
    assert code == 0
    result, last = map(json.loads, out.splitlines())
    assert result["clause"] == "PO-4"
    assert result["outcome"] == "passed"
    assert last["ok"] is True
    assert last["counts"] == {"passed": 1}
    assert last["not_selected"] == 21


def test_the_list_runs_nothing_and_says_what_is_not_claimed(tmp_path: Path) -> None:
    code, out, _ = check(tmp_path, "author-declared", "--list")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "PO-1/the_same_question_gets_the_same_answer"
    assert "PO-10/the_order_of_rules_does_not_matter (not claimed: rules)" in lines
    assert lines[-1].startswith("PK-")


def test_a_command_is_checked_for_how_it_is_packed(tmp_path: Path) -> None:
    code, out, _ = check(tmp_path, "command:provider", "-k", "PK-6")
    assert code == 0
    assert out.splitlines()[-1] == "provider: 1 passed, 7 not selected"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme"], "steer: acme: there is no such plugin; there is author-declared, "),
        (["color:memory"], "steer: 'color' is no kind of plugin; there is runtime, "),
        (["policy-file", "-k", "PO-99"], "steer: -k 'PO-99' chooses none of the 22 checks"),
        (["policy-file", "-k", "a b"], "steer: -k 'a b' cannot be read"),
        (["policy-file", "--profile", "daily"], "steer: there is no profile 'daily'"),
        (["policy-file", "--known-failures", "none.toml"], "the known failures in none.toml"),
        (["policy-file", "--known-failures", "odd.toml"], "odd.toml: PO-4 is no text"),
        (["policy-file", "--known-failures", "strange.toml"], "known_failures names PO-99"),
    ],
)
def test_what_cannot_be_checked_is_said_in_a_sentence(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "odd.toml").write_text("PO-4 = 3\n")
    (tmp_path / "strange.toml").write_text('PO-99 = "why"\n')
    code, out, err = check(tmp_path, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
