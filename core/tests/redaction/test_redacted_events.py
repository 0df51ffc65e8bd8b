from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steer import Redaction, RedactionRule
from steer.errors import ErrorInfo
from steer.events import (
    EventData,
    FinalError,
    FinalResult,
    JobStatusChanged,
    ModelBlockDone,
    ModelDone,
    ModelReasoning,
    ModelRetracted,
    ModelToken,
    Progress,
    ToolFailed,
    ToolStarted,
    UnrecognisedData,
    decode,
    encode,
)
from steer.redaction import EventRedactor, Place, Redactor
from steer.values import FinishReason, JobStatus

# The first search with an expression builds what it runs on.
unhurried = settings(deadline=None)

GOLDEN = Path(__file__).parents[1] / "values" / "golden" / "events-v1.jsonl"
ACME = Redactor(
    Redaction(rules=[RedactionRule(name="acme", pattern="ACME-[0-9]{4}")], keys=["password"])
)
HERE = Place(path=("call_1",), turn=2, agent="clerk")


def told(*data: EventData) -> list[EventData]:
    redactor = EventRedactor(ACME)
    return [each for one in data for each, _ in redactor.pass_on(one, HERE)]


def token(text: str, offset: int = 0, part: int = 0, call: str = "1.1") -> ModelToken:
    return ModelToken(call=call, part=part, offset=offset, text=text)


def tokens(pieces: Iterable[str]) -> list[ModelToken]:
    offset, found = 0, []
    for piece in pieces:
        found.append(token(piece, offset))
        offset += len(piece)
    return found


def block(part: int = 0) -> ModelBlockDone:
    return ModelBlockDone(call="1.1", part=part, kind="text")


@unhurried
@given(st.lists(st.sampled_from(["see ", "AC", "ME-", "12", "34", "!", '"password": "x'])))
def test_offsets_count_the_redacted_text_without_a_gap(pieces: list[str]) -> None:
    said = told(*tokens(pieces), block())
    assert said[-1] == block()
    offset = 0
    for each in said[:-1]:
        assert isinstance(each, ModelToken)
        assert each.offset == offset
        offset += len(each.text)
    assert "".join(each.text for each in said[:-1]) == ACME.text("".join(pieces))


def test_what_was_held_back_is_told_before_its_part_is_done() -> None:
    assert told(*tokens(["Say ACM", "E"]), block()) == [
        token("Say "),
        token("ACME", offset=4),
        block(),
    ]


def test_parts_and_reasoning_are_held_apart() -> None:
    thought = ModelReasoning(call="1.1", part=0, offset=0, text="1234 ACME-")
    done = ModelDone(call="1.1")
    said = told(token("ACME-"), thought, token("1234.", part=1), token("1234.", 5), done)
    assert said == [
        ModelReasoning(call="1.1", part=0, offset=0, text="1234 "),
        token("1234.", part=1),
        token("[redacted:acme]."),
        ModelReasoning(call="1.1", part=0, offset=5, text="ACME-"),
        done,
    ]


def test_text_that_is_said_again_is_not_told_twice() -> None:
    assert told(token("one "), token("one two "), block()) == [
        token("one "),
        token("two ", 4),
        block(),
    ]


def test_what_was_held_back_of_a_retracted_answer_never_comes() -> None:
    retracted = ModelRetracted(call="1.1", reason="dropped", blocks_too=True)
    done = ModelDone(call="1.1")
    assert told(token("ACME-"), retracted, done) == [retracted, done]


def test_a_run_that_ends_in_the_middle_says_that_text_was_held_back() -> None:
    ending = FinalResult(content="ACME-1234", finish_reason=FinishReason.STOP)
    assert told(token("so ACME-12"), ending) == [
        token("so "),
        token("[redacted:unfinished]", 3),
        FinalResult(content="[redacted:acme]"),
    ]


def test_text_goes_on_where_the_job_waits_meanwhile() -> None:
    waits = JobStatusChanged(old=JobStatus.RUNNING, new=JobStatus.WAITING_ACTION)
    assert told(token("ACME-"), waits, token("1234 ", 5), block()) == [
        waits,
        token("[redacted:acme] "),
        block(),
    ]


def test_held_text_is_told_where_it_was_said() -> None:
    redactor = EventRedactor(ACME)
    list(redactor.pass_on(token("ACME-"), HERE))
    elsewhere = Place(path=(), turn=9, agent="boss")
    (held, at), (_, then) = redactor.pass_on(block(), elsewhere)
    assert (held, at, then) == (token("ACME-"), HERE, elsewhere)


def test_arguments_of_tools_are_redacted_as_json() -> None:
    call = ModelBlockDone(
        call="1.1", part=1, kind="tool_call", tool="log", arguments='{"p\\u0061ssword": "x"}'
    )
    start = ToolStarted(
        call_id="ACME-1234", tool="log", proposed={"password": "x"}, effective=["ACME-1234"]
    )
    said = told(call, start)
    assert said == [
        ModelBlockDone(
            call="1.1",
            part=1,
            kind="tool_call",
            tool="log",
            arguments='{"password": "[redacted:key]"}',
        ),
        ToolStarted(
            call_id="ACME-1234",
            tool="log",
            proposed={"password": "[redacted:key]"},
            effective=["[redacted:acme]"],
        ),
    ]


def test_errors_keep_their_code_and_lose_what_they_quote() -> None:
    error = ErrorInfo(
        code="tool", message="no ACME-1234", fix="try ACME-9", details={"a": "ACME-1234"}
    )
    clean = ErrorInfo(
        code="tool",
        message="no [redacted:acme]",
        fix="try ACME-9",
        details={"a": "[redacted:acme]"},
    )
    assert told(FinalError(error=error)) == [FinalError(error=clean)]
    failed = ToolFailed(call_id="1", tool="t", origin="tool", error=error)
    assert told(failed) == [ToolFailed(call_id="1", tool="t", origin="tool", error=clean)]


def test_an_event_without_a_secret_is_told_as_it_is() -> None:
    progress = Progress(message="half", fraction=0.5)
    assert told(progress)[0] is progress


@pytest.mark.parametrize("line", GOLDEN.read_bytes().splitlines())
def test_any_event_can_lose_all_its_words_and_still_be_read(line: bytes) -> None:
    greedy = EventRedactor(Redactor(Redaction(rules=[RedactionRule(name="all", pattern=".+")])))
    event = decode(line)
    assert not isinstance(event.data, UnrecognisedData)
    for each, _ in greedy.pass_on(event.data, HERE):
        again = decode(encode(replace(event, data=each)))
        assert again.data == each
        assert type(each) is type(event.data)
