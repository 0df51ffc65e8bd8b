"""What a conversation becomes, and that nothing of it is lost on the way to either interface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from agents import Agent, GuardrailFunctionOutput, InputGuardrail
from hypothesis import given, settings
from hypothesis import strategies as st
from sdk_runs import MODEL, open_bare, options_for, run_bare, run_in_kernel
from steer import ExecutionRequest
from steer.errors import ConfigError
from steer.values import (
    FilePart,
    ImagePart,
    JobStatus,
    Message,
    Part,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.suites.runtime import BareGate, BareRun
from steer_openai_agents.conversation import sdk_input

APIS = ("responses", "chat_completions")


def message(role: Role, *parts: object) -> Message:
    return Message(role=role, content=tuple(parts))  # type: ignore[arg-type]


def test_a_lone_question_stays_a_text() -> None:
    assert sdk_input((user_message("Hello?"),)) == "Hello?"


def test_a_conversation_keeps_its_roles() -> None:
    said = (
        message(Role.SYSTEM, TextPart(text="Be kind")),
        user_message("Hello?"),
        message(Role.ASSISTANT, TextPart(text="Yes, "), TextPart(text="hello.")),
        user_message("And now?"),
    )
    assert sdk_input(said) == [
        {"role": "system", "content": "Be kind"},
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Yes, hello."},
        {"role": "user", "content": "And now?"},
    ]


def test_calls_and_results_are_items_of_their_own_in_their_place() -> None:
    said = (
        message(
            Role.ASSISTANT,
            TextPart(text="Let me see."),
            ToolCallPart(call_id="c1", tool="look", arguments='{"at": 1}'),
            ToolCallPart(call_id="c2", tool="look", arguments="{}"),
        ),
        message(
            Role.TOOL,
            ToolResultPart(call_id="c1", content="red"),
            ToolResultPart(call_id="c2", content="no", is_error=True),
        ),
    )
    assert sdk_input(said) == [
        {"role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": 1}'},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "red"},
        {"type": "function_call_output", "call_id": "c2", "output": "no"},
    ]


def test_pictures_and_files_keep_their_place_among_the_text() -> None:
    said = message(
        Role.USER,
        TextPart(text="What is this?"),
        ImagePart(url="https://example.com/a.png", detail="low"),
        FilePart(data="aGk=", media_type="text/plain", name="a.txt"),
    )
    assert sdk_input((said,)) == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
                {
                    "type": "input_file",
                    "filename": "a.txt",
                    "file_data": "data:text/plain;base64,aGk=",
                },
            ],
        }
    ]


def test_words_of_an_assistant_come_before_its_calls() -> None:
    said = message(
        Role.ASSISTANT,
        ToolCallPart(call_id="c1", tool="look", arguments="{}"),
        TextPart(text="Let me see."),
    )
    assert [item.get("type", "words") for item in sdk_input((said,))] == ["words", "function_call"]  # type: ignore[union-attr]


text = st.text(st.characters(codec="utf-8"), max_size=12)
texts = st.builds(TextPart, text=text)
pictures = st.builds(
    ImagePart,
    url=st.sampled_from(["https://example.com/a.png", "data:image/png;base64,iVBORw0KGgo="]),
    detail=st.sampled_from(["auto", "low", "high"]),
)
letters = st.builds(
    FilePart, data=st.sampled_from(["", "aGk="]), media_type=st.just("application/pdf"), name=text
)


@st.composite
def exchanges(draw: st.DrawFn) -> list[Message]:
    """What an assistant says and calls, and the results of the calls in any order."""
    number = draw(st.integers(min_value=0))
    names = st.sampled_from(["look", "add"])
    calls = [
        ToolCallPart(
            call_id=f"c{number}-{index}", tool=draw(names), arguments=draw(text.filter(bool))
        )
        for index in range(draw(st.integers(min_value=0, max_value=3)))
    ]
    words = draw(st.lists(texts, min_size=not calls, max_size=3))
    results = [
        ToolResultPart(call_id=call.call_id, content=draw(text), is_error=draw(st.booleans()))
        for call in draw(st.permutations(calls))
    ]
    split = draw(st.integers(min_value=0, max_value=len(results)))
    answers = [message(Role.TOOL, *part) for part in (results[:split], results[split:]) if part]
    return [message(Role.ASSISTANT, *draw(st.permutations([*words, *calls]))), *answers]


of_users = st.builds(
    lambda parts: [message(Role.USER, *parts)],
    st.lists(texts | pictures | letters, min_size=1, max_size=4),
)
of_systems = st.builds(
    lambda parts: [message(Role.SYSTEM, *parts)], st.lists(texts, min_size=1, max_size=2)
)
conversations = st.lists(of_users | of_systems | exchanges(), min_size=1, max_size=6).map(
    lambda turns: tuple(each for turn in turns for each in turn)
)


def accepted(said: tuple[Message, ...]) -> bool:
    try:
        ExecutionRequest(agent="agent.py", messages=said)
    except ConfigError:
        return False  # two calls with one id
    return True


def expected(said: tuple[Message, ...]) -> Iterator[Any]:
    """All that was said in its order, in the words that both interfaces are read back into."""
    for each in said:
        calls = [part for part in each.content if isinstance(part, ToolCallPart)]
        rest = [part for part in each.content if not isinstance(part, ToolCallPart)]
        if each.role is Role.ASSISTANT:
            if rest:
                yield each.role, "text", "".join(p.text for p in rest if isinstance(p, TextPart))
            yield from (("call", part.call_id, part.tool, part.arguments) for part in calls)
        else:
            yield from (heard(each.role, part) for part in rest)


def heard(role: Role, part: Part) -> Any:
    match part:
        case TextPart(text=words):
            return role, "text", words
        case ImagePart(url=url, detail=detail):
            return role, "image", url, detail
        case FilePart(data=data, media_type=kind, name=name):
            return role, "file", f"data:{kind};base64,{data}", name
        case ToolResultPart(call_id=call_id, content=content):
            return "result", call_id, content
        case _:
            raise AssertionError(part)


def read_back(body: dict[str, Any]) -> Iterator[Any]:
    """What a request says, read from its bytes."""
    items = body["input"] if "input" in body else body["messages"]
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    for item in items:
        match item:
            case {"type": "function_call"}:
                yield "call", item["call_id"], item["name"], item["arguments"]
            case {"type": "function_call_output"}:
                yield "result", item["call_id"], item["output"]
            case {"role": "tool"}:
                yield "result", item["tool_call_id"], item["content"]
            case {"role": role, "content": str(content)}:
                yield Role(role), "text", content
            case _:
                yield from (read_part(Role(item["role"]), part) for part in item["content"] or [])
        for call in item.get("tool_calls", []):
            function = call["function"]
            yield "call", call["id"], function["name"], function["arguments"]


def read_part(role: Role, part: dict[str, Any]) -> Any:
    match part:
        case {"type": "input_text" | "text"}:
            return role, "text", part["text"]
        case {"type": "input_image"}:
            return role, "image", part["image_url"], part["detail"]
        case {"type": "image_url", "image_url": image}:
            return role, "image", image["url"], image["detail"]
        case {"type": "input_file"}:
            return role, "file", part["file_data"], part["filename"]
        case {"type": "file", "file": file}:
            return role, "file", file["file_data"], file.get("filename", "")
        case _:
            raise AssertionError(part)


@pytest.mark.parametrize("api", APIS)
def test_nothing_of_a_conversation_is_lost_or_reordered_on_the_wire(api: str) -> None:
    async def ask(said: tuple[Message, ...]) -> dict[str, Any]:
        async with open_bare() as runtime:
            prepared = runtime.prepare(
                Agent(name="a", model=MODEL), options_for(provider, config={"api": api})
            )
            await runtime.run(prepared, BareRun(gate=BareGate(), input=said))
        body: dict[str, Any] = json.loads(provider.requests[-1].raw)
        return body

    @settings(max_examples=60, deadline=None)
    @given(conversations.filter(accepted))
    def check(said: tuple[Message, ...]) -> None:
        assert list(read_back(loop.run(ask(said)))) == list(expected(said))

    script = Script([Turn("Four")], repeat=True)
    with Provider(script) as provider, asyncio.Runner() as loop:
        check()


@pytest.mark.anyio
async def test_a_document_that_chat_does_not_read_is_refused_before_anything_is_sent() -> None:
    letter = FilePart(data="aGk=", media_type="text/csv", name="rows.csv")
    said = (message(Role.USER, TextPart(text="Sum it up"), letter),)
    first: Agent[Any] = Agent(name="first", model=MODEL)
    async with Provider(Script([Turn("Hi.")], repeat=True)) as provider:
        result, _ = await run_in_kernel(
            first,
            provider,
            prompt=None,
            messages=said,
            options={"config": {"api": "chat_completions"}},
        )
        assert provider.requests == ()
        allowed = {"api": "chat_completions", "models": {MODEL: {"files": ["text/csv"]}}}
        for config in ({"api": "responses"}, allowed):
            run = BareRun(gate=BareGate(), input=said)
            await run_bare(first, provider, run=run, config=config)
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.message.startswith(
        "the file rows.csv cannot take effect: the model gpt-4.1 of agent 'first' (through Chat) "
        "reads application/pdf, and not text/csv"
    )


@pytest.mark.anyio
async def test_images_are_refused_for_a_model_that_sees_none() -> None:
    said = (message(Role.USER, ImagePart(url="https://example.com/a.png")),)
    blind: Agent[Any] = Agent(name="blind", model="o3-mini")
    async with Provider(Script([Turn("Hi.")])) as provider:
        with pytest.raises(ConfigError, match=r"agent 'blind' \(o3-mini\) takes no images"):
            await run_in_kernel(blind, provider, prompt=None, messages=said)
        assert provider.requests == ()


@pytest.mark.anyio
async def test_input_guardrails_are_given_what_the_sdk_would_give_them() -> None:
    given: list[Any] = []

    async def note(_context: Any, _agent: Any, input_: Any) -> GuardrailFunctionOutput:
        given.append(input_)
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)

    guarded: Agent[Any] = Agent(
        name="guarded", model=MODEL, input_guardrails=[InputGuardrail(guardrail_function=note)]
    )
    several = (message(Role.USER, TextPart(text="One"), TextPart(text="Two")),)
    async with Provider(Script([Turn("Hi.")], repeat=True)) as provider:
        for said in ((user_message("Hello?"),), several):
            await run_bare(guarded, provider, run=BareRun(gate=BareGate(), input=said))
    texts = [{"type": "input_text", "text": text} for text in ("One", "Two")]
    assert given == ["Hello?", [{"role": "user", "content": texts}]]
