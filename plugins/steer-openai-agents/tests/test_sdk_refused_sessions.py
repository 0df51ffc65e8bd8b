"""Histories that lie at the provider, and saved states: replayed by their ids, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agents import (
    Agent,
    OpenAIConversationsSession,
    OpenAIResponsesCompactionSession,
    RunConfig,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from agents.models.multi_provider import MultiProvider
from openai import AsyncOpenAI
from remembering import Remembering
from sdk_runs import MODEL, run_bare
from steer.errors import RuntimeFailure
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate

pytestmark = pytest.mark.anyio

agent: Agent[Any] = Agent(name="a", model=MODEL)


def compacting() -> Any:
    client = AsyncOpenAI(api_key="sk-x")
    return OpenAIResponsesCompactionSession("x", Remembering(), client=client)


def conversation() -> Any:
    return OpenAIConversationsSession(openai_client=AsyncOpenAI(api_key="sk-x"))


@pytest.mark.parametrize(
    ("named", "why"),
    [
        (lambda: {"session": conversation()}, "OpenAIConversationsSession keeps its history at"),
        (lambda: {"session": compacting()}, "requests that would not pass steer"),
        (lambda: {"conversation_id": "conv_1"}, "conversation_id keeps the history at OpenAI"),
    ],
    ids=["conversations", "compaction", "conversation_id"],
)
@pytest.mark.parametrize("how", ["workflow", "tool"])
async def test_a_history_that_nobody_could_replay_is_refused(
    named: Callable[[], dict[str, Any]], why: str, how: str
) -> None:
    @function_tool(name_override="ask")
    async def in_a_tool() -> str:
        return str((await Runner.run(agent, "Hello?", **named())).final_output)

    async def workflow(asked: str) -> None:
        await Runner.run(agent, asked, **named())

    tooled: Agent[Any] = Agent(name="tooled", model=MODEL, tools=[in_a_tool])
    turns = [] if how == "workflow" else [Turn(Call("ask"))]
    async with Provider(Script(turns)) as provider:
        with pytest.raises(RuntimeFailure, match=why):
            await run_bare(workflow if how == "workflow" else tooled, provider)
        # Nothing was asked on behalf of the session, and nothing after it was refused.
        assert len(provider.requests) == len(turns)


async def test_a_chain_of_responses_is_replayed_by_their_ids() -> None:
    @function_tool
    def act() -> str:
        return "acted"

    doer: Agent[Any] = Agent(name="doer", model=MODEL, tools=[act])

    async def workflow(asked: str) -> str:
        first = await Runner.run(doer, asked, auto_previous_response_id=True)
        then = await Runner.run(doer, "Go on.", previous_response_id=first.last_response_id)
        return str(then.final_output)

    turns = [Turn(Call("act", id="c1")), Turn("One."), Turn("Two.")]
    async with Provider(Script(turns), strict=False) as provider:
        finished, whole = await run_bare(workflow, provider)
        previous = [request.body.get("previous_response_id") for request in provider.requests]
    assert previous[0] is None
    assert None not in previous[1:]
    for count in range(len(whole.gate.records.log)):
        records = whole.gate.records.until(count)
        left = turns[sum(not isinstance(each, tuple) for each in whole.gate.records.log[:count]) :]
        async with Provider(Script(left), strict=False) as provider:
            again, _ = await run_bare(workflow, provider, gate=BareGate(records))
            resumed = [request.body.get("previous_response_id") for request in provider.requests]
        assert again == finished
        assert resumed[:1] == previous[len(turns) - len(left) :][:1]


async def test_a_saved_state_whose_tools_would_pass_the_gate_is_refused() -> None:
    @function_tool(needs_approval=True)
    def act() -> str:
        return "acted"

    careful: Agent[Any] = Agent(name="careful", model=MODEL, tools=[act])
    set_tracing_disabled(True)
    async with Provider(Script([Turn(Call("act"))])) as provider:
        client = AsyncOpenAI(api_key="sk-x", base_url=provider.openai_base_url)
        config = RunConfig(model_provider=MultiProvider(openai_client=client))
        state = (await Runner.run(careful, "Act.", run_config=config)).to_state()
        await client.close()

    async def workflow(asked: str) -> None:
        state.approve(state.get_interruptions()[0])
        await Runner.run(careful, state)

    def deny(_call: ToolCall) -> Decision:
        return Decision(outcome=GateOutcome.DENY, reason="No.")

    async with Provider(Script([Turn("Done.")])) as provider:
        with pytest.raises(RuntimeFailure, match="RunState that was saved elsewhere"):
            await run_bare(workflow, provider, gate=BareGate(verdict=deny))
