"""Conversations in steer's words, in the API's form, and in a session."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json, to_json
from steer import ExecutionRequest
from steer.errors import ConfigError
from steer.ports.runtime import PastRun
from steer.values import (
    FilePart,
    ImagePart,
    Message,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from steer_claude_code.history.content import api_messages, neutral_messages, text_in
from steer_claude_code.history.session_items import conversation_of, said_and_items

_WORDS = st.text(min_size=1, max_size=10)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORDS, inner, max_size=2),
    max_leaves=4,
)
_ARGUMENTS = st.dictionaries(_WORDS, _JSON, max_size=3).map(lambda value: to_json(value).decode())


@st.composite
def _talk(draw: st.DrawFn) -> tuple[Message, ...]:
    """Draw what a model says and is told: words, calls with their results, then words."""
    messages: list[Message] = []
    for turn in range(draw(st.integers(0, 3))):
        calls = [
            ToolCallPart(call_id=f"t{turn}-{each}", tool="look", arguments=draw(_ARGUMENTS))
            for each in range(draw(st.integers(1, 3)))
        ]
        words = [TextPart(text=text) for text in draw(st.lists(_WORDS, max_size=2))]
        messages.append(Message(role=Role.ASSISTANT, content=(*words, *calls)))
        results = (
            ToolResultPart(call_id=c.call_id, content=draw(_WORDS), is_error=draw(st.booleans()))
            for c in calls
        )
        messages.append(Message(role=Role.TOOL, content=tuple(results)))
    messages.append(Message(role=Role.ASSISTANT, content=(TextPart(text=draw(_WORDS)),)))
    return tuple(messages)


@given(_talk())
def test_what_was_said_in_steers_words_comes_back_from_the_api(said: tuple[Message, ...]) -> None:
    assert neutral_messages(from_json(to_json(api_messages(said)))) == said


def _run(*asked: Message, past: tuple[PastRun, ...] = ()) -> Any:
    before = (message for run in past for message in run.messages)
    return SimpleNamespace(asked=asked, past=past, input=(*before, *asked))


@given(_talk(), _talk())
def test_a_session_goes_on_from_what_was_kept_of_it(
    first: tuple[Message, ...], second: tuple[Message, ...]
) -> None:
    past: list[PastRun] = []
    for said in (first, second):
        run = _run(user_message("And?"), past=tuple(past))
        neutral, items = said_and_items(run, api_messages(said))
        assert neutral == said
        ExecutionRequest(agent="x", messages=(user_message("And?"), *neutral))
        past.append(PastRun(messages=(), runtime="claude-code", items=from_json(to_json(items))))
    heard = conversation_of(_run(user_message("?"), past=tuple(past)))
    words = [block["text"] for message in heard for block in message["content"] if "text" in block]
    whole = (user_message("And?"), *first, user_message("And?"), *second, user_message("?"))
    assert words == [
        part.text for message in whole for part in message.content if isinstance(part, TextPart)
    ]
    calls = [block["id"] for each in heard for block in each["content"] if "id" in block]
    assert len(set(calls)) == len(calls), "the API takes each id only once"
    told = [b["tool_use_id"] for each in heard for b in each["content"] if "tool_use_id" in b]
    assert set(told) <= set(calls)


@given(_talk())
def test_each_result_stays_with_its_call_where_ids_are_used_again(
    said: tuple[Message, ...],
) -> None:
    heard = conversation_of(_run(*said, *said, *said))
    open_calls: list[str] = []
    for message in heard:
        for block in message["content"]:
            if block["type"] == "tool_use":
                open_calls.append(block["id"])
            elif block["type"] == "tool_result":
                open_calls.remove(block["tool_use_id"])
        assert message["role"] == "assistant" or not open_calls


def test_another_runtimes_runs_are_told_in_messages() -> None:
    said = Message(role=Role.ASSISTANT, content=(TextPart(text="I see."),))
    past = PastRun(messages=(user_message("<1>"), said), runtime="another", items=None)
    assert conversation_of(_run(user_message("<2>"), past=(past,))) == [
        {"role": "user", "content": [{"type": "text", "text": "<1>"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "I see."}]},
        {"role": "user", "content": [{"type": "text", "text": "<2>"}]},
    ]


def test_thinking_of_earlier_runs_is_not_shown_to_another_model() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    spoken = [
        {"role": "assistant", "content": [thought]},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "Red."}]},
    ]
    neutral, items = said_and_items(_run(user_message("?")), spoken)
    assert [message.text for message in neutral] == ["Red."]
    past = PastRun(messages=(), runtime="claude-code", items=items)
    heard = conversation_of(_run(user_message("And?"), past=(past,)))
    assert [block["type"] for message in heard for block in message["content"]] == ["text"] * 3


def test_what_the_provider_did_by_itself_is_told_as_a_call() -> None:
    search = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"q": "x"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    neutral = neutral_messages([{"role": "assistant", "content": [search, found, call]}])
    told = [part for part in neutral[1].content if isinstance(part, ToolResultPart)]
    assert [(part.call_id, part.content) for part in told] == [
        ("s1", "done by the provider"),
        ("c1", "there is no result of this call"),
    ]
    calls = [part for part in neutral[0].content if isinstance(part, ToolCallPart)]
    assert [from_json(part.arguments) for part in calls] == [{"q": "x"}, {}]


def test_pictures_and_documents_reach_the_api() -> None:
    pdf, text = base64.b64encode(b"%PDF-1.4").decode(), base64.b64encode(b"Hello.").decode()
    parts = (
        TextPart(text=""),
        ImagePart(url="data:image/png;base64,iVBO"),
        ImagePart(url="https://example.com/a.png"),
        FilePart(data=pdf, media_type="application/pdf", name="a.pdf"),
        FilePart(data=text, media_type="text/markdown", name="a.md"),
    )
    (message,) = api_messages([Message(role=Role.USER, content=parts)])
    picture = {"type": "base64", "media_type": "image/png", "data": "iVBO"}
    assert [block.get("source") for block in message["content"]] == [
        picture,
        {"type": "url", "url": "https://example.com/a.png"},
        {"type": "base64", "media_type": "application/pdf", "data": pdf},
        {"type": "text", "media_type": "text/plain", "data": "Hello."},
    ]
    assert text_in([{"type": "text", "text": "Red."}, *message["content"]]) == (
        "Red.\n[a picture]\n[a picture]\n[a document]\n[a document]"
    )


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (ImagePart(url="data:image/bmp;base64,Qk0="), "image/bmp"),
        (ImagePart(url="data:,x"), "no base64"),
        (FilePart(data="AA==", media_type="audio/wav", name="a.wav"), "'a.wav' is audio/wav"),
        (FilePart(data="/w==", media_type="text/plain", name="a.txt"), "'a.txt' is said to be"),
    ],
)
def test_what_no_model_reads_is_refused(part: ImagePart | FilePart, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        api_messages([Message(role=Role.USER, content=(part,))])


def test_what_other_vendors_write_otherwise_is_written_as_the_api_takes_it() -> None:
    call = ToolCallPart(call_id="call|fc:1", tool="files.read", arguments="no object")
    result = ToolResultPart(call_id="call|fc:1", content="Red.", is_error=True)
    system = Message(role=Role.SYSTEM, content=(TextPart(text="Be brief."),))
    heard = api_messages(
        [
            system,
            Message(role=Role.ASSISTANT, content=(call,)),
            Message(role=Role.TOOL, content=(result,)),
        ]
    )
    marked = {"type": "text", "text": "[Message of the system]\nBe brief."}
    assert heard[0] == {"role": "user", "content": [marked]}
    used = {
        "type": "tool_use",
        "id": "call_fc_1",
        "name": "files_read",
        "input": {"arguments": "no object"},
    }
    assert heard[1]["content"] == [used]
    assert heard[2]["content"][0]["tool_use_id"] == "call_fc_1"
    assert heard[2]["content"][0]["is_error"] is True


def test_half_of_a_letter_in_arguments_is_no_reason_to_lose_a_run() -> None:
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "\ud83d"}}
    said = neutral_messages([{"role": "assistant", "content": [call]}])
    assert ToolCallPart(call_id="c1", tool="look", arguments='{"at":"\ufffd"}') in said[0].content
