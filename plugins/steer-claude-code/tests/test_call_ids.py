"""Ids of calls that models use again: no call is taken for another one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking_models import Setting, asking_of, body, setting, user
from httpx2 import Response
from steer_claude_code.calls import Calls, Proposed, Told
from steer_conformance.provider import ToolCall, Turn
from steer_conformance.suites.runtime import BareGate, Records

pytestmark = pytest.mark.anyio


def calls_in(reply: Response) -> list[tuple[str, str]]:
    """The calls that the CLI reads in an answer: the id and the tool of each."""
    lines = (line for line in reply.text.splitlines() if line.startswith("data: "))
    blocks = (json.loads(line.removeprefix("data: ")).get("content_block") or {} for line in lines)
    return [(block["id"], block["name"]) for block in blocks if block.get("type") == "tool_use"]


def made(*calls: tuple[str, str]) -> dict[str, Any]:
    content = [
        {"type": "tool_use", "id": call_id, "name": name, "input": {}} for call_id, name in calls
    ]
    return {"role": "assistant", "content": content}


def came(*results: tuple[str, str]) -> dict[str, Any]:
    return user(
        *(
            {"type": "tool_result", "tool_use_id": call_id, "content": words}
            for call_id, words in results
        )
    )


def found(s: Setting, cli_id: str) -> Proposed:
    call = s.active.calls.find(cli_id)
    assert call is not None
    return call


async def test_the_cli_tells_calls_apart_that_models_call_the_same() -> None:
    records = Records()

    async def talk(s: Setting) -> list[Response]:
        first = await s.ask()
        found(s, "c1").told = Told(content="the first")
        second = await s.ask(body(user("Hello?"), made(("c1", "Read")), came(("c1", "1"))))
        assert calls_in(second) == [("c1-2", "mcp__steer__look")]
        asked = body(
            user("Hello?"),
            made(("c1", "Read")),
            came(("c1", "1")),
            made(("c1-2", "mcp__steer__look")),
            came(("c1-2", "2")),
        )
        return [first, second, await s.ask(asked)]

    turns = (Turn(ToolCall("Read", {}, id="c1")), Turn(ToolCall("look", {}, id="c1")), Turn("So."))
    async with setting(*turns, gate=BareGate(records)) as live:
        replies = await talk(live)
        (_, _, last) = live.provider.requests
        assert [call.id for call in last.past_calls] == ["c1", "c1"]
        assert [each.text for each in last.tool_results] == ["the first", "2"]
        assert live.told[1][1] == {"c1-2": Told(content="2")}
        assert [found(live, name).message for name in ("c1", "c1-2")] == [0, 1]
    async with setting(gate=BareGate(records)) as replay:
        assert [each.content for each in await talk(replay)] == [each.content for each in replies]
        assert replay.exchanges.spoken == live.exchanges.spoken


async def test_subagents_side_by_side_may_use_one_id() -> None:
    both = Turn(ToolCall("Agent", {}, id="a"), ToolCall("Agent", {}, id="b"))
    turns = (both, Turn(ToolCall("Read", {}, id="c1")), Turn(ToolCall("Bash", {}, id="c1")))
    async with setting(*turns) as s:
        await s.ask()
        for name in ("a", "b"):
            s.active.introduce(f"sub-{name}", name, name)
        reads = await s.ask(x_claude_code_agent_id="sub-a")
        runs = await s.ask(x_claude_code_agent_id="sub-b")
        assert calls_in(reads) == [("c1", "Read")]
        assert calls_in(runs) == [("c1-2", "Bash")]
        places = [(found(s, name).place.path, found(s, name).call_id) for name in ("c1", "c1-2")]
    assert places == [(("a",), "c1"), (("b",), "c1")]


async def test_nobody_has_proposed_a_call_of_the_clis_own_questions() -> None:
    call = Turn(ToolCall("Bash", {}, id="c1"))
    async with setting(Turn(ToolCall("Bash", {}, id="c1")), call) as s:
        await s.ask()
        aside = await s.ask(x_claude_code_request_class="auxiliary")
    ((cli_id, _),) = calls_in(aside)
    assert s.active.calls.find(cli_id) is None


async def test_an_end_with_a_call_ends_nothing() -> None:
    turn = Turn(ToolCall("look", {}, id="c1"), stop="end")
    async with setting(turn, asking=asking_of(goes_on=False)) as s:
        assert calls_in(await s.ask()) == [("c1", "mcp__steer__look")]
        assert not s.active.over.is_set()


@pytest.mark.parametrize(
    ("given", "for_cli"),
    [
        (("a", "a", "a"), ["a", "a-2", "a-3"]),
        (("a_1", "a_2", "b_2"), ["a_1", "a_2", "b_2"]),
        # The CLI takes the second of these for the first.
        (("a", "a_2", "a_2"), ["a", "a_2-2", "a_2-3"]),
        (("a_2", "a"), ["a_2", "a-2"]),
    ],
)
def test_the_cli_takes_no_call_for_a_repetition(given: tuple[str, ...], for_cli: list[str]) -> None:
    calls = Calls()
    assert [calls.unused(each) for each in given] == for_cli
