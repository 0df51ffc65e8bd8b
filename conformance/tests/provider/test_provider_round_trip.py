"""Laws: whatever a turn says, each official client hears it; a file gives back its script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from steer_conformance.provider import (
    BUILTIN_DIALECTS,
    Drop,
    Failure,
    Garbage,
    Hold,
    Match,
    Provider,
    Raw,
    Reasoning,
    Refusal,
    Request,
    Rule,
    Script,
    StreamError,
    Text,
    ToolCall,
    Truncate,
    Turn,
    Usage,
    dump_script,
    parse_script,
    render,
)
from steer_conformance.provider.dialect import Dialect
from steer_conformance.provider.steps import Head, Send, plan

texts = st.text(max_size=40)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,20}", fullmatch=True)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
arguments = st.dictionaries(texts, scalars | st.lists(scalars, max_size=3), max_size=3)
tool_calls = st.builds(ToolCall, names, arguments)
parts = st.lists(st.builds(Text, texts) | st.builds(Reasoning, texts) | tool_calls, max_size=5)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    cached, written, fresh, thought, spoken = (draw(st.integers(0, 10**6)) for _ in range(5))
    return Usage(
        input_tokens=cached + written + fresh,
        output_tokens=thought + spoken,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=thought,
    )


turns = st.builds(
    lambda said, refusals, usage, size: Turn(*said, *refusals, usage=usage, chunk_size=size),
    parts,
    st.lists(st.builds(Refusal, texts), max_size=1),
    usages(),
    st.integers(1, 20),
)


@contextmanager
def provider_of(current: list[Turn]) -> Iterator[Provider]:
    """A provider that answers with whatever turn is the current one."""
    with Provider(Script(rules=[Rule(Match(), lambda _: current[-1])])) as provider:
        yield provider


def test_whatever_a_turn_says_is_what_the_client_hears(caller: Any) -> None:
    current = [Turn()]

    @settings(max_examples=40, deadline=None)
    @given(turn=turns)
    def law(turn: Turn) -> None:
        current[-1] = turn
        heard = caller.ask(provider)
        said = [part.text for part in turn.parts if isinstance(part, Text | Refusal)]
        thought = [part.text for part in turn.parts if isinstance(part, Reasoning)]
        calls = [(p.name, p.arguments) for p in turn.parts if isinstance(p, ToolCall)]
        assert heard.said == "".join(said)
        assert heard.reasoning == "".join(thought)
        assert heard.calls == [(name, arguments or {}) for name, arguments in calls]
        assert heard.usage == turn.usage
        if caller.streamed:
            written = [piece for part in turn.parts for piece in turn.pieces(part.wire)]
            assert heard.deltas == written
            assert len(written) == turn.deltas == provider.requests[-1].deltas

    with provider_of(current) as provider:
        law()


@pytest.mark.parametrize("dialect", BUILTIN_DIALECTS, ids=lambda dialect: dialect.name)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turn=turns)
def test_the_steps_of_a_stream_are_the_rendering_in_pieces(dialect: Dialect, turn: Turn) -> None:
    request = Request(model="scripted", stream=True)
    head, *steps = plan(turn, dialect, request)
    assert isinstance(head, Head)
    sends = [step for step in steps if isinstance(step, Send)]
    assert b"".join(send.data for send in sends) == render(turn, dialect, stream=True)
    assert sum(send.deltas for send in sends) == turn.deltas
    assert [send.last for send in sends] == [False] * (len(sends) - 1) + [True]


@pytest.mark.parametrize("dialect", BUILTIN_DIALECTS, ids=lambda dialect: dialect.name)
@given(turn=turns, data=st.data())
def test_a_stream_can_be_cut_at_any_byte(dialect: Dialect, turn: Turn, data: st.DataObject) -> None:
    whole = render(turn, dialect, stream=True)
    size = data.draw(st.integers(0, len(whole)))
    request = Request(model="scripted", stream=True)
    cut = Turn(*turn.parts, Truncate(after_bytes=size), chunk_size=turn.chunk_size)
    # Usage is part of the bytes, so the cut turn must have the same.
    cut = Turn(*cut.parts, *cut.marks, usage=turn.usage, chunk_size=turn.chunk_size)
    sends = [step for step in plan(cut, dialect, request) if isinstance(step, Send)]
    assert b"".join(send.data for send in sends) == whole[:size]
    assert sends[-1].last


@given(usage=usages(), of=st.integers(1, 100), data=st.data())
def test_a_cut_stream_never_costs_more_than_the_whole(
    usage: Usage, of: int, data: st.DataObject
) -> None:
    earlier = data.draw(st.integers(0, of))
    later = data.draw(st.integers(earlier, of))
    assert usage.until(of, of) == usage
    assert usage.until(earlier, of).output_tokens <= usage.until(later, of).output_tokens
    assert usage.until(0, of).output_tokens == 0
    assert usage.until(0, of).input_tokens == usage.input_tokens


seconds = st.floats(0, 10)
statuses = st.integers(400, 599)
failures = st.builds(
    Failure,
    statuses,
    code=st.none() | texts,
    message=st.none() | texts,
    retry_after=st.none() | seconds,
    headers=st.dictionaries(names, names, max_size=2),
    body=st.none() | st.binary(max_size=20),
    latency=seconds,
)
raws = st.builds(Raw, st.binary(max_size=30), status=st.integers(200, 599), latency=seconds)


@st.composite
def disturbed_turns(draw: st.DrawFn) -> Turn:
    turn = draw(turns)
    place = st.integers(0, turn.deltas)
    marks = st.lists(
        st.builds(Hold, names, st.none() | place)
        | st.builds(Drop, after=place)
        | st.builds(Drop, after_bytes=st.integers(0, 99))
        | st.builds(Truncate, after_bytes=st.integers(0, 99))
        | st.builds(Garbage, after=place, data=st.binary(max_size=9))
        | st.builds(StreamError, failures, place),
        max_size=3,
    )
    return Turn(
        *turn.parts,
        *draw(marks),
        usage=turn.usage,
        chunk_size=turn.chunk_size,
        latency=draw(seconds),
        gap=draw(seconds),
    )


replies = disturbed_turns() | failures | raws
matches = st.builds(
    Match,
    dialect=st.none() | names,
    model=st.none() | names,
    stream=st.none() | st.booleans(),
    user_text=st.none() | texts,
)
scripts = st.builds(
    Script,
    st.lists(replies, max_size=3),
    rules=st.lists(
        st.builds(Rule, matches, replies, times=st.none() | st.integers(1, 9)), max_size=2
    ),
    repeat=st.booleans(),
)


@given(script=scripts)
def test_a_script_comes_back_from_its_file_as_it_was(script: Script) -> None:
    written = dump_script(script)
    assert parse_script(written) == script
    json.loads(written)
