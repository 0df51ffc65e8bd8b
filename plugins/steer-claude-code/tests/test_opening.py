"""The conversation in the place of the CLI's prompt, and what the CLI tells of its surroundings."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from steer_claude_code.models.opening import PROMPT, opened, without_surroundings
from steer_claude_code.names import Names

_REMINDER = {"type": "text", "text": "<system-reminder>\n# Environment\n</system-reminder>"}
_CACHED = {"cache_control": {"type": "ephemeral"}}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def _assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


_CALL = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
_RESULT = {"type": "tool_result", "tool_use_id": "c1", "content": "Red."}
_BLOCKS = st.lists(st.builds(_text, st.text(min_size=1)), min_size=1, max_size=3)
_CONVERSATION = st.lists(
    st.one_of(_BLOCKS.map(lambda blocks: _user(*blocks)), _BLOCKS.map(lambda b: _assistant(*b))),
    min_size=1,
    max_size=4,
)


@given(_CONVERSATION, _CONVERSATION)
def test_a_request_begins_with_the_conversation_and_goes_on_with_the_run(
    conversation: list[dict[str, Any]], since: list[dict[str, Any]]
) -> None:
    body = {"model": "m", "messages": [_user(_text(PROMPT)), *since]}
    assert opened(body, conversation) == {"model": "m", "messages": [*conversation, *since]}
    assert body["messages"][0] == _user(_text(PROMPT))


def test_the_conversation_is_not_written_to() -> None:
    conversation = [_user(_text("Hello?"))]
    body = {"messages": [_user(_REMINDER, _text(PROMPT) | _CACHED)]}
    assert opened(body, conversation)["messages"] == [_user(_REMINDER, _text("Hello?") | _CACHED)]
    assert conversation == [_user(_text("Hello?"))]


def test_what_the_cli_tells_comes_after_the_results_of_tools() -> None:
    conversation = [_user(_text("Look.")), _assistant(_CALL), _user(_RESULT, _text("And?"))]
    body = {"messages": [_user(_REMINDER, _text(PROMPT))]}
    assert opened(body, conversation)["messages"] == [
        *conversation[:2],
        _user(_RESULT, _REMINDER, _text("And?")),
    ]


def test_a_request_that_begins_otherwise_stays_as_it_is() -> None:
    conversation = [_user(_text("Hello?"))]
    for messages in (
        [],
        [{"role": "user", "content": "What was said, summed up."}],
        [_assistant(_text(PROMPT))],
    ):
        assert opened({"messages": messages}, conversation) == {"messages": messages}
    asked = {"messages": [{"role": "user", "content": PROMPT}]}
    assert opened(asked, []) == asked
    assert opened(asked, conversation) == {"messages": conversation}


def test_a_model_without_native_tools_is_not_told_of_the_machine() -> None:
    system = {"role": "system", "content": "# Environment"}
    later = [_assistant(_CALL), _user(_RESULT), {"role": "system", "content": "Later."}]
    body = {
        "tools": [{"name": "look"}, {"name": "mcp__things__take"}],
        "messages": [_user(_REMINDER, _text("Hello?")), system, *later],
    }
    names = Names(("look",))
    told = without_surroundings(body, names)
    assert told["messages"] == [_user(_text("Hello?")), *later]
    for native in ("Read", "Agent"):
        able = {**body, "tools": [*body["tools"], {"name": native}]}
        assert without_surroundings(able, names) == able


def test_a_question_that_looks_like_a_reminder_is_not_lost() -> None:
    body = {"messages": [_user(_REMINDER)]}
    assert without_surroundings(body, Names())["messages"] == [_user(_REMINDER)]
