"""``steer usage``, run in this process over a ledger that is written beforehand."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from steer.cli.money.usage_text import bars_of
from steer.cli.program import run
from steer.ports.changes import LedgerAppended
from steer.ports.money import UsageTotal
from steer.ports.records import LedgerEntry, LedgerKind
from steer.sqlite import open_sqlite
from steer.values import Usage

NOW = datetime.now(UTC)
PRICED = Usage(requests=1, input_tokens=1_000, cached_tokens=400, output_tokens=200)


def entry(number: int, **fields: Any) -> LedgerEntry:
    usual: dict[str, Any] = {
        "key": f"job-{number}/1/1.1",
        "job_id": f"job-{number}",
        "principal_id": "ann",
        "kind": LedgerKind.MODEL,
        "runtime": "openai-agents",
        "provider": "openai",
        "usage": PRICED,
        "at": NOW,
        "details": {"outcome": "completed"},
    }
    return LedgerEntry(**(usual | fields))


LEDGER = {
    "default": (
        entry(1, model="gpt-5", cost=Decimal("1.25"), team_id="red", at=NOW - timedelta(days=3)),
        entry(2, model="gpt-5", cost=Decimal("0.1"), team_id="blue"),
        entry(3, model="ours"),
        entry(
            4,
            kind=LedgerKind.TOOL,
            usage=None,
            provider=None,
            details={"tool": "weather", "outcome": "succeeded"},
        ),
    ),
    "acme": (entry(5, model="gpt-5", cost=Decimal(7)),),
}


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage with lines in it, in the working directory."""

    async def write() -> None:
        storage = open_sqlite(tmp_path / "jobs.db")
        for scope, entries in LEDGER.items():
            await storage.commit(scope, None, None, [LedgerAppended(entries=entries)])
        await storage.aclose()

    asyncio.run(write())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEER_STORAGE", f"sqlite:///{tmp_path}/jobs.db")


def usage(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["usage", *arguments])
    written = capfd.readouterr()
    return code, written.out, written.err


def test_usage_is_summed_up_by_model_with_the_whole_below(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, out, err = usage(capfd)
    rows = [line.split() for line in out.splitlines()]
    assert code == 0
    assert rows == [
        ["MODEL", "REQUESTS", "INPUT", "OUTPUT", "TOOL", "CALLS", "JOBS", "COST"],
        ["-", "0", "0", "0", "1", "1"],
        ["gpt-5", "2", "2,000", "400", "0", "2", "$1.35"],
        ["ours", "1", "1,000", "200", "0", "1", "not", "known"],
        ["total", "3", "3,000", "600", "1", "4", "$1.35", "and", "1", "unpriced"],
    ]
    assert err.startswith("1 request has no known cost, and no sum includes it.")


def test_programs_are_given_exact_costs_and_every_count(
    capfd: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = usage(capfd, "--by", "team", "--by", "model", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["team"], row["model"], row["cost"], row["unpriced"]) for row in rows] == [
        (None, None, "0", 0),
        (None, "ours", "0", 1),
        ("blue", "gpt-5", "0.1", 0),
        ("red", "gpt-5", "1.25", 0),
    ]
    assert (rows[-1]["cached_tokens"], rows[-1]["requests"], rows[-1]["jobs"]) == (400, 1, 1)


def test_a_spreadsheet_is_given_the_same_rows(capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = usage(capfd, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["model"], row["cost"], row["estimated"]) for row in rows] == [
        ("", "0", "false"),
        ("gpt-5", "1.35", "false"),
        ("ours", "0", "false"),
    ]


def test_only_what_was_used_in_a_time_is_summed(capfd: pytest.CaptureFixture[str]) -> None:
    for arguments, cost in ((["--since", "24h"], "0.1"), (["--until", "24h"], "1.25")):
        _, out, _ = usage(capfd, *arguments, "--by", "provider", "--json")
        (row,) = [row for row in map(json.loads, out.splitlines()) if row["provider"]]
        assert row["cost"] == cost


def test_a_scope_sees_its_own_and_whoever_runs_the_storage_sees_all(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def costs(*arguments: str) -> dict[str, str]:
        _, out, _ = usage(capfd, *arguments, "--by", "scope", "--json")
        return {row["scope"]: row["cost"] for row in map(json.loads, out.splitlines())}

    assert costs() == {"default": "1.35"}
    assert costs("--scope", "acme") == {"acme": "7"}
    assert costs("--all-scopes") == {"acme": "7", "default": "1.35"}


def test_where_nothing_was_used_that_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert usage(capfd, "--scope", "empty") == (0, "", "nothing was used\n")
    assert usage(capfd, "--scope", "empty", "--json") == (0, "", "nothing was used\n")


def test_lines_are_shown_page_by_page_in_their_order(capfd: pytest.CaptureFixture[str]) -> None:
    _, out, err = usage(capfd, "--lines", "--json", "--limit", "3")
    assert [json.loads(line)["job"] for line in out.splitlines()] == ["job-1", "job-2", "job-3"]
    cursor = err.split("--cursor ")[1].strip()
    _, out, err = usage(capfd, "--lines", "--cursor", cursor)
    assert out.splitlines()[1].split()[2:] == ["tool", "job-4", "ann", "weather", "succeeded"]
    assert err == ""


def test_lines_have_all_that_the_ledger_says(capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = usage(capfd, "--lines", "--json", "--kind", "model")
    first, _, third = map(json.loads, out.splitlines())
    assert (first["cost"], first["cached_tokens"], first["details"]) == (
        "1.25",
        400,
        {"outcome": "completed"},
    )
    assert third["cost"] is None
    _, out, _ = usage(capfd, "--lines", "--csv", "--kind", "tool")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["kind"], row["requests"], row["cost"]) == ("tool", "", "")
    assert json.loads(row["details"])["tool"] == "weather"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--csv", "--json"), "--csv and --json exclude each other"),
        (("--all-scopes", "--scope", "acme"), "--scope and --all-scopes exclude each other"),
        (("--lines", "--by", "day"), "--by is not for --lines"),
        (("--lines", "--all-scopes"), "--all-scopes is not for --lines"),
        (("--job", "latest"), "--job is for --lines alone"),
        (("--limit", "3"), "--limit is for --lines alone"),
        (("--since", "soon"), "--since: 'soon' is no time"),
        (("--by", "colour"), "'colour'"),
    ],
)
def test_what_would_have_no_effect_is_refused(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = usage(capfd, *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_bar_is_as_long_as_its_part_of_the_dearest() -> None:
    from_cost = [UsageTotal(cost=Decimal(4)), UsageTotal(cost=Decimal(1)), UsageTotal()]
    assert [len(bar) for bar in bars_of(from_cost)] == [20, 5, 0]
    from_tokens = [UsageTotal(usage=Usage(input_tokens=50)), UsageTotal()]
    assert [len(bar) for bar in bars_of(from_tokens)] == [20, 0]
    assert [len(bar) for bar in bars_of([UsageTotal()])] == [0]
