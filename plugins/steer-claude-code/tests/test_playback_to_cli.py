"""What the real CLI makes of messages that are played back to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking_models import setting
from claude_agent_sdk import (
    AgentDefinition,
    AssistantMessage,
    Message,
    ResultMessage,
    TextBlock,
    ThinkingBlock,
    ToolUseBlock,
)
from real_cli import listen_to_cli
from steer.events import AgentStarted, ModelToken
from steer_conformance.provider import (
    Drop,
    Failure,
    Reasoning,
    Request,
    Rule,
    Script,
    Text,
    ToolCall,
    Turn,
    Usage,
)
from steer_conformance.suites.runtime import BareGate, Records

pytestmark = pytest.mark.anyio


def blocks(said: list[Message]) -> list[Any]:
    return [
        block
        for message in said
        if isinstance(message, AssistantMessage)
        for block in message.content
    ]


def result(said: list[Message]) -> ResultMessage:
    (message,) = (each for each in said if isinstance(each, ResultMessage))
    return message


async def test_the_cli_reads_all_kinds_of_blocks_and_a_replay_asks_nobody(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("red")
    long = "word " * 1000
    turns = (
        Turn(
            Reasoning("Hm."),
            "I look.",
            ToolCall("Read", {"file_path": str(note)}, id="c1"),
            ToolCall("Read", '{"file_', id="c2"),
            chunk_size=3,
        ),
        Failure(529),
        Turn("Half of it", Drop(after=2), chunk_size=3),
        Turn(long, chunk_size=2, usage=Usage(input_tokens=50, output_tokens=2500)),
    )
    records = Records()
    async with setting(*turns, gate=BareGate(records, retries=2)) as live:
        said = await listen_to_cli(live, tools=["Read"])
        live.provider.assert_used_up()
        assert live.active.stopped is None
        first, *_, last = live.provider.requests
        told = {each.call_id: each.text for each in last.tool_results}
        assert "red" in told["c1"]
        assert "JSON" in told["c2"]
        live.run.gate.check()
    async with setting(gate=BareGate(records)) as replay:
        again = await listen_to_cli(replay, tools=["Read"])
        assert replay.provider.requests == ()
        assert replay.active.stopped is None
    for each in (said, again):
        thinking, text, one, two, answer = blocks(each)
        assert thinking == ThinkingBlock(thinking="Hm.", signature="c2NyaXB0ZWQ=")
        assert text == TextBlock("I look.")
        assert isinstance(one, ToolUseBlock)
        assert isinstance(two, ToolUseBlock)
        assert one.input == {"file_path": str(note)}
        assert answer == TextBlock(long)
        usage = result(each).usage
        assert usage is not None
        assert (usage["input_tokens"], usage["output_tokens"]) == (60, 2505)
    assert len(live.run.told(ModelToken)) > 2500
    assert live.exchanges.text == replay.exchanges.text == long
    assert live.exchanges.spoken == replay.exchanges.spoken
    assert first.body["stream"] is True


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("max_tokens", "max_tokens"),
        pytest.param("refusal", "refusal", marks=pytest.mark.long),
        pytest.param("context_window", "model_context_window_exceeded", marks=pytest.mark.long),
        pytest.param("stop_sequence", "stop_sequence", marks=pytest.mark.long),
        pytest.param("pause", "pause_turn", marks=pytest.mark.long),
    ],
)
async def test_the_cli_does_not_ask_anew_after_an_answer_that_is_cut(
    stop: Any, reason: str
) -> None:
    async with setting(Turn("Once upon a", stop=stop)) as s:
        said = await listen_to_cli(s)
        assert len(s.provider.requests) == 1
    assert result(said).result == "Once upon a"
    assert (s.exchanges.text, s.exchanges.finish_reason) == ("Once upon a", reason)


async def test_a_subagent_and_the_clis_own_questions_have_paths_of_their_own() -> None:
    asks = {"description": "d", "prompt": "look at it", "subagent_type": "looker"}
    first = Turn(
        ToolCall("Agent", asks, id="c1"),
        ToolCall("WebSearch", {"query": "weather"}, id="c2"),
    )

    def searching(request: Request) -> bool:
        return "web_search" in request.tools

    def inside(request: Request) -> bool:
        return "look at it" in request.last_user_text and not request.tool_results

    rules = [Rule(searching, Turn("Sunny.")), Rule(inside, Turn("It is red."))]
    looker = AgentDefinition(description="looks", prompt="You look.", tools=["Read"])
    options: dict[str, Any] = {
        "tools": ["Agent", "Read", "WebSearch"],
        "agents": {"looker": looker},
    }
    script = Script([first, Turn("Red and sunny.")], rules=rules)
    async with setting(script=script) as s:
        said = await listen_to_cli(s, **options)
        told = {each.call_id: each.text for each in s.provider.requests[-1].tool_results}
    assert result(said).result == "Red and sunny."
    assert "It is red." in told["c1"]
    assert "Sunny." in told["c2"]
    paths = [request.path for request in s.run.gate.requests]
    assert sorted(path for path in paths if path in {(), ("c1",)}) == [(), (), ("c1",)]
    (aside,) = (path for path in paths if path not in {(), ("c1",)})
    assert aside[0].startswith("aside-")
    assert s.run.told(AgentStarted, ("c1",)) == [AgentStarted(name="looker")]
    assert "".join(each.text for each in s.run.told(ModelToken, ("c1",))) == "It is red."
    assert "".join(each.text for each in s.run.told(ModelToken, ())) == "Red and sunny."
    assert s.run.told(ModelToken, aside) == []
    s.run.gate.check()


@pytest.mark.long
async def test_a_conversation_that_the_cli_sums_up_goes_on_and_is_replayed(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("red")
    call = {"file_path": str(note)}
    full = Usage(input_tokens=190_000, output_tokens=5)
    turns = (
        Turn("I look.", ToolCall("Read", call, id="c1"), usage=full),
        Turn("<summary>It is red.</summary>"),
        Turn("So it is red."),
    )
    window = {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "100000"}
    records = Records()
    async with setting(*turns, gate=BareGate(records)) as live:
        said = await listen_to_cli(live, tools=["Read"], environment=window)
        live.provider.assert_used_up()
    async with setting(gate=BareGate(records)) as replay:
        again = await listen_to_cli(replay, tools=["Read"], environment=window)
        assert replay.provider.requests == ()
    for s, each in ((live, said), (replay, again)):
        assert result(each).result == "So it is red."
        assert [request.path[:1] == () for request in s.run.gate.requests] == [True, False, True]
        roles = [message["role"] for message in s.exchanges.spoken]
        assert roles == ["assistant", "user", "assistant"]
        assert "summary" not in str(s.exchanges.spoken)


@pytest.mark.long
async def test_two_thousand_pieces_reach_the_cli_as_one_text() -> None:
    words = Text("ab" * 2000)
    async with setting(Turn(words, chunk_size=2)) as s:
        said = await listen_to_cli(s)
    assert result(said).result == words.text
    assert len(s.run.told(ModelToken)) == 2000
