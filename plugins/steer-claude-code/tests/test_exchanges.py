"""Model requests of a run: admitted, recorded, told, and played back."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest
from asking_models import MODEL, Setting, asking_of, body, setting, user
from steer.errors import BudgetExceeded, Diverged, RuntimeFailure, SteerError, Suspending
from steer.events import AgentStarted, ModelBlockDone, ModelReasoning, ModelToken, Unknown
from steer.ports.gate import ModelRequest
from steer.values import Usage
from steer_claude_code.calls import Place, Told
from steer_conformance.provider import (
    Garbage,
    Hold,
    Reasoning,
    ToolCall,
    Turn,
)
from steer_conformance.suites.runtime import BareGate, Records

pytestmark = pytest.mark.anyio

LOOKS = Turn(Reasoning("Hm."), "I look.", ToolCall("look", {"at": "it"}, id="c1"), chunk_size=3)
AFTER = (
    user("Hello?"),
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "c1", "name": "mcp__steer__look", "input": {"at": "it"}},
        ],
    },
    user({"type": "tool_result", "tool_use_id": "c1", "content": "it is red"}),
)


async def test_a_recorded_message_is_played_back_as_it_was_without_a_request() -> None:
    records = Records()
    async with setting(LOOKS, Turn("Red."), gate=BareGate(records)) as live:
        first = [await live.ask(), await live.ask(body(*AFTER))]
        live.provider.assert_used_up()
    async with setting(gate=BareGate(records)) as replay:
        second = [await replay.ask(), await replay.ask(body(*AFTER))]
        assert replay.provider.requests == ()
    assert [reply.status_code for reply in first] == [200, 200]
    assert [reply.content for reply in first] == [reply.content for reply in second]
    for each in (live, replay):
        each.run.gate.check()
        assert (each.exchanges.text, each.exchanges.finish_reason) == ("Red.", "end_turn")
    assert live.exchanges.spoken == replay.exchanges.spoken
    assert [message["role"] for message in live.exchanges.spoken] == [
        "assistant",
        "user",
        "assistant",
    ]
    assert replay.run.told(ModelToken) == []


async def test_the_cli_tells_two_messages_apart_that_have_one_id() -> None:
    records = Records()
    async with setting(LOOKS, gate=BareGate(records)) as live:
        first = await live.ask()
    async with setting(Turn("Red."), gate=BareGate(records)) as replay:
        await replay.ask()
        second = await replay.ask(body(*AFTER))
    assert '"id":"msg_1_0"' in first.text
    assert '"id":"msg_1_1"' in second.text


async def test_the_vendors_own_client_understands_what_is_played_back() -> None:
    async with setting(LOOKS, LOOKS) as s:
        client = anthropic.AsyncAnthropic(base_url=s.endpoint.url, api_key=s.endpoint.token)
        asked: dict[str, Any] = {
            "model": MODEL,
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Hello?"}],
        }
        async with client, client.messages.stream(**asked) as stream:
            message = await stream.get_final_message()
        async with anthropic.AsyncAnthropic(
            base_url=s.endpoint.url, api_key=s.endpoint.token
        ) as other:
            plain = await other.messages.create(**asked)
    for each in (message, plain):
        thinking, text, call = each.content
        assert (thinking.type, text.type, call.type) == ("thinking", "text", "tool_use")
        assert call.input == {"at": "it"}  # type: ignore[union-attr]  # it is a call
        assert (each.stop_reason, each.usage.output_tokens) == ("tool_use", 5)


async def test_a_message_is_told_while_it_arrives_and_answered_once_it_is_recorded() -> None:
    turn = Turn("One two three.", Hold("midway", after=2), chunk_size=4)
    gate = BareGate()
    heard = asyncio.Event()
    async with setting(turn, gate=gate) as s:
        gate.reach = lambda _moment: heard.set() if s.run.told(ModelToken) else None
        asking = asyncio.create_task(s.ask())
        await s.provider.reached("midway")
        await asyncio.wait_for(heard.wait(), 5)
        assert "".join(each.text for each in s.run.told(ModelToken)) in {"One ", "One two "}
        assert gate.usages == []
        assert not asking.done()
        s.provider.release("midway")
        assert (await asking).status_code == 200
        assert gate.usages == [Usage(requests=1, input_tokens=10, output_tokens=5)]


async def test_each_block_is_told_with_its_place_and_models_names() -> None:
    async with setting(LOOKS) as s:
        await s.ask()
    assert "".join(each.text for each in s.run.told(ModelReasoning)) == "Hm."
    assert [(each.part, each.offset, each.text) for each in s.run.told(ModelToken)] == [
        (1, 0, "I l"),
        (1, 3, "ook"),
        (1, 6, "."),
    ]
    blocks = [
        (each.part, each.kind, each.tool, each.arguments) for each in s.run.told(ModelBlockDone)
    ]
    assert blocks == [
        (0, "reasoning", None, None),
        (1, "text", None, None),
        (2, "tool_call", "look", '{"at": "it"}'),
    ]
    s.run.gate.check()


async def test_a_call_is_known_before_the_cli_is_told_of_it() -> None:
    async with setting(Turn(ToolCall("look", '{"at', id="c1"), ToolCall("Read", {}, id="c2"))) as s:
        await s.ask()
        own, native = s.active.calls.find("c1"), s.active.calls.find("c2")
    assert own is not None
    assert native is not None
    assert (own.name, own.arguments, own.message) == ("mcp__steer__look", '{"at', 0)
    assert (native.name, native.arguments, native.place) == ("Read", {}, Place((), "main"))


async def test_what_nobody_has_a_word_for_is_kept() -> None:
    strange = b'event: unheard_of\ndata: {"type": "unheard_of", "word": "zyzzyva"}\n\n'
    async with setting(Turn("Some words.", Garbage(after=1, data=strange), chunk_size=4)) as s:
        await s.ask()
    (unknown,) = s.run.told(Unknown)
    assert (unknown.source, unknown.name) == ("claude-code", "unheard_of")
    assert unknown.raw["word"] == "zyzzyva"
    assert s.exchanges.text == "Some words."


async def test_models_are_asked_in_their_own_names_with_what_the_cli_says_of_itself() -> None:
    async with setting(Turn("Red.")) as s:
        tools = [{"name": "mcp__steer__look", "input_schema": {}}]
        headers = {"anthropic_beta": "a,b", "anthropic_version": "2023-06-01", "x_app": "cli"}
        await s.ask(body(*AFTER, tools=tools), x_claude_code_prompt_id="p", x_secret="s", **headers)
        (request,) = s.provider.requests
    assert request.tools == ("look",)
    assert [call.name for call in request.past_calls] == ["look"]
    assert request.query == "beta=true"
    assert request.headers["x-api-key"] == "any"
    for name, value in headers.items():
        assert request.headers[name.replace("_", "-")] == value
    assert not {"x-claude-code-prompt-id", "x-secret"} & request.headers.keys()
    assert s.endpoint.token not in str(request)


async def test_an_answer_is_no_longer_than_anybody_allows() -> None:
    sizes = []
    for author, gate in ((None, None), (5_000, None), (None, 700), (5_000, 700), (40_000, None)):
        asking = asking_of(max_output_tokens=author)
        async with setting(Turn("So."), gate=BareGate(granted=gate), asking=asking) as s:
            await s.ask()
            sizes.append(s.provider.requests[0].body["max_tokens"])
    assert sizes == [32_000, 5_000, 700, 700, 32_000]


async def test_a_model_that_the_gate_names_is_asked_instead() -> None:
    async with setting(Turn("So."), gate=BareGate(model="claude-haiku-5")) as s:
        await s.ask()
        assert s.provider.requests[0].model == "claude-haiku-5"
        assert s.run.gate.requests[0].model == MODEL


async def test_only_the_outermost_agent_is_asked_for_the_schema() -> None:
    asking = asking_of(output_schema={"type": "object"})
    async with setting(LOOKS, Turn("{}"), Turn("Sum."), asking=asking) as s:
        await s.ask()
        s.active.introduce("sub", "c1", "looker")
        await s.ask(x_claude_code_agent_id="sub")
        await s.ask(x_claude_code_request_class="auxiliary")
        first, *others = s.provider.requests
    assert first.body["output_config"]["format"]["schema"] == {"type": "object"}
    assert all("output_config" not in each.body for each in others)


async def test_the_outermost_agent_is_not_offered_what_only_its_subagents_have() -> None:
    asking = asking_of(delegated=frozenset({"mcp__steer__look", "Bash"}))
    tools: list[dict[str, Any]] = [
        {"name": name, "input_schema": {}} for name in ("mcp__steer__look", "Read", "Bash")
    ]
    async with setting(Turn(ToolCall("Agent", {}, id="c1")), Turn("Inside."), asking=asking) as s:
        await s.ask(body(tools=tools))
        s.active.introduce("sub", "c1", "looker")
        await s.ask(body(tools=tools), x_claude_code_agent_id="sub")
        outside, inside = s.provider.requests
    assert outside.tools == ("Read",)
    assert inside.tools == ("look", "Read", "Bash")


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (Turn("So."), "end_turn"),
        (Turn("Half", stop="max_tokens"), "max_tokens"),
        (Turn("Half", ToolCall("look", '{"a', id="c1"), stop="max_tokens"), "max_tokens"),
        (Turn("No.", stop="refusal"), "refusal"),
        (Turn("Half", stop="context_window"), "model_context_window_exceeded"),
    ],
)
async def test_a_run_ends_with_the_last_message_of_its_outermost_agent(
    turn: Turn, reason: str
) -> None:
    async with setting(turn, asking=asking_of(goes_on=False)) as s:
        asking = asyncio.create_task(s.ask())
        await asyncio.wait_for(s.active.over.wait(), 5)
        assert s.active.finished
        assert s.exchanges.finish_reason == reason
        assert len(s.run.gate.usages) == 1
        # The CLI would go on with it, and ask anew.
        late = asyncio.create_task(s.ask())
        await asyncio.wait({asking, late}, timeout=0.2)
        for task in (asking, late):
            assert not task.done()
            task.cancel()
        await asyncio.wait({asking, late})
        assert len(s.provider.requests) == 1


async def test_a_run_does_not_end_with_a_call_nor_with_what_others_say() -> None:
    turns = (LOOKS, Turn("Inside."), Turn("A title"))
    async with setting(*turns, asking=asking_of(goes_on=False)) as s:
        await s.ask()
        s.active.introduce("sub", "c1", "looker")
        await s.ask(x_claude_code_agent_id="sub")
        await s.ask(x_claude_code_request_class="auxiliary")
        assert not s.active.over.is_set()


async def test_a_subagent_is_told_by_the_path_of_its_call() -> None:
    async with setting(LOOKS, Turn("Inside."), Turn("Again.")) as s:
        await s.ask()
        asking = asyncio.create_task(s.ask(x_claude_code_agent_id="sub"))
        s.active.introduce("sub", "c1", "looker")
        await asking
        await s.ask(x_claude_code_agent_id="sub", x_claude_code_request_class="subagent")
    inside = [(agent, data) for path, agent, data in s.run.emitted if path == ("c1",)]
    assert inside[0] == ("looker", AgentStarted(name="looker"))
    assert sum(isinstance(data, AgentStarted) for _, data in inside) == 1
    assert [(each.path, each.agent) for each in s.run.gate.requests[1:]] == [
        (("c1",), "looker")
    ] * 2
    assert s.exchanges.text == "I look."
    s.run.gate.check()


async def test_a_question_of_the_clis_own_is_not_the_agents() -> None:
    records = Records()
    turns = (LOOKS, Turn("A title"), Turn("Red."))
    async with setting(*turns, gate=BareGate(records)) as live:
        await live.ask()
        side = await live.ask(body(user("Sum up.")), x_claude_code_request_class="auxiliary")
        await live.ask(body(*AFTER), x_claude_code_request_class="main")
    assert "A title" in side.text
    assert "A title" not in str(live.run.emitted)
    assert "A title" not in str(live.exchanges.spoken)
    paths = [each.path for each in live.run.gate.requests]
    assert paths == [(), paths[1], ()]
    assert paths[1] != ()
    async with setting(gate=BareGate(records)) as replay:
        # The order of these differs from process to process.
        await replay.ask()
        await replay.ask(body(*AFTER))
        again = await replay.ask(body(user("Sum up.")), x_claude_code_request_class="auxiliary")
        assert again.content == side.content
        assert replay.provider.requests == ()


async def test_results_are_handed_over_before_the_request_is_admitted() -> None:
    def admit(request: ModelRequest) -> None:
        handed.append((len(s.told), request.path))

    handed: list[tuple[int, tuple[str, ...]]] = []
    async with setting(LOOKS, Turn("Red."), gate=BareGate(admit=admit)) as s:
        await s.ask()
        await s.ask(body(*AFTER))
    assert handed == [(0, ()), (1, ())]
    assert s.told == [(Place((), "main"), {"c1": Told(content="it is red")})]


async def test_a_model_reads_what_it_is_told_of_a_call() -> None:
    records = Records()
    async with setting(LOOKS, Turn("A pity."), gate=BareGate(records)) as live:
        await live.ask()
        _tell(live, "not today")
        await live.ask(body(*AFTER))
        assert [each.text for each in live.provider.requests[1].tool_results] == ["not today"]
        assert live.exchanges.spoken[1]["content"] == [
            {"type": "tool_result", "tool_use_id": "c1", "content": "not today", "is_error": True}
        ]
    async with setting(gate=BareGate(records)) as replay:
        await replay.ask()
        _tell(replay, "something else")
        assert (await replay.ask(body(*AFTER))).status_code == 400
        assert isinstance(replay.active.stopped, Diverged)


def _tell(s: Setting, words: str) -> None:
    call = s.active.calls.find("c1")
    assert call is not None
    call.told = Told(content=words, is_error=True)


async def test_what_the_gate_refuses_ends_the_run_and_the_cli_does_not_ask_again() -> None:
    def admit(_request: ModelRequest) -> None:
        raise BudgetExceeded("max_turns", "that is enough")

    async with setting(gate=BareGate(admit=admit)) as s:
        reply = await s.ask()
        assert (reply.status_code, reply.headers["x-should-retry"]) == (400, "false")
        assert isinstance(s.active.stopped, BudgetExceeded)
        assert s.active.over.is_set()
        assert (await s.ask()).status_code == 400
        assert len(s.run.gate.requests) == 0
        assert s.provider.requests == ()


async def test_a_request_that_has_to_wait_for_a_person_parks_the_run() -> None:
    def admit(_request: ModelRequest) -> None:
        raise Suspending("the budget is asked about")

    async with setting(gate=BareGate(admit=admit)) as s:
        asking = asyncio.create_task(s.ask())
        await asyncio.wait_for(s.active.over.wait(), 5)
        assert s.active.suspended
        assert s.active.stopped is None
        assert not asking.done()
        asking.cancel()
        await asyncio.wait({asking})


async def test_what_goes_wrong_on_the_way_ends_the_run() -> None:
    def admit(_request: ModelRequest) -> None:
        raise ValueError("out of order")

    async with setting(gate=BareGate(admit=admit)) as s:
        assert (await s.ask()).status_code == 400
        failure = s.active.stopped
    assert isinstance(failure, RuntimeFailure)
    assert "ValueError: out of order" in str(failure)
    assert isinstance(failure.__cause__, ValueError)


async def test_a_request_that_is_none_ends_the_run() -> None:
    async with setting() as s:
        assert (await s.ask({"model": MODEL})).status_code == 400
        assert isinstance(s.active.stopped, SteerError)


async def test_a_message_of_a_run_that_is_parked_is_recorded_and_not_answered() -> None:
    gate = BareGate()
    async with setting(Turn("So.", Hold("begun")), gate=gate) as s:
        asking = asyncio.create_task(s.ask())
        await s.provider.reached("begun")
        s.active.suspend()
        assert not s.active.over.is_set()
        s.provider.release("begun")
        await asyncio.wait_for(s.active.over.wait(), 5)
        assert len(gate.usages) == 1
        assert not asking.done()
        # Nothing begins any more.
        late = asyncio.create_task(s.ask())
        await asyncio.wait({late}, timeout=0.2)
        assert not late.done()
        assert len(gate.requests) == 1
        for task in (asking, late):
            task.cancel()
        await asyncio.wait({asking, late})
