"""The built-in compaction keeps the newest part, and no call without its results."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.errors import ConfigError
from steer.ports.runtime import PastRun
from steer.request import check_conversation
from steer.sessions import KeepLast
from steer.values import (
    Message,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    encode_json,
    user_message,
)


def answer(text: str) -> Message:
    return Message(role=Role.ASSISTANT, content=(TextPart(text=text),))


def step(number: int, calls: int) -> list[Message]:
    """A message with so many tool calls, and their results."""
    ids = [f"c{number}.{each}" for each in range(calls)]
    return [
        Message(
            role=Role.ASSISTANT,
            content=tuple(ToolCallPart(call_id=i, tool="t", arguments="{}") for i in ids),
        ),
        *(Message(role=Role.TOOL, content=(ToolResultPart(call_id=i, content="x"),)) for i in ids),
    ]


def past_of(shape: list[list[int]]) -> list[PastRun]:
    """Runs, each by how many calls its messages make."""
    past, number = [], 0
    for steps in shape:
        messages = [user_message("Hi")]
        for calls in steps:
            number += 1
            messages += step(number, calls)
        past.append(PastRun(messages=(*messages, answer("Done")), items=[number]))
    return past


shapes = st.lists(st.lists(st.integers(1, 3), max_size=3), max_size=6)
bounds = st.one_of(st.none(), st.integers(1, 20))


@given(shapes, bounds, st.one_of(st.none(), st.integers(1, 400)))
def test_what_is_kept_is_a_conversation_the_newest_part_and_within_the_bounds(
    shape: list[list[int]], messages: int | None, tokens: int | None
) -> None:
    if messages is None and tokens is None:
        messages = 4
    past = past_of(shape)
    whole = [message for run in past for message in run.messages]
    kept = asyncio.run(KeepLast(messages=messages, tokens=tokens).compact(past))
    shown = whole if kept is None else [message for run in kept for message in run.messages]
    check_conversation(shown)
    assert shown == whole[len(whole) - len(shown) :]
    assert messages is None or len(shown) <= messages
    assert tokens is None or sum(len(encode_json(one)) for one in shown) <= 4 * tokens
    for run in kept or ():
        assert run in past or run.items is None


def test_a_history_within_the_bounds_is_left_as_it_is() -> None:
    past = past_of([[], []])
    assert asyncio.run(KeepLast(messages=4, tokens=1000).compact(past)) is None
    assert asyncio.run(KeepLast(messages=4).compact([])) is None


def test_once_there_is_more_it_is_cut_to_the_half_by_whole_runs() -> None:
    past = past_of([[], [], [], []])
    assert asyncio.run(KeepLast(messages=7).compact(past)) == past[-1:]
    assert asyncio.run(KeepLast(messages=8).compact(past)) is None


def test_of_a_run_that_is_too_long_by_itself_the_end_is_kept() -> None:
    (run,) = past_of([[2, 1]])
    (kept,) = asyncio.run(KeepLast(messages=6).compact([run])) or ()
    assert kept.messages == run.messages[-3:]
    assert kept.items is None


@pytest.mark.parametrize(("messages", "tokens"), [(None, None), (0, None), (None, -1)])
def test_to_keep_nothing_is_refused(messages: int | None, tokens: int | None) -> None:
    with pytest.raises(ConfigError):
        KeepLast(messages=messages, tokens=tokens)
