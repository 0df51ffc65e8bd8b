"""Steer's own sessions on the real SDK: continued as the SDK would, and on other runtimes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, SQLiteSession, function_tool, set_tracing_disabled
from agents.models.multi_provider import MultiProvider
from openai import AsyncOpenAI
from sdk_runs import MODEL, open_kernel, request_for
from steer import RuntimeKernel
from steer.policies import PolicySet, ToolRule
from steer.ports.policy import Outcome
from steer.request import check_conversation
from steer.values import JobStatus, Message, Role, RunResult, ToolCallPart, ToolResultPart
from steer_conformance.provider import Provider, Reasoning, Recorded, Script, ToolCall, Turn
from steer_openai_agents.session_items import said_in
from stepwise import Stepwise, registry
from stepwise import Turn as Step

pytestmark = pytest.mark.anyio

APIS = ("responses", "chat_completions")
QUESTIONS = ("One?", "Two?", "Three?")


@function_tool
def look(at: str) -> str:
    """Look at a thing."""
    return f"{at}: red"


def looker() -> Agent[Any]:
    return Agent(name="Looker", model=MODEL, tools=[look])


def team() -> Agent[Any]:
    """An agent that can pass the conversation on."""
    return Agent(name="Front", model=MODEL, handoffs=[looker()])


def thinking() -> Agent[Any]:
    return Agent(name="Thinker", model="gpt-5", tools=[look])


TALKS: dict[str, tuple[Any, list[Turn]]] = {
    "words": (looker, [Turn("1"), Turn("2"), Turn("3")]),
    "tools": (
        looker,
        [
            Turn(
                "Well.",
                ToolCall("look", {"at": "a"}, id="c1"),
                ToolCall("look", {"at": "b"}, id="c2"),
            ),
            Turn("1"),
            Turn(ToolCall("look", {"at": "c"}, id="c3")),
            Turn("2"),
            Turn("3"),
        ],
    ),
    "a handoff": (
        team,
        [
            Turn(ToolCall("transfer_to_looker", {}, id="h1")),
            Turn(ToolCall("look", {"at": "a"}, id="c1")),
            Turn("1"),
            Turn("2"),
            Turn("3"),
        ],
    ),
    "thoughts": (
        thinking,
        [
            Turn(Reasoning("Hm."), ToolCall("look", {"at": "a"}, id="c1")),
            Turn(Reasoning("So."), "1"),
            Turn("2"),
            Turn("3"),
        ],
    ),
}


async def say(
    kernel: RuntimeKernel, agent: Any, provider: Provider, prompt: str, **fields: Any
) -> RunResult:
    """One run in the session ``talk``."""
    given: dict[str, Any] = {"prompt": prompt, "session_id": "talk"}
    handle = await kernel.execute(request_for(agent, provider, **(given | fields)))
    return await handle.result()


async def by_the_sdk(agent: Any, turns: Sequence[Turn], api: str) -> list[Recorded]:
    """The requests of the same talk with nothing but the SDK, in a session of its own."""
    set_tracing_disabled(True)
    session = SQLiteSession("talk")
    async with Provider(Script(list(turns))) as provider:
        client = AsyncOpenAI(api_key="sk-x", base_url=provider.openai_base_url)
        models = MultiProvider(openai_client=client, openai_use_responses=api == "responses")
        for question in QUESTIONS:
            result = Runner.run_streamed(
                agent, question, session=session, run_config=RunConfig(model_provider=models)
            )
            async for _ in result.stream_events():
                pass
        await client.close()
        session.close()
        return list(provider.requests)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("talk", TALKS)
async def test_the_requests_of_a_session_are_those_of_the_sdks_own(api: str, talk: str) -> None:
    make, turns = TALKS[talk]
    expected = await by_the_sdk(make(), turns, api)
    async with Provider(Script(list(turns))) as provider, open_kernel() as kernel:
        for question in QUESTIONS:
            options = {"config": {"api": api}}
            result = await say(kernel, make(), provider, question, options=options)
            assert result.status is JobStatus.SUCCEEDED, result.error
        session = await kernel.session("talk")
        asked = [request.body for request in provider.requests]
    key = "input" if api == "responses" else "messages"
    assert [_listed(body[key]) for body in asked] == [
        _listed(request.body[key]) for request in expected
    ]
    said = [message for run in session.past for message in run.messages]
    check_conversation(said, unique=False)
    words = [message.text for message in said if message.role is Role.ASSISTANT and message.text]
    assert [text for text in words if text != "Well."] == ["1", "2", "3"]
    calls = [part for message in said for part in message.content if part.type == "tool_call"]
    assert len(calls) == sum(isinstance(p, ToolCall) for turn in turns for p in turn.parts)


def _listed(given: Any) -> Any:
    """A lone question as the list that it stands for."""
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


async def test_a_session_begun_on_chat_goes_on_on_responses_and_back() -> None:
    turns = [
        Turn(Reasoning("Hm."), ToolCall("look", {"at": "a"}, id="c1")),
        Turn("1"),
        Turn("2"),
        Turn("3"),
    ]
    async with Provider(Script(turns)) as provider, open_kernel() as kernel:
        for question, api in zip(
            QUESTIONS, ("chat_completions", "responses", "chat_completions"), strict=True
        ):
            options = {"config": {"api": api}}
            result = await say(kernel, looker(), provider, question, options=options)
            assert result.status is JobStatus.SUCCEEDED, result.error
        second, third = provider.requests[2:]
    assert b"__fake_id__" not in second.raw
    assert [call.id for call in second.past_calls] == ["c1"]
    assert [m.text for m in third.messages if m.role == "user"] == list(QUESTIONS)


async def test_a_session_goes_on_on_any_runtime() -> None:
    turns = [Turn(ToolCall("look", {"at": "a"}, id="c1")), Turn("1"), Turn("3")]
    async with Provider(Script(turns)) as provider, open_kernel(registry=registry()) as kernel:
        await say(kernel, looker(), provider, "One?")
        other = Stepwise(turns=(Step(text="2"),))
        await say(kernel, other, provider, "Two?", options={"base_url": None, "api_key": None})
        await say(kernel, looker(), provider, "Three?")
        last = provider.requests[-1]
        session = await kernel.session("talk")
    assert [run.runtime for run in session.past] == ["openai-agents", "stepwise", "openai-agents"]
    assert [message.text for message in last.messages if message.text] == [
        "One?",
        "1",
        "Two?",
        "2",
        "Three?",
    ]
    assert [result.text for result in last.tool_results] == ["a: red"]
    told = [part for message in session.past[0].messages for part in message.content]
    assert ToolCallPart(call_id="c1", tool="look", arguments='{"at": "a"}') in told
    assert ToolResultPart(call_id="c1", content="a: red") in told


async def test_what_was_denied_is_in_the_session_as_the_model_read_it() -> None:
    rule = ToolRule(outcome=Outcome.DENY, tools=["look"])
    deny = PolicySet(name="careful", rules=[rule])
    turns = [Turn(ToolCall("look", {"at": "a"}, id="c1")), Turn("1"), Turn("2")]
    async with Provider(Script(turns)) as provider, open_kernel(policies=[deny]) as kernel:
        await say(kernel, looker(), provider, "One?")
        await say(kernel, looker(), provider, "Two?")
        read, later = provider.requests[1].tool_results, provider.requests[2].tool_results
        session = await kernel.session("talk")
    assert read == later
    (result,) = [m for m in session.past[0].messages if m.role is Role.TOOL]
    assert result.content == (ToolResultPart(call_id="c1", content=read[0].text),)


async def test_a_run_that_has_a_session_refuses_another_one_of_its_code() -> None:
    agent, helper = looker(), Agent(name="helper", model=MODEL)
    own = SQLiteSession("own")

    @function_tool
    async def ask_helper(question: str) -> str:
        return str((await Runner.run(helper, question, session=own)).final_output)

    async def workflow(items: list[Any]) -> str:
        return str((await Runner.run(agent, items, session=own)).final_output)

    asking: Agent[Any] = Agent(name="asking", model=MODEL, tools=[ask_helper])
    turns = [Turn(ToolCall("ask_helper", {"question": "Well?"}, id="c1")), Turn("Yes"), Turn("1")]
    async with Provider(Script(turns)) as provider, open_kernel() as kernel:
        refused = await say(kernel, workflow, provider, "One?")
        assert refused.error is not None
        assert "kept twice" in refused.error.message
        assert not provider.requests
        # What a tool's own runs remember is their affair.
        done = await say(kernel, asking, provider, "One?")
        assert (done.status, done.content) == (JobStatus.SUCCEEDED, "1"), done.error
    own.close()


async def test_a_workflow_is_given_the_session_if_it_takes_a_conversation() -> None:
    agent = looker()

    async def of_items(items: list[Any]) -> str:
        return str((await Runner.run(agent, items)).final_output)

    async def of_text(text: str) -> str:
        return str((await Runner.run(agent, text)).final_output)

    async with Provider(Script([Turn("1"), Turn("2")])) as provider, open_kernel() as kernel:
        await say(kernel, of_items, provider, "One?")
        await say(kernel, of_items, provider, "Two?")
        heard = [message.text for message in provider.requests[1].messages]
        refused = await say(kernel, of_text, provider, "Three?")
        session = await kernel.session("talk")
    assert heard == ["One?", "1", "Two?"]
    assert refused.error is not None
    assert "could not be shown a session" in refused.error.message
    assert len(session.past) == 2


class Given:
    """An item as the SDK gives it."""

    def __init__(self, **item: Any) -> None:
        self._item = item

    def to_input_item(self) -> Any:
        return self._item


def test_what_the_vendors_own_tools_did_is_said_in_steers_words() -> None:
    items: list[Any] = [
        Given(type="reasoning", id="r", summary=[]),
        Given(type="mcp_list_tools", id="l", server_label="s", tools=[]),
        Given(type="mcp_call", id="m", name="fetch", arguments="{}", output="page"),
        Given(type="web_search_call", id="w", status="completed", action={"query": "q"}),
        Given(type="shell_call", call_id="s", action={"commands": ["ls"]}),
        Given(type="shell_call_output", call_id="s", output=[{"stdout": "a.txt"}]),
        Given(type="custom_tool_call", call_id="u", name="sql", input="SELECT 1"),
        Given(type="custom_tool_call_output", call_id="u", output="1"),
        Given(type="computer_call", call_id="p", action={"type": "click"}),
        Given(type="computer_call_output", call_id="p", output={"image_url": "data:x"}),
        Given(
            type="message",
            role="assistant",
            content=[{"type": "output_text", "text": "So "}, {"type": "refusal", "refusal": "no."}],
        ),
    ]
    said = said_in(items)
    check_conversation(said)
    calls = [p for m in said for p in m.content if isinstance(p, ToolCallPart)]
    results = {
        p.call_id: p.content for m in said for p in m.content if isinstance(p, ToolResultPart)
    }
    assert [call.tool for call in calls] == ["fetch", "web_search", "shell", "sql", "computer"]
    assert calls[2].arguments == '{"action":{"commands":["ls"]}}'
    assert results == {
        "m": "page",
        "w": "done by the provider",
        "s": '[{"stdout":"a.txt"}]',
        "u": "1",
        "p": "a picture of the screen",
    }
    assert said[-1] == Message(role=Role.ASSISTANT, content=said[-1].content)
    assert said[-1].text == "So no."
