"""A report as people and programs read it: a table, JSON lines, a JUnit file."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite
from pydantic_core import to_json
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from steer_conformance.contract import CLAUSES
from steer_conformance.report import CheckOutcome, Report, Result

__all__ = ["as_json_lines", "as_table", "show", "summary", "write_junit"]

# XML has no way to write these down, and what shows examples may well quote them.
_NOT_IN_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_STYLES = {
    CheckOutcome.PASSED: "green",
    CheckOutcome.FAILED: "bold red",
    CheckOutcome.SKIPPED: "dim",
    CheckOutcome.EXPECTED: "yellow",
}


def show(report: Report, console: Console) -> None:
    """Print the table, what failed in full, and the sum."""
    console.print(as_table(report))
    for failure in report.failures:
        console.print(_in_full(failure), soft_wrap=True)
    for problem in report.shortfalls:
        console.print(f"[bold red]missing[/] {escape(problem)}", soft_wrap=True, highlight=False)
    console.print(summary(report), soft_wrap=True, highlight=False)


def as_table(report: Report) -> Table:
    """Return one row for each check, the skipped ones too."""
    table = Table(box=None, pad_edge=False, header_style="bold", highlight=False)
    table.add_column("CLAUSE", no_wrap=True)
    table.add_column("OUTCOME", no_wrap=True)
    table.add_column("SECONDS", justify="right", no_wrap=True)
    table.add_column("CHECK", overflow="fold")
    for each in report.results:
        sentence = escape(each.check.replace("_", " "))
        known = each.outcome in (CheckOutcome.SKIPPED, CheckOutcome.EXPECTED)
        table.add_row(
            each.clause,
            f"[{_STYLES[each.outcome]}]{each.outcome}[/]",
            "" if each.outcome is CheckOutcome.SKIPPED else f"{each.seconds:.2f}",
            f"{sentence} [dim]({escape(each.message)})[/]" if known else sentence,
        )
    return table


def summary(report: Report) -> str:
    """Return the last line: how many of each outcome, and nothing that adds them up."""
    parts = [f"{count} {outcome}" for outcome, count in sorted(report.counts.items())]
    if report.shortfalls:
        parts.append(f"{len(report.shortfalls)} missing")
    if report.left_out:
        parts.append(f"{report.left_out} not selected")
    return f"{report.plugin}: {', '.join(parts)}"


def _in_full(failure: Result) -> RenderableType:
    clause = CLAUSES[failure.clause]
    return Group(
        f"\n[bold red]{failure.clause}[/] {escape(clause.text)}",
        f"[bold]{escape(failure.check.replace('_', ' '))}[/]",
        escape(failure.message),
        f"Again: {escape(failure.reproduce)}\n",
    )


def as_json_lines(report: Report) -> str:
    """Return one object for each check, and a last one with what holds for all of them."""
    lines = [to_json({"clause": each.clause, **asdict(each)}) for each in report.results]
    last = {
        "plugin": report.plugin,
        "profile": report.profile,
        "ok": report.ok,
        "counts": dict(report.counts),
        "missing": report.shortfalls,
        "not_selected": report.left_out,
    }
    return "".join(f"{line.decode()}\n" for line in (*lines, to_json(last)))


def write_junit(report: Report, file: Path) -> None:
    """Write the report as build servers read it. Raises ``OSError``."""
    suite = TestSuite(f"steer check {report.plugin}")
    for each in report.results:
        suite.add_testcase(_case(each))
    for problem in report.shortfalls:
        case = TestCase(problem, classname="missing")
        case.result = [Failure(problem)]
        suite.add_testcase(case)
    document = JUnitXml()
    document.add_testsuite(suite)
    file.parent.mkdir(parents=True, exist_ok=True)
    document.write(str(file), pretty=True)


def _case(result: Result) -> TestCase:
    case = TestCase(result.id, classname=result.port, time=result.seconds)
    if result.outcome is CheckOutcome.FAILED:
        said = _writable(result.message)
        failure = Failure(said.partition("\n")[0])
        failure.text = f"{said}\nAgain: {result.reproduce}"
        case.result = [failure]
    elif result.outcome is not CheckOutcome.PASSED:
        case.result = [Skipped(_writable(f"{result.outcome}: {result.message}"))]
    return case


def _writable(text: str) -> str:
    return _NOT_IN_XML.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
