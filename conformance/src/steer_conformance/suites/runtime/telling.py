"""Checks: what a run tells while it runs, and that its result is the same story."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from hypothesis import strategies as st
from steer.events import (
    AgentDone,
    AgentStarted,
    Event,
    FinalResult,
    ModelBlockDone,
    ModelDone,
    ModelReasoning,
    ModelStarted,
    ModelToken,
    ToolEnded,
    ToolStarted,
    Unknown,
    UsageReported,
)
from steer.values import JobStatus, Usage

from steer_conformance.checks import check
from steer_conformance.provider import (
    Garbage,
    Hold,
    Part,
    Reasoning,
    Request,
    Rule,
    Script,
    Text,
    Turn,
)
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.props import Props, answering, calling
from steer_conformance.suites.runtime.run import BareRun
from steer_conformance.suites.runtime.setup import STRANGE_WORD
from steer_conformance.suites.runtime.stage import PATIENCE

_WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
_SIZES = st.integers(1, 7)
# Seconds in which what was received has to be told: loopback needs a thousandth of them.
_SOON = 5.0


@check("RT-2")
async def words_are_told_while_they_are_said(case: RuntimeCase) -> None:
    turn = Turn("One two three.", Hold("midway", after=2), chunk_size=4)
    heard = asyncio.Event()

    def reach(_moment: str) -> None:
        if _heard(run, ModelToken) == "One two ":
            heard.set()

    async with case.stage(turn) as stage:
        run = stage.begin()
        run.gate.reach = reach
        task = stage.begun(stage.prepare(), run)
        await stage.provider.reached("midway", timeout=PATIENCE)
        with suppress(TimeoutError):
            await asyncio.wait_for(heard.wait(), _SOON)
        # The model is held here: what was heard cannot have waited for the end.
        assert _heard(run, ModelToken) == "One two ", "the model has said more than was told"
        stage.provider.release("midway")
        await task
    assert _heard(run, ModelToken) == "One two three."


@check("RT-3")
async def a_run_begins_with_its_agent_and_ends_with_one(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello there.")) as stage:
        prepared = stage.prepare(stage.agent("greeter"))
        _, run = await stage.run(prepared=prepared)
    (_, _, first), *_, (_, _, last) = run.emitted
    assert first == AgentStarted(name="greeter"), f"it began with {first}"
    assert isinstance(last, AgentDone), f"it ended with {last}"


@check("RT-3")
async def every_part_of_a_message_is_closed(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello there.")) as stage:
        _, run = await stage.run()
    spoken = {(token.call, token.part) for token in run.told(ModelToken)}
    closed = {(block.call, block.part) for block in run.told(ModelBlockDone)}
    assert spoken, "not a word was told"
    assert spoken <= closed, f"no model.block_done for the parts {sorted(spoken - closed)}"


@check("RT-3", requires=("tools", "model_gate"))
async def a_turn_with_a_tool_is_told_in_order(case: RuntimeCase) -> None:
    props = Props()
    turns = (calling("look", "here", said="I look."), answering("Red."))
    async with case.stage(*turns) as stage:
        _, events = await stage.job(stage.agent(tools=[props.look()]))
    kinds = (ModelStarted, ModelDone, ToolStarted, ToolEnded, FinalResult)
    told = [event.type for event in events if isinstance(event.data, kinds)]
    assert told == [
        "model.started",
        "model.done",
        "tool.start",
        "tool.end",
        "model.started",
        "model.done",
        "final.result",
    ]
    assert events[-1].type == "job.completed"
    numbers = [event.seq for event in events if event.seq is not None]
    assert numbers == list(range(1, len(numbers) + 1))


@check("RT-6")
async def the_content_is_the_text_that_was_told_last(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello there.")) as stage:
        finished, run = await stage.run()
    assert finished.content == "Hello there."
    assert finished.content == "".join(token.text for token in run.told(ModelToken))


@check("RT-6", requires=("tools", "model_gate"))
async def the_result_is_the_fold_of_the_events(case: RuntimeCase) -> None:
    props = Props()
    turns = (calling("look", "here", "there", said="I look."), answering("Red."))
    async with case.stage(*turns) as stage:
        result, events = await stage.job(stage.agent(tools=[props.look()]))
    assert result.status is JobStatus.SUCCEEDED, result.error
    assert result.content == _last_text(events) == "Red."
    usage = sum((e.data.usage for e in events if isinstance(e.data, UsageReported)), Usage())
    assert result.usage == usage
    assert result.turns == sum(isinstance(event.data, ModelDone) for event in events)
    assert result.tools_invoked == sum(isinstance(event.data, ToolStarted) for event in events)
    assert sum(event.terminal for event in events) == 1
    assert events[-1].terminal


def _last_text(events: Iterable[Event]) -> str:
    """The text of the last request: live deltas say it, durable ones repeat it."""
    texts: dict[str, dict[int, str]] = {}
    for event in events:
        if isinstance(event.data, ModelStarted):
            texts[event.data.call] = {}
        elif isinstance(event.data, ModelToken):
            parts = texts[event.data.call]
            said = parts.get(event.data.part, "")
            parts[event.data.part] = said[: event.data.offset] + event.data.text
    parts = list(texts.values())[-1]
    return "".join(parts[number] for number in sorted(parts))


@check("RT-7", requires="tools")
async def a_runtime_emits_nothing_that_only_the_kernel_may(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "here"), answering("Red.")) as stage:
        _, run = await stage.run(stage.agent(tools=[props.look()]))
    # The stage asks the gate for complaints as well; this names the one that is meant.
    assert not [each for each in run.gate.complaints if each.startswith("RT-7")]


@check("RT-8", seconds=300)
def text_arrives_whole_and_counts_its_characters(case: RuntimeCase) -> None:
    @case.profile.for_all(st.lists(st.builds(Text, _WORDS), min_size=1, max_size=3), _SIZES)
    def law(said: list[Part], size: int) -> None:
        run = case.run(_told(case, Turn(*said, chunk_size=size)))
        assert _heard(run, ModelToken) == "".join(part.wire for part in said)


@check("RT-9", requires="reasoning", seconds=300)
def reasoning_arrives_whole_and_apart_from_the_text(case: RuntimeCase) -> None:
    parts = st.lists(
        st.one_of(st.builds(Text, _WORDS), st.builds(Reasoning, _WORDS)), min_size=1, max_size=4
    )

    @case.profile.for_all(parts.filter(_speaks), _SIZES)
    def law(said: list[Part], size: int) -> None:
        run = case.run(_told(case, Turn(*said, chunk_size=size)))
        for told, kind in ((ModelToken, Text), (ModelReasoning, Reasoning)):
            wanted = "".join(part.wire for part in said if isinstance(part, kind))
            assert _heard(run, told) == wanted


def _speaks(said: Sequence[Part]) -> bool:
    """An answer without a word is none; what becomes of it is for the vendor to say."""
    return any(isinstance(part, Text) for part in said)


async def _told(case: RuntimeCase, turn: Turn) -> BareRun:
    async with case.stage(turn) as stage:
        _, run = await stage.run()
    return run


def _heard(run: BareRun, kind: type[ModelToken | ModelReasoning]) -> str:
    parts: dict[tuple[str, int], str] = {}
    for token in run.told(kind):
        key = (token.call, token.part)
        parts[key] = parts.get(key, "") + token.text
    return "".join(parts[key] for key in sorted(parts))


@check("RT-36")
async def what_steer_has_no_word_for_is_kept(case: RuntimeCase) -> None:
    def reply(request: Request) -> Turn:
        strange = Garbage(after=1, data=case.setup.strange_event(request.dialect))
        return Turn("Some words.", strange, chunk_size=4)

    script = Script(rules=[Rule(lambda _: True, reply, times=1)])
    async with case.stage(script=script) as stage:
        finished, run = await stage.run()
    assert finished.content == "Some words."
    kept = [unknown for unknown in run.told(Unknown) if STRANGE_WORD in str(unknown.raw)]
    assert len(kept) == 1, f"unknown events: {run.told(Unknown)}"
