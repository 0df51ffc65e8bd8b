from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process import InProcess


@pytest.fixture
def steer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> InProcess:
    return InProcess(tmp_path, monkeypatch, capfd)


@pytest.mark.parametrize(
    "command",
    [
        "budgets list --limit x",
        "budgets list --nosuch",
        "budgets show",
        "sessions fork a",
        "agents add",
        "check nosuch",
        "jobs nosuch",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_is_wrong_with_a_line_is_told_in_json_wherever_it_asks_for_that(
    steer: InProcess, command: str, *, first: bool
) -> None:
    given = command.split()
    where = 2 if first else len(given)
    told = steer(*given[:where], "--json", *given[where:])
    plain = steer(*given)
    assert (told.code, told.out) == (plain.code, plain.out) == (2, "")
    (line,) = told.err.splitlines()
    said = json.loads(line)
    assert said["exit_code"] == 2
    assert plain.error.startswith(f"steer: {said['error']['message'].rstrip('.')}")


def test_what_comes_after_two_dashes_asks_for_nothing(steer: InProcess) -> None:
    refused = steer("run", "nothing.toml", "--", "--json")
    assert (refused.code, refused.error.startswith("steer: nothing.toml")) == (2, True)
