"""What a workflow function may take, and what of a conversation reaches it in which form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from agents import Agent, Runner, TResponseInputItem
from pydantic import BaseModel, Field
from sdk_runs import MODEL, open_bare, options_for, run_bare
from steer.errors import AgentError, ConfigError, RuntimeFailure
from steer.values import ImagePart, Message, Role, TextPart, user_message
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio


class WorkflowInput(BaseModel):
    input_as_text: str


async def one(asked: object) -> Any:
    return (await Runner.run(Agent(name="one", model=MODEL), str(asked))).final_output


class OneText(BaseModel):
    question: str
    language: str = "en"


class Aliased(BaseModel):
    input_as_text: str = Field(alias="inputAsText")


class TypedInput(TypedDict):
    input_as_text: str


async def takes_str(asked: str) -> Any:
    return await one(asked)


async def takes_the_usual_model(asked: WorkflowInput) -> Any:
    return await one(asked.input_as_text)


async def takes_a_model_with_one_text(asked: OneText) -> Any:
    return await one(asked.question)


async def takes_an_aliased_model(asked: Aliased) -> Any:
    return await one(asked.input_as_text)


async def takes_a_typed_dict(asked: TypedInput) -> Any:
    return await one(asked["input_as_text"])


async def takes_a_dict(asked: dict[str, Any]) -> Any:
    return await one(asked["input_as_text"])


async def takes_a_mapping(asked: Mapping[str, str]) -> Any:
    return await one(asked["input_as_text"])


async def takes_more_that_is_optional(asked: str, depth: int = 3) -> Any:
    return await one(asked)


async def takes_text_or_nothing(asked: str | None) -> Any:
    return await one(asked)


@pytest.mark.parametrize(
    "function",
    [
        takes_str,
        takes_the_usual_model,
        takes_a_model_with_one_text,
        takes_an_aliased_model,
        takes_a_typed_dict,
        takes_a_dict,
        takes_a_mapping,
        takes_more_that_is_optional,
        takes_text_or_nothing,
    ],
    ids=lambda function: function.__name__,
)
async def test_a_text_reaches_a_function_in_the_form_that_it_takes(function: Any) -> None:
    async with Provider(Script([Turn("Yes.")])) as provider:
        finished, _ = await run_bare(function, provider)
        assert provider.requests[0].last_user_text == "Hello?"
    assert finished.content == "Yes."
    assert finished.output is None


async def takes_items(asked: list[TResponseInputItem]) -> Any:
    return (await Runner.run(Agent(name="all", model=MODEL), asked)).final_output


async def takes_text_or_items(asked: str | Sequence[TResponseInputItem]) -> Any:
    given: Any = asked
    return (await Runner.run(Agent(name="all", model=MODEL), given)).final_output


CONVERSATION = (
    user_message("I am Ann."),
    Message(role=Role.ASSISTANT, content=(TextPart(text="Hello, Ann."),)),
    user_message("Who am I?"),
)


@pytest.mark.parametrize("function", [takes_items, takes_text_or_items])
async def test_a_function_that_takes_items_is_given_the_whole_conversation(function: Any) -> None:
    async with Provider(Script([Turn("Ann.")])) as provider:
        await run_bare(function, provider, run=BareRun(gate=BareGate(), input=CONVERSATION))
        said = [item["content"] for item in provider.requests[0].body["input"]]
    assert said == ["I am Ann.", "Hello, Ann.", "Who am I?"]


async def test_a_lone_text_stays_one_where_a_function_takes_it() -> None:
    seen: list[object] = []

    async def both(asked: str | list[TResponseInputItem]) -> None:
        seen.append(asked)

    async def items(asked: list[Any]) -> None:
        seen.append(asked)

    async with Provider(Script([])) as provider:
        await run_bare(both, provider)
        await run_bare(items, provider)
    assert seen == ["Hello?", [{"role": "user", "content": "Hello?"}]]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (CONVERSATION, "3 messages"),
        (
            (
                Message(
                    role=Role.USER,
                    content=(TextPart(text="This?"), ImagePart(url="https://x.test/i.png")),
                ),
            ),
            "files or pictures",
        ),
    ],
)
async def test_more_than_a_text_is_refused_where_a_function_takes_one(
    given: tuple[Message, ...], found: str
) -> None:
    async with Provider(Script([])) as provider:
        with pytest.raises(ConfigError, match=f"takes_str takes one text, and was given {found}"):
            await run_bare(takes_str, provider, run=BareRun(gate=BareGate(), input=given))


async def test_a_text_that_the_authors_model_refuses_says_why() -> None:
    class Short(BaseModel):
        input_as_text: str = Field(max_length=2)

    async def strict(asked: Short) -> None: ...

    strict.__annotations__["asked"] = Short
    async with Provider(Script([])) as provider:
        with pytest.raises(RuntimeFailure, match=r"input of strict .* at most 2 characters"):
            await run_bare(strict, provider)


@dataclass
class Asked:
    input_as_text: str


class Two(BaseModel):
    question: str
    language: str


class TwoKeys(TypedDict):
    question: str
    language: str


async def no_parameter() -> None: ...
async def two_parameters(question: str, language: str) -> None: ...
async def no_type(asked) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001 - the point of it
async def a_number(asked: int) -> None: ...
async def a_dataclass(asked: Asked) -> None: ...
async def a_model_with_two_texts(asked: Two) -> None: ...
async def a_dict_with_two_texts(asked: TwoKeys) -> None: ...
async def an_unknown_type(asked: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - the point of it


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (no_parameter, "no_parameter takes 0 arguments, and a workflow takes one"),
        (two_parameters, "two_parameters takes 2 arguments"),
        (no_type, "parameter asked of no_type has no type"),
        (a_number, "parameter asked of a_number is a 'int'"),
        (a_dataclass, "asked of a_dataclass"),
        (a_model_with_two_texts, "asked of a_model_with_two_texts"),
        (a_dict_with_two_texts, "asked of a_dict_with_two_texts"),
        (an_unknown_type, "types of an_unknown_type cannot be read: NameError"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_a_function_that_no_text_can_be_given_to_is_refused(function: Any, why: str) -> None:
    async with open_bare() as runtime, Provider(Script([])) as provider:
        with pytest.raises(AgentError, match=why) as raised:
            runtime.prepare(function, options_for(provider))
    if function is not an_unknown_type:
        assert "a str, a list of input items, a pydantic model" in str(raised.value)
