"""What a script says is what each official client hears, streamed or not."""

from __future__ import annotations

from typing import Any

import pytest
from steer_conformance.provider import (
    Provider,
    Reasoning,
    Refusal,
    Script,
    Stop,
    Text,
    ToolCall,
    Turn,
    Usage,
)


def hear(caller: Any, turn: Turn) -> Any:
    with Provider(Script([turn])) as provider:
        heard = caller.ask(provider)
        provider.assert_used_up()
    return heard


def test_text_is_heard_whole(caller: Any) -> None:
    heard = hear(caller, Turn("The answer is four: “4”. ✓"))
    assert heard.said == "The answer is four: “4”. ✓"
    assert heard.calls == []


def test_two_texts_are_heard_one_after_the_other(caller: Any) -> None:
    assert hear(caller, Turn("One. ", "Two.")).said == "One. Two."


def test_reasoning_is_heard_apart_from_text(caller: Any) -> None:
    heard = hear(caller, Turn(Reasoning("Two and two…"), "Four."))
    assert (heard.reasoning, heard.said) == ("Two and two…", "Four.")


def test_a_tool_call_keeps_its_arguments(caller: Any) -> None:
    arguments = {"city": "Zürich", "days": [1, 2], "deep": {"a": None}}
    heard = hear(caller, Turn("Let me look.", ToolCall("weather", arguments)))
    assert heard.calls == [("weather", arguments)]
    assert heard.said == "Let me look."


def test_parallel_tool_calls_keep_their_order(caller: Any) -> None:
    calls = [ToolCall("add", {"a": number}) for number in range(4)]
    heard = hear(caller, Turn(*calls))
    assert heard.calls == [("add", {"a": number}) for number in range(4)]


def test_a_tool_call_without_arguments_has_an_empty_object(caller: Any) -> None:
    assert hear(caller, Turn(ToolCall("now"))).calls == [("now", {})]


def test_a_refusal_is_heard(caller: Any) -> None:
    heard = hear(caller, Turn(Refusal("I cannot help with that.")))
    assert heard.said == "I cannot help with that."


def test_a_turn_that_says_nothing_is_a_whole_reply(caller: Any) -> None:
    heard = hear(caller, Turn())
    assert (heard.said, heard.calls) == ("", [])
    assert heard.usage == Usage()


def test_every_count_of_usage_arrives(caller: Any) -> None:
    usage = Usage(
        input_tokens=1000,
        output_tokens=200,
        cached_tokens=600,
        cache_write_tokens=100,
        reasoning_tokens=50,
    )
    assert hear(caller, Turn("Hi", usage=usage)).usage == usage


def test_chunk_size_decides_the_deltas(streaming: Any) -> None:
    heard = hear(streaming, Turn(Reasoning("abcde"), "fghij", chunk_size=2))
    assert heard.deltas == ["ab", "cd", "e", "fg", "hi", "j"]


def test_arguments_are_streamed_in_chunks(streaming: Any) -> None:
    heard = hear(streaming, Turn(ToolCall("f", '{"x": 1}'), chunk_size=3))
    assert [piece for piece in heard.deltas if piece] == ['{"x', '": ', "1}"]


STOPS: dict[str, dict[Stop, str]] = {
    "responses": {
        "end": "completed",
        "tool_calls": "completed",
        "max_tokens": "max_output_tokens",
        "content_filter": "content_filter",
        "refusal": "completed",
        "stop_sequence": "completed",
        "pause": "completed",
        "context_window": "max_output_tokens",
        "failed": "failed",
    },
    "chat": {
        "end": "stop",
        "tool_calls": "tool_calls",
        "max_tokens": "length",
        "content_filter": "content_filter",
        "refusal": "stop",
        "stop_sequence": "stop",
        "pause": "stop",
        "context_window": "length",
    },
    "messages": {
        "end": "end_turn",
        "tool_calls": "tool_use",
        "max_tokens": "max_tokens",
        "content_filter": "refusal",
        "refusal": "refusal",
        "stop_sequence": "stop_sequence",
        "pause": "pause_turn",
        "context_window": "model_context_window_exceeded",
    },
}


def test_every_reason_to_stop_is_translated(caller: Any) -> None:
    translations = STOPS[caller.dialect]
    with Provider(Script([Turn("Hi", stop=stop) for stop in translations])) as provider:
        heard = [caller.ask(provider).stop for _ in translations]
    assert heard == list(translations.values())


@pytest.mark.parametrize(
    ("part", "stop"),
    [(Text("Hi"), "end"), (Refusal("No."), "refusal"), (ToolCall("f"), "tool_calls")],
)
def test_a_turn_stops_for_the_reason_its_parts_suggest(part: Any, stop: str) -> None:
    assert Turn(part).stop == stop
