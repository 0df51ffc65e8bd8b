from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from drawing import held, spend, used
from in_process import InProcess

EACH = ("budgets", "set", "each", "--limit", "5usd", "--per", "day", "--of", "principal:*")


@pytest.fixture
def steer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> InProcess:
    """The program, with a store of its own, which is not there before a budget is set."""
    program = InProcess(tmp_path, monkeypatch, capfd)
    monkeypatch.setenv("STEER_STORAGE", f"sqlite:///{tmp_path / 'jobs.db'}")
    return program


def cells(line: str) -> list[str]:
    return re.split("  +", line)


def test_a_list_tells_at_one_glance_how_much_of_each_budget_is_used(steer: InProcess) -> None:
    assert steer("budgets", "set", "all", "--limit", "9 requests", "--per", "total").code == 0
    assert steer(*EACH, "--warn-at", "50%", "--on-reached", "ask").code == 0
    lab = ("budgets", "set", "lab", "--limit", "1000tokens", "--per", "month")
    assert steer(*lab, "--of", "principal:ada", "--warn-at", "0.8").code == 0
    spend(steer.folder, "each", *used("a", 1_000_000), held("b", 500_000))
    spend(steer.folder, "each", *used("c", 6_000_000), principal_id="bob@example.org")
    spend(steer.folder, "lab", *used("d", 800))

    listed = steer("budgets", "list")
    assert (listed.code, listed.err) == (0, "")
    head, *rows = map(cells, listed.out.splitlines())
    assert head == [
        "BUDGET", "LIMIT", "OF", "SPENT", "RESERVED", "USED", "STATE", "BEGINS ANEW", "FULLEST",
    ]  # fmt: skip
    assert rows[0] == [
        "all", "9 requests in total", "the scope", "0 requests", "0 requests", "0%", "never",
    ]  # fmt: skip
    *each, anew, fullest = rows[1]
    assert each == [
        "each", "$5.00 per day", "each principal", "$6.00", "$0.00", "120%",
        "reached: a person is asked",
    ]  # fmt: skip
    assert re.fullmatch(r"in \d+ (h|min|s)", anew)
    assert fullest == "bob@example.org, of 2"
    assert rows[2][2:7] == ["principal ada", "800 tokens", "0 tokens", "80%", "warned"]


def test_the_only_one_who_draws_on_a_budget_of_each_is_named(steer: InProcess) -> None:
    assert steer(*EACH).code == 0
    spend(steer.folder, "each", held("a", 5_000_000))
    _, row = steer("budgets", "list").out.splitlines()
    assert cells(row)[-3] == "reached: denied"
    assert cells(row)[-1] == "ada"


def test_programs_are_told_the_same_of_budgets(steer: InProcess) -> None:
    assert steer(*EACH, "--warn-at", "50%").code == 0
    unused = steer("budgets", "list", "--json").rows[0]
    assert {name: unused[name] for name in ("open_accounts", "fullest", "spent", "state")} == {
        "open_accounts": 0,
        "fullest": None,
        "spent": "0",
        "state": None,
    }
    assert unused["resets_at"].endswith("T00:00:00Z")

    spend(steer.folder, "each", *used("a", 3_000_000), held("b", 500_000))
    (row,) = steer("budgets", "list", "--json").rows
    (shown,) = steer("budgets", "show", "each", "--json").rows
    (account,) = shown.pop("accounts")
    assert row["fullest"] == {name: account[name] for name in ("account", "who", "period")}
    assert (row["spent"], row["reserved"], row["left"]) == ("3", "0.5", "1.5")
    assert (row["state"], row["open_accounts"], row["limit"]) == ("warned", 1, "5")
    assert shown.items() <= row.items()
    for name in ("spent", "reserved", "left", "state", "resets_at"):
        assert row[name] == account[name]


@pytest.mark.parametrize("of", ["scope", "principal:ada", "principal:*"])
def test_what_was_spent_in_a_period_that_is_over_is_no_part_of_a_list(
    steer: InProcess, of: str
) -> None:
    done = steer("budgets", "set", "cap", "--limit", "5usd", "--per", "day", "--of", of)
    assert done.code == 0
    yesterday = datetime.now(UTC) - timedelta(days=1)
    spend(steer.folder, "cap", *used("a", 4_000_000), held("b", 1), at=yesterday)
    (row,) = steer("budgets", "list", "--json").rows
    assert (row["spent"], row["reserved"], row["open_accounts"]) == ("0", "0", 0)
    spend(steer.folder, "cap", *used("c", 2_000_000), job_id="job-2")
    (row,) = steer("budgets", "list", "--json").rows
    assert (row["spent"], row["open_accounts"]) == ("2", 1)


def test_a_budget_of_each_run_shows_the_fullest_of_those_that_go_on(steer: InProcess) -> None:
    assert steer("budgets", "set", "run", "--limit", "9requests", "--per", "run").code == 0
    spend(steer.folder, "run", *used("a", 9), job_id="over")
    spend(steer.folder, "run", held("b", 2), job_id="job-short")
    spend(steer.folder, "run", *used("c", 3), held("d", 3), job_id="0123456789abcdef")
    _, row = steer("budgets", "list").out.splitlines()
    assert cells(row)[3:] == [
        "3 requests", "3 requests", "67%", "with each run", "job 456789abcdef, of 2",
    ]  # fmt: skip


def test_a_list_of_budgets_is_paged(steer: InProcess) -> None:
    for name in ("a", "b", "c"):
        assert steer("budgets", "set", name, "--limit", "5usd", "--per", "day").code == 0
    first = steer("budgets", "list", "--limit", "2")
    assert [cells(line)[0] for line in first.out.splitlines()] == ["BUDGET", "a", "b"]
    assert first.err.startswith("there are more: --cursor ")
    rest = steer("budgets", "list", "--json", "--cursor", first.err.split()[-1])
    assert ([row["name"] for row in rest.rows], rest.err) == (["c"], "")
    wrong = steer("budgets", "list", "--cursor", "x", "--json")
    assert (wrong.code, wrong.out) == (2, "")
    assert '"code":"config"' in wrong.err
