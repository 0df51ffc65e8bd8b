"""What cannot be asked for is refused before a job exists."""

from __future__ import annotations

from typing import Any

import pytest
from kernels import open_kernel, request
from steer import ExecutionRequest, PrepareOptions
from steer.agents import ModelSettings
from steer.errors import AgentError, ConfigError
from steer.values import (
    FilePart,
    ImagePart,
    Message,
    Part,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

pytestmark = pytest.mark.anyio

HELLO = TextPart(text="Hello")
PICTURE = ImagePart(url="https://example.com/a.png")
LETTER = FilePart(data="aGk=", media_type="application/pdf", name="a.pdf")
CALL = ToolCallPart(call_id="c1", tool="look", arguments="{}")
OTHER = ToolCallPart(call_id="c2", tool="look", arguments="{}")
RESULT = ToolResultPart(call_id="c1", content="red")
OTHERS = ToolResultPart(call_id="c2", content="blue")


def user(*parts: Part) -> Message:
    return Message(role=Role.USER, content=parts)


def assistant(*parts: Part) -> Message:
    return Message(role=Role.ASSISTANT, content=parts)


def tool(*parts: Part) -> Message:
    return Message(role=Role.TOOL, content=parts)


@pytest.mark.parametrize(
    "given",
    [
        {"temperature": 0.0},
        {"top_p": 0.5},
        {"max_output_tokens": 1},
        {"seed": 0},
        {"reasoning_effort": "low"},
        {"tool_choice": "auto"},
        {"parallel_tool_calls": False},
        {"deterministic": True},
        {"output_schema": {"type": "object"}},
    ],
)
async def test_an_option_that_a_runtime_does_not_declare_is_refused(given: dict[str, Any]) -> None:
    (name,) = given
    async with open_kernel() as kernel:
        with pytest.raises(ConfigError, match=f"^{name} cannot take effect: the runtime stepwise"):
            await kernel.execute(request(options=PrepareOptions(**given)))
        assert (await kernel.jobs()).items == ()


@pytest.mark.parametrize(("part", "what"), [(PICTURE, "images"), (LETTER, "files")])
async def test_what_a_model_cannot_see_is_refused(part: Part, what: str) -> None:
    async with open_kernel() as kernel:
        with pytest.raises(ConfigError, match=rf"agent 'stepwise' \(toy-1\) takes no {what}"):
            await kernel.execute(request(prompt=None, messages=(user(HELLO, part),)))
        assert (await kernel.jobs()).items == ()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"temperature": 2.5}, "temperature is 2.5"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_p": -0.1}, "top_p is -0.1"),
        ({"max_output_tokens": 0}, "max_output_tokens is 0"),
    ],
)
def test_figures_that_no_vendor_accepts_are_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        PrepareOptions(**given)
    with pytest.raises(AgentError, match=problem):
        ModelSettings(**given)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"deterministic": True, "temperature": 0.1}, "deterministic and temperature 0.1"),
        ({"deterministic": True, "parallel_tool_calls": True}, "deterministic and parallel"),
        ({"output_strict": True}, "there is no output_schema"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        PrepareOptions(**given)


def test_zero_agrees_with_the_deterministic_mode() -> None:
    options = PrepareOptions(
        deterministic=True, temperature=0.0, seed=0, top_p=0.0, parallel_tool_calls=False
    )
    assert (options.temperature, options.seed) == (0.0, 0)


def test_a_conversation_may_hold_everything_in_its_place() -> None:
    said = (
        Message(role=Role.SYSTEM, content=(HELLO,)),
        user(HELLO, PICTURE, LETTER, TextPart(text="")),
        assistant(HELLO, CALL, OTHER),
        tool(OTHERS),
        tool(RESULT),
        Message(role=Role.SYSTEM, content=(HELLO, HELLO)),
        user(HELLO),
    )
    assert ExecutionRequest(agent="agent.py", messages=said).input == said


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ((user(HELLO), user()), r"message 2 \(user\) is empty"),
        ((user(CALL),), r"message 1 \(user\) .* tool call\. .* message of the assistant"),
        ((assistant(PICTURE),), r"message 1 \(assistant\) .* image\. .* message of the user"),
        ((tool(HELLO),), r"message 1 \(tool\) .* text\. .* message of the user"),
        ((user(RESULT),), r"message 1 \(user\) .* tool result\. .* message of the tool"),
        ((user(HELLO), assistant(CALL)), r"message 2 .* 'c1', which has no result"),
        *(
            (
                (assistant(CALL), between, tool(RESULT)),
                rf"message 2 \({between.role}\) comes before the result .* 'c1' of message 1",
            )
            for between in (
                user(HELLO),
                assistant(HELLO),
                Message(role=Role.SYSTEM, content=(HELLO,)),
            )
        ),
        ((assistant(CALL, OTHER), tool(RESULT), user(HELLO)), "message 3 .* 'c2' of message 1"),
        ((tool(RESULT), assistant(CALL)), "'c1', which does not wait"),
        ((assistant(CALL), tool(RESULT, RESULT)), "'c1', which does not wait"),
        ((assistant(CALL), tool(RESULT), assistant(CALL)), "message 3 .* repeats"),
    ],
)
def test_a_conversation_that_no_model_can_go_on_with_is_refused(
    said: tuple[Message, ...], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        ExecutionRequest(agent="agent.py", messages=said)
