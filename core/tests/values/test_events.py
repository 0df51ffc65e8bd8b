from __future__ import annotations

import dataclasses
import inspect
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer import events
from steer.errors import ErrorCategory, ErrorInfo, EventDecodeError
from steer.events import (
    CODEC_VERSION,
    RUNTIME_TYPES,
    TERMINAL_TYPES,
    Event,
    EventData,
    FinalError,
    ModelToken,
    ToolEnded,
    ToolFailed,
    Unknown,
    UnrecognisedData,
    UsageReported,
    decode,
    encode,
    without_content,
)
from steer.values import Usage

GOLDEN = Path(__file__).parent / "golden" / "events-v1.jsonl"
NOON = datetime(2026, 11, 21, 12, 0, 0, 250, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


def event(data: EventData, **fields: object) -> Event:
    return Event(job_id="job-1", data=data, time=NOON, **({"seq": 1} | fields))  # type: ignore[arg-type]  # a factory


def all_kinds() -> list[type[EventData]]:
    return list(get_args(EventData))


def test_an_event_is_one_line_of_json() -> None:
    line = encode(event(ModelToken(call="1.1", part=0, offset=3, text="a\nb")))
    assert line == (
        b'{"v":1,"id":"job-1/1","type":"model.token","job":"job-1","seq":1,"attempt":1,"path":[],'
        b'"turn":0,"agent":null,"time":"2026-11-21T12:00:00.000250Z",'
        b'"data":{"call":"1.1","part":0,"offset":3,"text":"a\\nb"}}'
    )


def test_logs_of_codec_version_1_read_and_write_back_to_the_same_bytes() -> None:
    lines = GOLDEN.read_bytes().splitlines()
    assert [encode(decode(line)) for line in lines] == lines


def test_the_log_of_version_1_has_every_type_of_the_union() -> None:
    seen = {type(decode(line).data) for line in GOLDEN.read_bytes().splitlines()}
    assert seen == set(all_kinds())
    assert CODEC_VERSION == 1


@pytest.mark.parametrize(
    "line",
    [
        b'{"v":1,"type":"tool.dreamt","job":"j","seq":4,"time":"2026-11-21T12:00:00Z","x": [1 ]}',
        b'{"v":2,"type":"model.token","job":"j","seq":4,"time":"2026-11-21T12:00:00Z","data":"?"}',
    ],
)
def test_what_this_version_does_not_know_is_kept_byte_for_byte(line: bytes) -> None:
    read = decode(line)
    assert isinstance(read.data, UnrecognisedData)
    assert (read.seq, read.job_id, read.terminal) == (4, "j", False)
    assert encode(read) == line


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"v":1}',
        b"\xff\xfe",
        b'{"v":1,"type":"usage","job":"j","time":1}',
    ],
)
def test_bytes_that_are_no_event_are_refused(garbage: bytes) -> None:
    with pytest.raises(EventDecodeError, match="not an event of steer"):
        decode(garbage)


@given(text=st.text(), result=json_values, seq=st.integers(1, 2**62), turn=st.integers(0, 10**6))
def test_any_content_survives_the_codec(text: str, result: object, seq: int, turn: int) -> None:
    for data in (
        ModelToken(call="1.1", part=0, offset=0, text=text),
        ToolEnded(call_id=text, tool="t", result=result),
        Unknown(source="vendor", name=text, raw=result),
        UsageReported(call="1.1", usage=Usage(input_tokens=turn)),
        FinalError(error=ErrorInfo(code="x", message=text, details={text: text})),
    ):
        there = event(data, seq=seq, turn=turn, path=(text, "b"), agent=text)
        assert decode(encode(there)) == there


def test_half_an_emoji_does_not_keep_an_event_from_being_written() -> None:
    there = event(ToolEnded(call_id="c", tool="t", result={"said": ["\ud83d!", object]}))
    read = decode(encode(there))
    assert read.data.result == {"said": ["\ufffd!", str(object)]}


def test_times_of_other_zones_are_the_same_instant_in_utc() -> None:
    there = datetime(2026, 11, 21, 13, tzinfo=timezone(timedelta(hours=1)))
    read = decode(encode(Event(job_id="j", data=ToolEnded(call_id="c", tool="t"), time=there)))
    assert read.time == there
    assert read.time.tzinfo is UTC


def test_every_type_has_its_own_name_and_says_what_it_is() -> None:
    names = [kind.type for kind in all_kinds()]
    assert len(names) == len(set(names))
    assert all(inspect.getdoc(kind) for kind in all_kinds())


def test_only_four_types_end_a_job() -> None:
    assert {kind.type for kind in TERMINAL_TYPES} == {
        "job.completed",
        "job.failed",
        "job.cancelled",
        "job.timed_out",
    }


def test_a_runtime_may_not_emit_what_must_be_committed_with_a_record() -> None:
    assert {kind.type for kind in RUNTIME_TYPES} == {
        "agent.started",
        "agent.done",
        "agent.handoff",
        "model.token",
        "model.reasoning",
        "model.block_done",
        "model.retracted",
        "progress",
        "artifact.created",
        "artifact.updated",
        "unknown",
    }


def test_an_id_is_the_same_whenever_the_event_is_delivered() -> None:
    live = event(ModelToken(call="1.1", part=2, offset=7, text="x"), seq=None)
    assert live.id == "job-1/1.1:2+7"
    assert event(ToolEnded(call_id="c", tool="t"), seq=9).id == "job-1/9"


def test_without_content_nothing_that_was_said_is_left() -> None:
    secret = "the launch code is 0000"
    for line in GOLDEN.read_bytes().splitlines():
        there = decode(line)
        said: dict[str, Any] = {
            field.name: secret
            for field in dataclasses.fields(there.data)
            if field.name
            in {"text", "content", "result", "raw", "proposed", "effective", "payload"}
        }
        full = dataclasses.replace(there, data=dataclasses.replace(there.data, **said))
        assert secret not in encode(without_content(full)).decode()


def test_errors_stay_when_content_goes() -> None:
    error = ErrorInfo(code="provider", message="429", category=ErrorCategory.RATE_LIMIT)
    there = event(ToolFailed(call_id="c", tool="t", origin="vendor", error=error))
    assert without_content(there) == there


def test_the_public_names_are_sorted() -> None:
    assert list(events.__all__) == sorted(
        events.__all__, key=lambda name: (not name.isupper(), name)
    )
