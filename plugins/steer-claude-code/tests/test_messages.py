"""A message from the events that say it, and the events from the message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steer.values import Usage
from steer_claude_code.models.message import Draft, Malformed, Message
from steer_claude_code.models.playback import for_cli, stream_of
from steer_claude_code.models.recording import decode_message, encode_message, usage_in
from steer_claude_code.models.upstream import Answering
from steer_claude_code.names import Names
from steer_claude_code.wire_json import read_json
from steer_conformance.provider import MESSAGES, Reasoning, Request, Text, ToolCall, Turn
from steer_conformance.provider import Usage as Billed

WORDS = st.text(st.characters(codec="utf-8"), max_size=30)
IDS = st.text("abc", min_size=1, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(WORDS, JSON, max_size=3)
BLOCKS = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": WORDS, "citations": st.none()}),
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": WORDS, "citations": st.lists(JSON, min_size=1)}
    ),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": WORDS, "signature": WORDS}),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": WORDS}),
    st.fixed_dictionaries(
        {"type": st.just("tool_use"), "id": IDS, "name": WORDS, "input": ARGUMENTS}
    ),
    st.fixed_dictionaries(
        {"type": st.just("server_tool_use"), "id": WORDS, "name": WORDS, "input": ARGUMENTS}
    ),
    st.fixed_dictionaries({"type": st.just("web_search_tool_result"), "content": JSON}),
    st.fixed_dictionaries({"type": st.just("unheard_of"), "word": JSON}),
)


def _names_each_call_once(blocks: list[dict[str, Any]]) -> bool:
    ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
    return len(ids) == len(set(ids))


MESSAGE = st.fixed_dictionaries(
    {
        "id": WORDS,
        "type": st.just("message"),
        "role": st.just("assistant"),
        "model": WORDS,
        "content": st.lists(BLOCKS, max_size=5).filter(_names_each_call_once),
        "stop_reason": st.sampled_from(["end_turn", "tool_use", "max_tokens", "refusal"]),
        "stop_sequence": st.none() | WORDS,
        "stop_details": st.none() | st.just({"type": "refusal"}),
        "usage": st.just({"input_tokens": 3, "output_tokens": 5, "service_tier": "standard"}),
    }
)
PARTS = st.lists(
    st.one_of(
        st.builds(Text, WORDS),
        st.builds(Reasoning, WORDS),
        st.builds(ToolCall, WORDS, ARGUMENTS),
    ),
    max_size=4,
).map(
    lambda parts: [
        replace(part, id=f"c{number}") if isinstance(part, ToolCall) else part
        for number, part in enumerate(parts)
    ]
)


def drafted(*events: dict[str, Any]) -> Draft:
    draft = Draft()
    for event in events:
        draft.take(event)
    return draft


def read(stream: bytes) -> Message:
    lines = [line for line in stream.split(b"\n") if line.startswith(b"data: ")]
    draft = drafted(*(read_json(line.removeprefix(b"data: ")) for line in lines))
    assert draft.complete
    return draft.message()


async def arrived(chunks: list[bytes]) -> Message:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    response = httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content=arriving(),
        request=httpx2.Request("POST", "http://nowhere"),
    )
    draft = Draft()
    async for data in Answering(response).events():
        draft.take(read_json(data))
    assert draft.complete
    return draft.message()


def streamed(turn: Turn) -> bytes:
    request = Request(model="m", stream=True)
    return b"".join(frame.data for frame in MESSAGES.stream(turn, request))


@given(message=MESSAGE)
def test_a_message_is_read_as_it_was_played_back(message: Message) -> None:
    assert read(stream_of(message)) == message


@given(message=MESSAGE)
def test_a_recorded_message_is_the_message(message: Message) -> None:
    assert decode_message(encode_message(message)) == message


@given(parts=PARTS, sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_a_message_is_the_same_however_its_texts_are_cut(
    parts: list[Any], sizes: tuple[int, int]
) -> None:
    one, other = (read(streamed(Turn(*parts, chunk_size=size))) for size in sizes)
    assert one == other


@settings(max_examples=30)
@given(parts=PARTS, cuts=st.lists(st.integers(1, 40), min_size=1))
def test_a_message_is_the_same_however_its_bytes_arrive(parts: list[Any], cuts: list[int]) -> None:
    stream, chunks = streamed(Turn(*parts)), list[bytes]()
    rest = stream
    for number in range(len(stream)):
        size = cuts[number % len(cuts)]
        if rest:
            chunks.append(rest[:size])
            rest = rest[size:]
    assert asyncio.run(arrived(chunks)) == read(stream)


def test_a_message_says_what_its_blocks_say() -> None:
    message = read(streamed(Turn(Reasoning("Hm."), "So.", ToolCall("add", {"a": 2}, id="c1"))))
    assert message["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2NyaXB0ZWQ="},
        {"type": "text", "text": "So.", "citations": None},
        {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 2}},
    ]
    assert message["stop_reason"] == "tool_use"


@pytest.mark.parametrize("written", ['{"a": ', "[1]", "NaN", '"x"'])
def test_arguments_that_are_no_object_stay_the_text_that_the_model_wrote(written: str) -> None:
    message = read(streamed(Turn(ToolCall("add", written, id="c1"))))
    assert message["content"][0]["input"] == written


def test_what_is_nested_too_deeply_stays_the_text_that_the_model_wrote() -> None:
    written = '{"a":' * 100_000
    draft = drafted(START, calling(id="c1", name="Read"))
    draft.take({**ADD, "delta": {"type": "input_json_delta", "partial_json": written}})
    assert draft.block(CLOSE)["input"] == written


def test_a_block_that_says_nothing_is_whole_all_the_same() -> None:
    draft = drafted(START, {**OPEN, "content_block": {"type": "text"}}, CLOSE)
    draft.take({**calling(id="c1", name="Read"), "index": 1})
    assert draft.message()["content"] == [
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "c1", "name": "Read", "input": {}},
    ]


def test_the_cli_reads_no_arguments_of_a_function_tool_that_are_none() -> None:
    message = read(
        streamed(Turn(ToolCall("look", '{"at', id="c1"), ToolCall("Read", '{"f', id="c2")))
    )
    own, native = for_cli(message, Names(own=("look",)), {})["content"]
    assert (own["name"], own["input"]) == ("mcp__steer__look", {})
    # The CLI refuses these by itself, in words that help the model.
    assert (native["name"], native["input"]) == ("Read", '{"f')
    assert '"partial_json":"{\\"f"' in stream_of({**message, "content": [native]}).decode()


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "model_context_window_exceeded", None])
def test_the_cli_is_not_told_of_an_ending_after_which_it_would_ask_anew(reason: str | None) -> None:
    message = read(streamed(Turn("Half")))
    assert for_cli({**message, "stop_reason": reason}, Names(), {})["stop_reason"] == "end_turn"
    calling = read(streamed(Turn(ToolCall("Read", {}))))
    assert for_cli({**calling, "stop_reason": reason}, Names(), {})["stop_reason"] == "tool_use"


def test_usage_counts_what_was_cached_and_thought() -> None:
    billed = Billed(
        input_tokens=100, output_tokens=50, cached_tokens=30, cache_write_tokens=20,
        reasoning_tokens=7,
    )  # fmt: skip
    assert usage_in(read(streamed(Turn("So.", usage=billed)))) == Usage(
        requests=1, input_tokens=100, output_tokens=50, cached_tokens=30, cache_write_tokens=20,
        reasoning_tokens=7,
    )  # fmt: skip


def test_a_count_that_stops_at_the_beginning_is_none() -> None:
    start = {"message": {"content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}}
    draft = drafted(
        {"type": "message_start", **start},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    )
    assert usage_in(draft.message()) is None


@pytest.mark.parametrize("count", [-5, 10**30, 2.5, True, "7", float("inf")])
def test_a_count_that_is_none_is_not_believed(count: Any) -> None:
    usage = {"input_tokens": 9, "output_tokens": 1}
    for name in (*usage, "cache_read_input_tokens", "cache_creation_input_tokens"):
        assert usage_in({"usage": {**usage, name: count}}) is None
    thought = usage_in({"usage": {**usage, "output_tokens_details": {"thinking_tokens": count}}})
    assert thought == Usage(requests=1, input_tokens=9, output_tokens=1)


START = {"type": "message_start", "message": {"usage": {}}}
OPEN = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
ADD = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
CLOSE = {"type": "content_block_stop", "index": 0}
CALL = {**OPEN, "content_block": {"type": "tool_use", "id": "c1", "name": "add", "input": {}}}


def calling(**block: Any) -> dict[str, Any]:
    return {**OPEN, "content_block": {"type": "tool_use", **block}}


@pytest.mark.parametrize(
    "events",
    [
        [OPEN],
        [START, START],
        [{"type": "message_start", "message": 17}],
        [START, ADD],
        [START, OPEN, OPEN],
        [START, OPEN, CLOSE, ADD],
        [START, OPEN, CLOSE, CLOSE],
        [START, OPEN, {**ADD, "delta": None}],
        [START, OPEN, {**ADD, "delta": {"type": "text_delta"}}],
        [START, OPEN, {"type": "message_stop"}],
        [START, {"type": "message_stop"}, OPEN],
        [START, {**OPEN, "index": "0"}],
        [START, {**CLOSE, "index": []}],
        [START, calling(id="", name="Read")],
        [START, calling(id=7, name="Read")],
        [START, calling(id="c1")],
        [START, calling(id="c1", name="Read"), {**calling(id="c1", name="Bash"), "index": 1}],
    ],
    ids=json.dumps,
)
def test_events_that_say_no_message_are_refused(events: list[dict[str, Any]]) -> None:
    with pytest.raises(Malformed):
        drafted(*events)


def test_an_event_that_nobody_knows_changes_nothing() -> None:
    draft = drafted(START, OPEN)
    assert not draft.take({"type": "unheard_of"})
    assert not draft.take({**ADD, "delta": {"type": "unheard_of_delta"}})
    assert not draft.take({"word": "no type"})
    for event in (ADD, CLOSE, {"type": "message_stop"}):
        assert draft.take(event)
    assert draft.message()["content"] == [{"type": "text", "text": "a"}]
