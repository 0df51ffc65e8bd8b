"""How single things look: pure functions, and the screen they are put on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from steer.cli.error_text import error_text
from steer.cli.exit_codes import ExitCode, exit_code_of_error, exit_code_of_result
from steer.cli.runs.narration import Kind, Line, Piece, Said, narrate
from steer.cli.runs.printers import StoryPrinter
from steer.cli.runs.screen import Screen
from steer.cli.terminal.amounts import age_text, cost_text, duration_text, tokens_text
from steer.cli.terminal.paint import plain
from steer.cli.terminal.printable import call_text, for_terminal, one_line, shortened
from steer.cli.terminal.rows import in_one_row
from steer.cli.terminal.streams import Stream, Streams
from steer.cli.terminal.tables import in_columns
from steer.errors import ErrorCategory, ErrorInfo, SteerError
from steer.events import (
    Event,
    EventData,
    ModelRetracted,
    ModelStarted,
    ModelToken,
    ToolDenied,
    ToolEnded,
    ToolFailed,
    ToolStarted,
)
from steer.values import JobStatus, RunResult, Usage

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(data: EventData, *, path: tuple[str, ...] = ()) -> Event:
    return Event(job_id="job", data=data, time=NOON, path=path)


def line(data: EventData) -> str:
    said = narrate(event(data))
    assert isinstance(said, Line)
    return said.text


def test_a_tool_call_is_told_with_what_it_was_given_and_what_came_of_it() -> None:
    started = ToolStarted(call_id="c", tool="pay", proposed={"sum": 9}, effective={"sum": 9})

    assert line(started) == "\u2192 pay(sum=9)"
    assert line(replace(started, proposed={"sum": 99})) == (
        "\u2192 pay(sum=9)  (the model asked for pay(sum=99))"
    )
    assert line(ToolEnded(call_id="c", tool="pay", result={"ok": True}, elapsed_ms=1900)) == (
        '\u2190 pay: {"ok":true}  1.9 s'
    )
    assert line(ToolDenied(call_id="c", tool="pay", proposed={"sum": 9}, reason="no\nmoney")) == (
        "\u2717 denied: pay(sum=9): no money"
    )
    failed = ErrorInfo(code="runtime", message="the bank is closed")
    assert line(ToolFailed(call_id="c", tool="pay", origin="tool", error=failed)) == (
        "\u2717 pay failed: the bank is closed"
    )


def test_the_text_of_agents_inside_a_tool_is_no_part_of_the_answer() -> None:
    token = ModelToken(call="1.1", part=0, offset=0, text="psst")

    assert narrate(event(token)) == Piece(kind=Kind.TEXT, part=("1.1", 0), text="psst")
    assert narrate(event(token, path=("outer",))) is None


@given(st.text())
def test_no_control_character_reaches_a_terminal(text: str) -> None:
    shown = for_terminal(text)

    assert len(shown) == len(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown if c not in "\t\n")


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_shortened_text_is_one_line_of_at_most_so_many_characters(text: str, length: int) -> None:
    shown = shortened(text, length)

    assert len(shown) <= length
    assert shown == one_line(shown)
    if len(one_line(text)) <= length and len(text) <= length:
        assert shown == one_line(text)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
@example(["ann", "日本語の会話"])
def test_the_columns_of_a_table_begin_at_the_same_cell_whatever_is_in_them(
    names: list[str],
) -> None:
    table = in_columns([(name, "|end") for name in names], head=("NAME", "|END"), paint=plain)

    begins = {cell_len(line.rpartition("|")[0]) for line in table.splitlines()}

    assert len(begins) == 1


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_line_that_is_cut_to_a_row_takes_no_more_than_it(text: str, cells: int) -> None:
    line = one_line(text)
    shown = in_one_row(line, cells)

    assert cell_len(shown) <= cells
    assert shown == line or (shown.endswith("\u2026") and cell_len(line) > cells)


@given(st.recursive(st.none() | st.text() | st.integers(), lambda v: st.dictionaries(st.text(), v)))
def test_any_arguments_make_a_call_of_one_short_line(arguments: object) -> None:
    shown = call_text("tool", arguments)

    assert shown.startswith("tool(")
    assert len(shown) <= 110
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (59_940, "59.9 s"), (59_960, "1 min 00 s"),
        (125_000, "2 min 05 s"), (3_599_600, "1 h 00 min"), (7_380_000, "2 h 03 min"),
    ],
)  # fmt: skip
def test_durations_are_told_in_their_largest_units(milliseconds: int, text: str) -> None:
    assert duration_text(milliseconds) == text


def test_a_guess_is_marked_and_an_unknown_price_is_not_free() -> None:
    usage = Usage(input_tokens=1200, output_tokens=34)

    assert tokens_text(usage) == "1,234 tokens"
    assert tokens_text(replace(usage, estimated=True)) == "~1,234 tokens"
    assert tokens_text(Usage(input_tokens=1)) == "1 token"
    assert cost_text(None) is None
    assert cost_text(Decimal("0.0012")) == "$0.0012"
    assert [cost_text(Decimal(cost)) for cost in ("0", "0.00005")] == ["$0.0000", "<$0.0001"]
    assert age_text(NOON - timedelta(minutes=3, seconds=5), now=NOON) == "3 min ago"


def test_an_error_is_who_what_and_the_fix_in_one_line() -> None:
    error = ErrorInfo(
        code="provider", message="too many\nrequests.", provider="openai", status_code=429,
        retry_after=7, category=ErrorCategory.RATE_LIMIT, fix="Wait",
    )  # fmt: skip

    assert error_text(error) == "openai: too many requests (HTTP 429, retry after 7 s). Wait"
    assert error_text(ErrorInfo(code="x", message="Did you mean it?", fix="Yes")) == (
        "Did you mean it? Yes"
    )


def every_error(kind: type[SteerError] = SteerError) -> Iterator[type[SteerError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == "steer.errors":
            yield from every_error(below)


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_an_exit_code_of_its_own_choosing(kind: type[SteerError]) -> None:
    code = exit_code_of_error(ErrorInfo(code=kind.code, message=""))

    assert code not in {ExitCode.SUCCESS, ExitCode.BUG}
    if code is ExitCode.FAILED:
        assert kind.__name__ in {
            "SteerError", "Interrupted", "OutcomeUnknown", "Released", "RuntimeFailure",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (JobStatus.SUCCEEDED, 0), (JobStatus.FAILED, 1), (JobStatus.TIMED_OUT, 5),
        (JobStatus.CANCELLED, 130),
    ],
)  # fmt: skip
def test_every_ending_has_an_exit_code(status: JobStatus, code: int) -> None:
    assert exit_code_of_result(RunResult(job_id="job", status=status)) == code


def story(*data: EventData) -> str:
    with tempfile.TemporaryFile() as file:
        stream = Stream.of_descriptor(file.fileno())
        printer = StoryPrinter(Streams(out=stream, err=stream))
        printer.show([event(each) for each in data])
        printer.close()
        file.seek(0)
        return file.read().decode()


def test_text_that_was_withdrawn_is_said_to_be_once_it_is_asked_for_again() -> None:
    shown = ModelToken(call="1.1", part=0, offset=0, text="Hel")
    withdrawn = ModelRetracted(call="1.1", reason="the connection broke")
    note = "  what it said last does not count, it is asked again: the connection broke\n"

    assert story(shown, withdrawn, ModelStarted(call="1.2")) == f"Hel\n{note}"
    # The ending says why, where the run ends with it; nobody saw what was never shown.
    assert story(shown, withdrawn) == "Hel\n"
    assert story(withdrawn, ModelStarted(call="1.2")) == ""


def test_a_retry_is_announced_with_its_wait_and_its_reason() -> None:
    shown = ModelToken(call="1.1", part=0, offset=0, text="Hel")
    failed = ModelRetracted(call="1.1", reason="busy", blocks_too=True, retry_in_ms=1900)
    asked_again = "  the model is asked again in 1.9 s: busy\n"

    assert story(failed, ModelStarted(call="1.2")) == asked_again
    assert story(shown, failed, ModelStarted(call="1.2")) == (
        f"Hel\n  what it said last does not count\n{asked_again}"
    )


PIECES = st.builds(
    Piece,
    kind=st.sampled_from([Kind.TEXT, Kind.REASONING]),
    part=st.tuples(st.sampled_from(["1.1", "1.2"]), st.integers(0, 1)),
    text=st.text("ab\n", max_size=4),
)
LINES = st.builds(Line, kind=st.just(Kind.NOTE), text=st.just("<line>"), depth=st.integers(0, 2))


@given(st.lists(PIECES | LINES))
def test_on_one_screen_nothing_is_written_into_the_line_of_another(said: list[Said]) -> None:
    with tempfile.TemporaryFile() as file:
        stream = Stream.of_descriptor(file.fileno())
        screen = Screen(Streams(out=stream, err=stream), paint=plain)
        for each in said:
            screen.say(each)
        screen.finish()
        file.seek(0)
        text = file.read().decode()

    lines = text.split("\n")
    assert lines[-1] == ""
    told = [each for each in lines if "<line>" in each]
    assert all(each.strip() == "<line>" for each in told)
    assert len(told) == sum(isinstance(each, Line) for each in said)
    letters = "".join(each.text for each in said if isinstance(each, Piece)).replace("\n", "")
    assert "".join(each for each in lines if "<line>" not in each) == letters
