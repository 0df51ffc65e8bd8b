"""Checks: the whole conversation reaches the model, whatever it is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import strategies as st
from steer.values import (
    FilePart,
    ImagePart,
    Message,
    Part,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)

from steer_conformance.checks import check
from steer_conformance.provider import Recorded
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.props import answering

# Without what vendors may trim, or keep for marks of their own.
_SAID = st.text(st.characters(codec="utf-8", categories=("L", "N", "S")), min_size=1, max_size=12)
_PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNk"
_DOCUMENT = "JVBERi0xLjQKZHJhd24gYnkgaGFuZA=="


@check("RT-25", seconds=300)
def the_whole_conversation_reaches_the_model_in_order(case: RuntimeCase) -> None:
    @case.profile.for_all(st.lists(st.tuples(_SAID, _SAID), max_size=3), _SAID)
    def law(turns: list[tuple[str, str]], last: str) -> None:
        said = [*(text for pair in turns for text in pair), last]
        # Numbered, so that none of them is found inside of another one.
        said = [f"<{number}:{text}>" for number, text in enumerate(said)]
        request = case.run(_asked(case, conversation(said)))
        heard = "\n".join(message.text for message in request.messages)
        places = [heard.find(text) for text in said]
        assert -1 not in places, f"the model was not told {said[places.index(-1)]}"
        assert places == sorted(places), "the model was told in another order"


@check("RT-26", requires="history=native", seconds=300)
def each_message_keeps_its_role(case: RuntimeCase) -> None:
    @case.profile.for_all(st.lists(st.tuples(_SAID, _SAID), max_size=3), _SAID)
    def law(turns: list[tuple[str, str]], last: str) -> None:
        said = [*(text for pair in turns for text in pair), last]
        messages = conversation(said)
        request = case.run(_asked(case, messages))
        heard = [(each.role, each.text) for each in request.messages if each.role != "system"]
        assert heard == [(message.role.value, message.text) for message in messages]


@check("RT-26", requires=("history=native", "tools"), seconds=300)
def earlier_calls_and_their_results_are_told_as_such(case: RuntimeCase) -> None:
    @case.profile.for_all(st.lists(_SAID, min_size=1, max_size=3), _SAID)
    def law(results: list[str], last: str) -> None:
        calls = [
            ToolCallPart(call_id=f"c{number}", tool="look", arguments=json.dumps({"at": number}))
            for number in range(len(results))
        ]
        answers = [
            ToolResultPart(call_id=f"c{number}", content=result)
            for number, result in enumerate(results)
        ]
        messages = (
            user_message("Look."),
            Message(role=Role.ASSISTANT, content=tuple(calls)),
            Message(role=Role.TOOL, content=tuple(answers)),
            user_message(last),
        )
        request = case.run(_asked(case, messages))
        assert [(c.id, c.name, json.loads(c.arguments)) for c in request.past_calls] == [
            (call.call_id, call.tool, json.loads(call.arguments)) for call in calls
        ]
        assert [(r.call_id, r.text) for r in request.tool_results] == [
            (answer.call_id, answer.content) for answer in answers
        ]


@check("RT-27", requires="images")
async def an_image_reaches_the_model(case: RuntimeCase) -> None:
    request = await _asked(case, [_showing(ImagePart(url=_PICTURE))])
    assert _PICTURE.partition(",")[2].encode() in request.raw
    assert "What is this?" in request.last_user_text


@check("RT-28", requires="files")
async def a_file_reaches_the_model(case: RuntimeCase) -> None:
    part = FilePart(data=_DOCUMENT, media_type="application/pdf", name="drawn.pdf")
    request = await _asked(case, [_showing(part)])
    assert _DOCUMENT.encode() in request.raw
    assert "What is this?" in request.last_user_text


def conversation(said: Sequence[str]) -> tuple[Message, ...]:
    """User and assistant by turns; the user has the last word."""
    first = Role.USER if len(said) % 2 else Role.ASSISTANT
    roles = (first, Role.ASSISTANT if first is Role.USER else Role.USER)
    return tuple(
        Message(role=roles[number % 2], content=(TextPart(text=text),))
        for number, text in enumerate(said)
    )


def _showing(part: Part) -> Message:
    return Message(role=Role.USER, content=(TextPart(text="What is this?"), part))


async def _asked(case: RuntimeCase, messages: Sequence[Message]) -> Recorded:
    async with case.stage(answering("I see.")) as stage:
        await stage.run(input=tuple(messages))
        return stage.provider.requests[0]
