from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from drawing import held, spend
from in_process import InProcess
from steer.builtins.storages import open_sqlite_url
from steer.cli.completing import budgets_beginning
from steer.cli.money.budget_text import account_row
from steer.cli.money.standing import Standing
from steer.clock import SystemClock
from steer.ports.changes import Released, Settled
from steer.ports.money import BudgetPeriod, BudgetRecord, BudgetSubject, BudgetUnit
from steer.ports.records import Account, LedgerKind


@pytest.fixture
def steer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> InProcess:
    """The program, with a store of its own, which is not there before a budget is set."""
    program = InProcess(tmp_path, monkeypatch, capfd)
    monkeypatch.setenv("STEER_STORAGE", f"sqlite:///{tmp_path / 'jobs.db'}")
    return program


def test_a_budget_is_set_listed_and_removed(steer: InProcess) -> None:
    done = steer(
        "budgets", "set", "lab", "--limit", "5usd", "--per", "day", "--of", "team:research",
        "--warn-at", "80%", "--on-reached", "degrade:gpt-5-mini", "--allow-unpriced",
        "--principal", "eve",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert done.out == "lab: $5.00 per day, of team research\n"
    assert steer("budgets", "set", "all", "--limit", "1,000 tokens", "--per", "total").code == 0

    head, first, second = steer("budgets", "list").out.splitlines()
    assert re.split("  +", head)[:3] == ["BUDGET", "LIMIT", "OF"]
    assert re.split("  +", first)[:3] == ["all", "1,000 tokens in total", "the scope"]
    assert re.split("  +", second)[:3] == ["lab", "$5.00 per day", "team research"]

    (row,) = steer("budgets", "show", "lab", "--json").rows
    assert row["updated_at"].endswith("Z")
    assert {
        name: row[name] for name in row if name not in ("accounts", "budget_id", "updated_at")
    } == {
        "name": "lab",
        "limit": "5",
        "unit": "usd",
        "period": "day",
        "subject": "team",
        "who": "research",
        "warn_at": 0.8,
        "on_reached": "degrade",
        "degrade_to": "gpt-5-mini",
        "allow_unpriced": True,
        "revision": 1,
        "updated_by": "eve",
    }

    unasked = steer("budgets", "remove", "lab")
    assert unasked.error == "steer: Remove budget lab? There is nobody to ask here. Add --yes"
    removed = steer("budgets", "remove", "lab", "--yes")
    assert (unasked.code, removed.code, removed.err) == (2, 0, "removed lab\n")
    lines = steer("usage", "--lines").out.splitlines()[1:]
    assert [re.split("  +", line)[4:6] for line in lines][-1] == ["budget lab", "removed"]
    assert all(" budget all " in line or " budget lab " in line for line in lines)
    assert [each["name"] for each in steer("budgets", "list", "--json").rows] == ["all"]
    assert steer("budgets", "remove", "all", "--yes", "--json").rows[0]["unit"] == "tokens"
    assert steer("budgets", "list").err == "no budgets\n"


@pytest.mark.parametrize(
    ("typed", "limit", "unit"),
    [
        ("5usd", "5", "usd"),
        ("$0.000001", "0.000001", "usd"),
        ("1,000.50 USD", "1000.5", "usd"),
        ("100_000tokens", 100_000, "tokens"),
        ("1token", 1, "tokens"),
        ("60 requests", 60, "requests"),
        ("20tool_calls", 20, "tool_calls"),
        ("1 tool call", 1, "tool_calls"),
        ("0requests", 0, "requests"),
    ],
)
def test_an_amount_is_taken_as_people_write_it(
    steer: InProcess, typed: str, limit: object, unit: str
) -> None:
    done = steer("budgets", "set", "cap", "--limit", typed, "--per", "minute", "--json")
    assert (done.code, done.err) == (0, "")
    assert (done.rows[0]["limit"], done.rows[0]["unit"]) == (limit, unit)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--limit", "much"), "--limit 'much' is no amount. Write it such as 5usd"),
        (("--limit", "5"), "--limit '5' does not say of what. Add a unit, as in 5usd or 5tokens"),
        (("--limit", "5eur"), "--limit '5eur': nothing is counted in eur. Count in tokens, usd"),
        (("--limit", "$5tokens"), "nothing is counted in tokens"),
        (("--limit", "-1usd"), "a budget of -1 usd is none: it takes dollars with at most six"),
        (("--limit", "0.5tokens"), "a budget of 0.5 tokens is none: it takes a whole number"),
        (("--limit", "0.0000001usd"), "dollars with at most six decimals"),
        (("--of", "princpal:ada"), "Did you mean principal:ada?"),
        (("--of", "team:"), "--of 'team:' names nobody. Write team:NAME, or team:*"),
        (("--of", "?"), "nobody whose spending can be bounded. Write principal:NAME"),
        (("--of", "scope:acme"), "nobody whose spending can be bounded"),
        (("--warn-at", "0"), "--warn-at '0' is no part of a limit. Write it such as 80%"),
        (("--warn-at", "120%"), "is no part of a limit"),
        (("--warn-at", "nan"), "is no part of a limit"),
        (("--on-reached", "stop"), "Choose deny, warn, ask or degrade:MODEL"),
        (("--on-reached", "degrade"), "only degrade goes with a model. Write degrade:MODEL"),
        (("--on-reached", "ask:ada"), "only degrade goes with a model. Write ask alone"),
        (("--limit", "5tokens", "--allow-unpriced"), "prices do not matter to it"),
        (("--limit", "5tokens", "--on-reached", "degrade:x"), "Degrade on a budget in US dollars"),
        (("--per", "week"), "'week' is not one of 'run', 'minute', 'day', 'month', 'total'"),
    ],
)
def test_what_no_budget_can_be_is_refused_in_one_sentence(
    steer: InProcess, options: Sequence[str], said: str
) -> None:
    refused = steer("budgets", "set", "cap", "--limit", "5usd", "--per", "day", *options)
    assert refused.code == 2
    assert said in refused.error


def test_a_budget_that_is_set_again_keeps_whom_it_is_of(steer: InProcess) -> None:
    given = ("budgets", "set", "cap", "--per", "day", "--limit")
    assert steer(*given, "5usd", "--on-reached", "ask").code == 0
    assert steer(*given, "3usd").code == 0
    (row,) = steer("budgets", "list", "--json").rows
    assert (row["limit"], row["on_reached"], row["revision"]) == ("3", "deny", 2)
    for other in (("3tokens",), ("3usd", "--of", "team:lab"), ("3usd", "--per", "month")):
        refused = steer(*given, *other)
        assert refused.code == 7
        assert "which never changes. Remove the budget and set it anew" in refused.error


def test_a_budget_is_raised_to_an_amount_or_by_one(steer: InProcess) -> None:
    assert steer("budgets", "set", "cap", "--limit", "5usd", "--per", "day").code == 0
    raised = steer("budgets", "raise", "cap", "--by", "0.50usd", "--principal", "eve")
    assert (raised.code, raised.out) == (0, "cap: $5.50 per day, of the scope\n")
    assert steer("budgets", "raise", "cap", "--to", "80", "--json").rows[0]["limit"] == "80"

    for options, said in (
        (("--to", "80"), "$80.00 is no more than that. Lower it with steer budgets set"),
        (("--by", "-1"), "a budget of -1 usd is none"),
        (("--by", "0"), "$80.00 is no more than that"),
        (("--by", "5tokens"), "--by '5tokens' is in tokens, and the budget counts usd"),
        ((), "either to an amount or by one. Give one of --to and --by"),
        (("--to", "1", "--by", "1"), "either to an amount or by one"),
    ):
        refused = steer("budgets", "raise", "cap", *options)
        assert (refused.code, refused.out) == (2, "")
        assert said in refused.error


@pytest.mark.parametrize(
    "command", [("show", "caps"), ("raise", "caps", "--by", "1"), ("remove", "caps")]
)
def test_a_budget_that_is_not_there_is_named_with_one_like_it(
    steer: InProcess, command: Sequence[str]
) -> None:
    # Nobody has used the store yet, and only setting a budget makes it.
    assert steer("budgets", *command).code == 8
    assert steer("budgets", "set", "other", "--limit", "5usd", "--per", "day").code == 0
    missing = steer("budgets", *command)
    assert missing.code == 7
    assert missing.error == (
        "steer: there is no budget 'caps' in scope default. See: steer budgets list"
    )
    assert steer("budgets", "set", "cap", "--limit", "5usd", "--per", "day").code == 0
    assert steer("budgets", *command).error.endswith("Did you mean cap?")
    elsewhere = steer("budgets", command[0], "cap", *command[2:], "--scope", "other")
    assert elsewhere.code == 7


def test_accounts_are_shown_with_what_is_left_and_when_they_begin_anew(steer: InProcess) -> None:
    given = ("budgets", "set", "each", "--limit", "5usd", "--per", "day", "--of", "principal:*")
    assert steer(*given, "--warn-at", "0.8").code == 0
    assert "nothing is spent or reserved" in steer("budgets", "show", "each").out
    spent = Settled(key="a", actuals=(("here", 3_100_000),))
    spend(steer.folder, "each", held("a", 4_000_000), spent, held("b", 500_000))
    spend(steer.folder, "each", held("c", 1), Settled(key="c", actuals=(("here", 6_000_000),)),
          principal_id="bob@example.org")  # fmt: skip

    shown = steer("budgets", "show", "each")
    assert (shown.code, shown.err) == (0, "")
    facts, accounts, reserved = shown.out.split("\n\n")
    assert [re.split("  +", line, maxsplit=1) for line in facts.splitlines()][:5] == [
        ["budget", "each"],
        ["limit", "$5.00 per day"],
        ["of", "each principal"],
        ["at the limit", "denied"],
        ["warns", "at 80% of it"],
    ]
    head, ada, bob = [re.split("  +", line) for line in accounts.splitlines()]
    assert head == [
        "WHO", "PERIOD", "SPENT", "RESERVED", "LEFT", "USED", "STATE", "BEGINS ANEW",
    ]  # fmt: skip
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert ada[:6] == ["ada", today, "$3.10", "$0.50", "$1.40", "72%"]
    assert re.fullmatch(r"in \d+ (h|min|s), \d{4}-\d\d-\d\d 00:00 UTC", ada[6])
    assert bob[:7] == [
        "bob@example.org", today, "$6.00", "$0.00", "-$1.00", "120%", "reached: denied",
    ]  # fmt: skip
    assert reserved == f"reserved\n  $0.50  no job  ada@{today}\n"

    (row,) = steer("budgets", "show", "each", "--json").rows
    first, second = row["accounts"]
    assert (row["name"], first["who"], second["who"]) == ("each", "ada", "bob@example.org")
    assert (first["spent"], first["reserved"], first["left"]) == ("3.1", "0.5", "1.4")
    assert first["reservations"] == [{"key": "b", "amount": "0.5", "job_id": None}]
    assert first["resets_at"].endswith("T00:00:00Z")


def test_accounts_of_runs_that_are_over_are_left_out(steer: InProcess) -> None:
    assert steer("budgets", "set", "run", "--limit", "9requests", "--per", "run").code == 0
    spend(steer.folder, "run", held("a", 2))
    assert "7 requests" in steer("budgets", "show", "run").out
    spend(steer.folder, "run", Released(key="a"))
    shown = steer("budgets", "show", "run")
    assert "nothing is spent or reserved" in shown.out
    assert shown.err == "1 of periods that are over are left out: --all\n"
    whole = steer("budgets", "show", "run", "--all")
    assert "run:job-1" in whole.out
    assert "never" in whole.out


def test_bars_on_a_terminal_show_which_part_is_used() -> None:
    now = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)
    budget = BudgetRecord(
        budget_id="id",
        name="cap",
        subject=BudgetSubject.PRINCIPAL,
        period=BudgetPeriod.DAY,
        unit=BudgetUnit.TOKENS,
        limit=1000,
        updated_at=now,
    )

    def shown(limit: int, spent: int) -> Sequence[str]:
        account = Account(
            account="id/ada@2026-11-26",
            unit="tokens",
            limit=limit,
            spent=spent,
            budget_id="id",
            resets_at=now + timedelta(hours=7),
        )
        return account_row(
            Standing(budget=budget, account=account, reserved=()), now=now, bars=True
        )

    assert shown(1000, 620)[-3:] == ("██████░░░░  62%", "", "in 7 h, 2026-11-27 00:00 UTC")
    assert shown(1000, 0)[-3] == "░░░░░░░░░░   0%"
    assert shown(1000, 2500)[-3] == "██████████ 250%"
    assert shown(0, 0)[-3] == "██████████ 100%"


def test_a_shell_is_offered_the_budgets_of_the_scope(steer: InProcess) -> None:
    given: dict[str, str | None] = {"scope": None, "storage": None, "config": None}
    assert budgets_beginning("", given=given) == []
    assert not (steer.folder / "jobs.db").exists()
    for name in ("house", "home", "lab"):
        done = steer("budgets", "set", name, "--limit", "5usd", "--per", "day")
        assert done.code == 0
    assert budgets_beginning("ho", given=given) == [
        ("home", "$5.00 per day, the scope"),
        ("house", "$5.00 per day, the scope"),
    ]
    assert budgets_beginning("", given=given | {"scope": "other"}) == []


def test_who_changed_a_budget_stands_in_the_ledger(steer: InProcess) -> None:
    assert steer("budgets", "set", "cap", "--limit", "5usd", "--per", "day").code == 0
    assert steer("budgets", "raise", "cap", "--by", "1", "--principal", "eve").code == 0
    assert steer("budgets", "remove", "cap", "--yes", "--principal", "bob").code == 0

    async def read() -> list[tuple[str, LedgerKind]]:
        storage = open_sqlite_url(f"sqlite:///{steer.folder / 'jobs.db'}", SystemClock())
        try:
            lines = (await storage.ledger.entries("default")).items
        finally:
            await storage.aclose()
        return [(line.principal_id, line.kind) for line in lines]

    audit = LedgerKind.AUDIT
    assert asyncio.run(read()) == [("local", audit), ("eve", audit), ("bob", audit)]


def test_an_error_is_an_object_for_programs(steer: InProcess) -> None:
    steer("budgets", "set", "other", "--limit", "1usd", "--per", "day")
    missing = steer("budgets", "show", "cap", "--json")
    assert (missing.code, missing.out) == (7, "")
    assert '"code":"not_found"' in missing.err
