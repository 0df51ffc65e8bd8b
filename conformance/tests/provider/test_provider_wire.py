"""The bytes themselves, where clients are lenient: order of events, numbering, endings."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from steer_conformance.provider import (
    BUILTIN_DIALECTS,
    CHAT,
    MESSAGES,
    RESPONSES,
    Dialect,
    Provider,
    Reasoning,
    Refusal,
    Request,
    Script,
    ToolCall,
    Turn,
    Usage,
    render,
)

EVERYTHING = Turn(
    Reasoning("Hm."), "Well.", ToolCall("add", {"a": 1}), ToolCall("add", {"a": 2}), chunk_size=4
)


def events(wire: bytes) -> list[tuple[str | None, Any]]:
    found = []
    for block in wire.decode().removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = fields["data"]
        found.append((fields.get("event"), data if data == "[DONE]" else json.loads(data)))
    return found


def test_a_response_is_streamed_in_the_vendors_order() -> None:
    names = [name for name, _ in events(render(EVERYTHING, RESPONSES, stream=True))]
    assert names == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        *2
        * [
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
        ],
        "response.completed",
    ]


def test_events_of_a_response_are_numbered_without_a_gap() -> None:
    wire = events(render(EVERYTHING, RESPONSES, stream=True))
    assert [data["sequence_number"] for _, data in wire] == list(range(len(wire)))
    assert all(name == data["type"] for name, data in wire)


def test_the_streamed_response_ends_with_the_one_that_is_not_streamed() -> None:
    last = events(render(EVERYTHING, RESPONSES, stream=True))[-1][1]
    assert last["response"] == json.loads(render(EVERYTHING, RESPONSES, stream=False))


def test_refusal_and_text_share_a_message_of_a_response() -> None:
    body = json.loads(render(Turn("Well,", Refusal("no.")), RESPONSES, stream=False))
    (message,) = body["output"]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]


def test_a_response_that_was_cut_short_leaves_its_last_item_incomplete() -> None:
    turn = Turn(Reasoning("Hm"), "Well", stop="max_tokens")
    body = json.loads(render(turn, RESPONSES, stream=False))
    assert body["output"][-1]["status"] == "incomplete"
    assert body["incomplete_details"] == {"reason": "max_output_tokens"}


def test_a_response_repeats_what_was_asked() -> None:
    tools = [{"type": "function", "name": "add", "parameters": {}}]
    request = Request(
        model="gpt-5", body={"tools": tools, "temperature": 0, "metadata": {"a": "b"}}
    )
    body = json.loads(render(Turn("Hi"), RESPONSES, stream=False, request=request))
    assert (body["model"], body["tools"]) == ("gpt-5", tools)
    assert (body["temperature"], body["metadata"]) == (0, {"a": "b"})


def test_encrypted_reasoning_comes_only_when_it_is_asked_for() -> None:
    turn = Turn(Reasoning("Hm", signature="secret"))
    asked = Request(model="m", body={"include": ["reasoning.encrypted_content"]})
    without = json.loads(render(turn, RESPONSES, stream=False))
    with_it = json.loads(render(turn, RESPONSES, stream=False, request=asked))
    assert "encrypted_content" not in without["output"][0]
    assert with_it["output"][0]["encrypted_content"] == "secret"


def test_chat_chunks_have_no_event_names_and_end_with_done() -> None:
    wire = events(render(EVERYTHING, CHAT, stream=True))
    assert {name for name, _ in wire} == {None}
    assert wire[-1][1] == "[DONE]"
    assert wire[-2][1]["choices"][0]["finish_reason"] == "tool_calls"


def test_chat_counts_usage_in_a_stream_only_when_asked() -> None:
    asked = Request(model="m", stream=True, body={"stream_options": {"include_usage": True}})
    without = events(render(Turn("Hi"), CHAT, stream=True))
    with_it = events(render(Turn("Hi"), CHAT, stream=True, request=asked))
    assert all("usage" not in data for _, data in without[:-1])
    assert with_it[-2][1]["choices"] == []
    assert with_it[-2][1]["usage"]["total_tokens"] == 15
    assert all(data["usage"] is None for _, data in with_it[:-2])


def test_chat_names_a_tool_once_and_then_only_its_index() -> None:
    deltas = [
        data["choices"][0]["delta"]["tool_calls"][0]
        for _, data in events(render(EVERYTHING, CHAT, stream=True))[:-1]
        if data["choices"][0]["delta"].get("tool_calls")
    ]
    assert [(delta["index"], delta.get("id")) for delta in deltas] == [
        (0, "call_1_1"),
        (0, None),
        (0, None),
        (1, "call_1_2"),
        (1, None),
        (1, None),
    ]


def test_a_message_is_streamed_in_the_vendors_order() -> None:
    turn = Turn(Reasoning("Hm."), "Well.")
    wire = events(render(turn, MESSAGES, stream=True))
    assert [name for name, _ in wire] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert wire[4][1]["delta"]["type"] == "signature_delta"


def test_a_message_counts_cached_input_apart() -> None:
    usage = Usage(input_tokens=100, output_tokens=9, cached_tokens=60, cache_write_tokens=30)
    body = json.loads(render(Turn("Hi", usage=usage), MESSAGES, stream=False))
    assert body["usage"]["input_tokens"] == 10
    assert body["usage"]["cache_read_input_tokens"] == 60
    assert body["usage"]["cache_creation_input_tokens"] == 30


def test_the_stop_sequence_that_was_met_is_named() -> None:
    request = Request(model="m", body={"stop_sequences": ["END"]})
    turn = Turn("Hi", stop="stop_sequence")
    body = json.loads(render(turn, MESSAGES, stream=False, request=request))
    assert (body["stop_reason"], body["stop_sequence"]) == ("stop_sequence", "END")


def test_arguments_that_are_no_json_go_out_as_they_are() -> None:
    broken = Turn(ToolCall("f", '{"a": '))
    chat = json.loads(render(broken, CHAT, stream=False))
    message = json.loads(render(broken, MESSAGES, stream=False))
    assert chat["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": '
    assert message["content"][0]["input"] == '{"a": '


def test_a_lone_surrogate_survives_the_wire() -> None:
    body = json.loads(render(Turn("\ud83d"), CHAT, stream=False))
    assert body["choices"][0]["message"]["content"] == "\ud83d"


BODY = {"model": "scripted", "messages": [], "input": "Hi", "max_tokens": 5}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("dialect", BUILTIN_DIALECTS, ids=lambda dialect: dialect.name)
def test_the_same_script_gives_the_same_bytes(dialect: Dialect, stream: bool) -> None:
    url = next(iter(dialect.paths))

    def serve() -> tuple[list[tuple[object, bytes]], list[bytes]]:
        with (
            Provider(Script([EVERYTHING, EVERYTHING])) as provider,
            httpx2.Client(base_url=provider.url) as client,
        ):
            answers = [client.post(url, json=BODY | {"stream": stream}) for _ in range(2)]
            rendered = [
                render(EVERYTHING, dialect, stream=stream, request=request)
                for request in provider.requests
            ]
        return [(answer.headers.raw, answer.content) for answer in answers], rendered

    first, rendered = serve()
    assert serve() == (first, rendered)
    assert [content for _, content in first] == rendered
    assert rendered[0] != rendered[1]  # ids are unique in a provider
