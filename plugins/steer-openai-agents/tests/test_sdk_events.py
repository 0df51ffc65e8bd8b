"""What a run tells while it runs, and what it cost."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, function_tool
from hypothesis import strategies as st
from sdk_runs import (
    MODEL,
    durable_types,
    run_bare,
    run_in_kernel,
)
from steer.events import ModelBlockDone, ModelToken, Unknown
from steer_conformance.provider import (
    Provider,
    Raw,
    Reasoning,
    Script,
    Text,
    ToolCall,
    Turn,
)

pytestmark = pytest.mark.anyio

APIS = ("responses", "chat_completions")


def plain() -> Agent[Any]:
    return Agent(name="plain", model=MODEL)


def looker() -> Agent[Any]:
    @function_tool
    def look(at: str) -> str:
        return "red"

    return Agent(name="looker", model=MODEL, tools=[look])


@pytest.mark.parametrize("api", APIS)
async def test_a_turn_is_told_in_order(api: str) -> None:
    turns = [
        Turn(Reasoning("Hm."), "Let me see.", ToolCall("look", {"at": "it"}, id="c1")),
        Turn("Red."),
    ]
    async with Provider(Script(turns)) as provider:
        result, events = await run_in_kernel(looker(), provider, options={"config": {"api": api}})
    types = [
        name for name in durable_types(events) if name not in ("model.token", "model.reasoning")
    ]
    assert types == [
        "job.started",
        "agent.started",
        "model.started",
        "model.block_done",
        "model.block_done",
        "model.block_done",
        "usage",
        "model.done",
        "policy.decided",
        "tool.start",
        "tool.end",
        "model.started",
        "model.block_done",
        "usage",
        "model.done",
        "agent.done",
        "final.result",
        "job.completed",
    ]
    call: Any = next(
        event.data for event in events if getattr(event.data, "kind", "") == "tool_call"
    )
    assert (call.call_id, call.tool, call.arguments) == ("c1", "look", '{"at": "it"}')
    assert result.content == "Red."
    assert (result.turns, result.tools_invoked) == (2, 1)
    assert (result.model, result.provider, result.runtime) == (MODEL, "openai", "openai-agents")


parts = st.lists(
    st.one_of(
        st.builds(Text, st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)),
        st.builds(Reasoning, st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)),
    ),
    min_size=1,
    max_size=4,
)


async def test_what_steer_has_no_word_for_is_kept() -> None:
    body = (
        b'data: {"type": "response.new_thing", "sequence_number": 0, "secret": 7}\n\n'
        b'data: {"type": "response.output_item.done", "output_index": 0, "sequence_number": 1,'
        b' "item": {"type": "message", "id": "m", "role": "assistant", "status": "completed",'
        b' "content": [{"type": "output_text", "text": "Hi.", "annotations": []}]}}\n\n'
        b'data: {"type": "response.completed", "sequence_number": 2, "response": {"id": "r",'
        b' "object": "response", "created_at": 0, "model": "m", "output": [],'
        b' "parallel_tool_calls": false, "tool_choice": "auto", "tools": []}}\n\n'
    )
    async with Provider(Script([Raw(body)])) as provider:
        finished, run = await run_bare(plain(), provider)
    (strange,) = run.told(Unknown)
    assert (strange.source, strange.name) == ("openai-agents", "response.new_thing")
    assert strange.raw["secret"] == 7
    assert finished.content == "Hi.", "some servers leave the output out of the last event"
    assert [token.text for token in run.told(ModelToken)] == ["Hi."]
    assert run.gate.usages == [None]


async def test_a_server_that_only_sends_the_end_is_told_all_the_same() -> None:
    body = (
        b'data: {"type": "response.completed", "sequence_number": 0, "response": {"id": "r",'
        b' "object": "response", "created_at": 0, "model": "m", "parallel_tool_calls": false,'
        b' "tool_choice": "auto", "tools": [], "output": [{"type": "message", "id": "m",'
        b' "role": "assistant", "status": "completed",'
        b' "content": [{"type": "output_text", "text": "Hi.", "annotations": []}]}]}}\n\n'
    )
    async with Provider(Script([Raw(body)])) as provider:
        _, run = await run_bare(plain(), provider)
    assert [token.text for token in run.told(ModelToken)] == ["Hi."]
    assert [block.kind for block in run.told(ModelBlockDone)] == ["text"]
