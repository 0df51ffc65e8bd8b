"""How a run begins: with the whole conversation, by the endpoint or by the CLI's own transcript."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from steer.agents import Agent, tool
from steer.ports.options import PrepareOptions
from steer.values import Message, Role, TextPart, ToolCallPart, ToolResultPart, user_message
from steer_claude_code.agent.prepared import prepare
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.history.beginning import Beginning, beginning
from steer_claude_code.models.opening import PROMPT

_CALL = ToolCallPart(call_id="c1", tool="look", arguments="{}")
_RESULT = ToolResultPart(call_id="c1", content="Red.")


@tool
async def look() -> str:
    """Look."""
    return "Red."


def _assistant(*parts: Any) -> Message:
    return Message(role=Role.ASSISTANT, content=parts)


def _begun(login: Any, *asked: Message) -> Beginning:
    agent = Agent(name="a", tools=[look])
    prepared = prepare(agent, PrepareOptions(), config=ClaudeCodeConfig(login=login))
    run: Any = SimpleNamespace(past=(), asked=asked, input=asked)
    return beginning(prepared, run)


def _roles(messages: Any) -> list[str]:
    return [message["role"] for message in messages]


def test_the_endpoint_begins_with_all_that_was_said_and_the_cli_reads_none_of_it() -> None:
    said = (user_message("<1>"), _assistant(TextPart(text="Well.")), user_message("<2>"))
    begun = _begun("api_key", *said)
    assert begun.question == [{"type": "text", "text": PROMPT}]
    assert _roles(begun.opening) == ["user", "assistant", "user"]
    assert begun.history == ()


def test_a_cli_that_asks_by_itself_is_asked_what_comes_after_the_models_last_word() -> None:
    said = (
        user_message("<1>"),
        _assistant(_CALL),
        Message(role=Role.TOOL, content=(_RESULT,)),
        _assistant(TextPart(text="Red.")),
        user_message("<2>"),
        user_message("<3>"),
    )
    begun = _begun("subscription", *said)
    assert [block["text"] for block in begun.question] == ["<2>", "<3>"]
    assert _roles(begun.history) == ["user", "assistant", "user", "assistant"]
    assert begun.history[1]["content"][0]["name"] == "mcp__steer__look"
    assert begun.opening == ()


def test_results_of_tools_are_history() -> None:
    told = Message(role=Role.TOOL, content=(_RESULT,))
    begun = _begun("bedrock", user_message("<1>"), _assistant(_CALL), told, user_message("<2>"))
    assert [block["text"] for block in begun.question] == ["<2>"]
    assert _roles(begun.history) == ["user", "assistant", "user"]
