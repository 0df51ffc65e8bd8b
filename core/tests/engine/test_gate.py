from __future__ import annotations

import anyio
import pytest
from kernels import FixedPolicy, all_events, noting, open_kernel, request, types
from steer import ApprovalSpec
from steer._engine.gate import MAX_DENIALS
from steer.errors import PolicyDenied, RuntimeFailure
from steer.ports.gate import Gate, ModelRequest, ToolCall
from steer.ports.policy import (
    ModelQuestion,
    Outcome,
    Question,
    RunQuestion,
    ToolKind,
    ToolQuestion,
    Verdict,
)
from steer.ports.records import Grant
from steer.ports.runtime import Finished, Run, ToolInfo
from steer.values import JobStatus, Usage
from stepwise import Call, Stepwise, StepwiseRuntime, ToolSpec, Turn, registry

pytestmark = pytest.mark.anyio

UNATTENDED = ApprovalSpec(unattended=True)


def agent_with_a_note(notes: list[object], *, times: int = 1) -> Stepwise:
    turns = [Turn(calls=(Call(tool="note", arguments={"line": n}),)) for n in range(times)]
    return Stepwise(turns=(*turns, Turn(text="Done.")), tools={"note": ToolSpec(run=noting(notes))})


def on_tools(verdict: Verdict) -> FixedPolicy:
    def answer(question: Question) -> Verdict:
        return verdict if isinstance(question, ToolQuestion) else Verdict.allow()

    return FixedPolicy(answer)


async def test_a_denied_tool_never_runs_and_the_model_is_told_why() -> None:
    notes: list[object] = []
    policy = on_tools(Verdict.deny("no notes today", rule="quiet"))
    async with open_kernel(policies=[policy]) as kernel:
        handle = await kernel.execute(request(agent_with_a_note(notes)))
        result = await handle.result()
        events = await all_events(handle)

    assert notes == []
    assert (result.status, result.tools_invoked) == (JobStatus.SUCCEEDED, 0)
    denied = next(event.data for event in events if event.type == "tool.denied")
    assert (denied.tool, denied.reason) == ("note", "no notes today")
    assert "tool.start" not in types(events)


async def test_where_nobody_can_be_asked_an_ask_is_a_denial_that_says_so() -> None:
    notes: list[object] = []
    async with open_kernel(policies=[on_tools(Verdict.ask("money moves"))]) as kernel:
        handle = await kernel.execute(request(agent_with_a_note(notes), approvals=UNATTENDED))
        events = await all_events(handle)

    assert notes == []
    denied = next(event.data for event in events if event.type == "tool.denied")
    assert "money moves" in denied.reason
    assert "person" in denied.reason
    decided = [event.data for event in events if event.type == "policy.decided"]
    assert decided[-1].outcome == "ask"


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (Verdict.allow(), "the author of the agent wants a person"),
        (Verdict.rewrite({"line": 99}), "the author of the agent wants a person"),
        (Verdict.ask("money moves"), "person"),
        (Verdict.deny("no notes today"), "no notes today"),
    ],
)
async def test_what_the_author_wants_approved_is_never_merely_allowed(
    verdict: Verdict, told: str
) -> None:
    notes: list[object] = []
    tool = ToolSpec(run=noting(notes), needs_approval=True)
    turns = (Turn(calls=(Call(tool="note", arguments={"line": 0}),)), Turn(text="Done."))
    asked: list[ToolQuestion] = []

    def answer(question: Question) -> Verdict:
        if not isinstance(question, ToolQuestion):
            return Verdict.allow()
        asked.append(question)
        return verdict

    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        agent = Stepwise(turns=turns, tools={"note": tool})
        handle = await kernel.execute(request(agent, approvals=UNATTENDED))
        events = await all_events(handle)

    assert notes == []
    assert asked[0].needs_approval
    denied = next(event.data for event in events if event.type == "tool.denied")
    assert told in denied.reason
    decided = [event.data for event in events if event.type == "policy.decided"]
    assert decided[-1].outcome == ("deny" if verdict.outcome is Outcome.DENY else "ask")


async def test_a_policy_that_raises_denies() -> None:
    def explode(question: Question) -> Verdict:
        match question:
            case ToolQuestion():
                raise RuntimeError("rules on fire")
            case _:
                return Verdict.allow()

    notes: list[object] = []
    async with open_kernel(policies=[FixedPolicy(explode)]) as kernel:
        handle = await kernel.execute(request(agent_with_a_note(notes)))
        await handle.result()
    assert notes == []


async def test_rewritten_arguments_are_the_ones_that_run() -> None:
    def answer(question: Question) -> Verdict:
        if isinstance(question, ToolQuestion):
            return Verdict.rewrite({"line": 99})
        return Verdict.allow()

    notes: list[object] = []
    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        handle = await kernel.execute(request(agent_with_a_note(notes)))
        events = await all_events(handle)

    assert notes == [{"line": 99}]
    started = next(event.data for event in events if event.type == "tool.start")
    assert (started.proposed, started.effective) == ({"line": 0}, {"line": 99})


async def test_a_model_that_keeps_asking_for_what_is_denied_is_stopped() -> None:
    notes: list[object] = []
    async with open_kernel(policies=[on_tools(Verdict.deny("never"))]) as kernel:
        agent = agent_with_a_note(notes, times=MAX_DENIALS + 5)
        handle = await kernel.execute(request(agent))
        result = await handle.result()
        events = await all_events(handle)

    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "policy_denied"
    assert types(events).count("tool.denied") == MAX_DENIALS


async def test_a_denied_model_is_never_asked() -> None:
    def answer(question: Question) -> Verdict:
        if isinstance(question, ModelQuestion):
            return Verdict.deny("not that one")
        return Verdict.allow()

    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        handle = await kernel.execute(request())
        result = await handle.result()
        events = await all_events(handle)

    assert result.error is not None
    assert result.error.message == "policy does not allow the model toy-1: not that one"
    assert "model.started" not in types(events)


async def test_a_run_that_policy_forbids_makes_no_job() -> None:
    def answer(question: Question) -> Verdict:
        return (
            Verdict.deny("office hours only")
            if isinstance(question, RunQuestion)
            else Verdict.allow()
        )

    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        with pytest.raises(PolicyDenied, match="office hours only"):
            await kernel.execute(request())
        assert (await kernel.jobs()).items == ()


async def test_what_acts_without_asking_is_refused_unless_policy_allows_it_by_name() -> None:
    agent = Stepwise(
        turns=(Turn(text="Found."),),
        ungated=(ToolInfo(name="web_search", kind=ToolKind.HOSTED),),
    )
    async with open_kernel() as kernel:
        with pytest.raises(PolicyDenied, match="web_search"):
            await kernel.execute(request(agent))

    async with open_kernel(policies=[on_tools(Verdict.allow())]) as kernel:
        result = await (await kernel.execute(request(agent))).result()
    assert result.status is JobStatus.SUCCEEDED


async def test_policy_sees_how_far_the_run_is() -> None:
    seen: list[tuple[int, int, int]] = []

    def answer(question: Question) -> Verdict:
        if isinstance(question, ToolQuestion):
            counters = question.counters
            seen.append((counters.turns, counters.tool_calls, counters.usage.total_tokens))
        return Verdict.allow()

    async with open_kernel(policies=[FixedPolicy(answer)]) as kernel:
        await (await kernel.execute(request(agent_with_a_note([], times=3)))).result()
    assert seen == [(1, 0, 15), (2, 1, 30), (3, 2, 45)]


class Greedy(StepwiseRuntime):
    """Makes two calls on one grant."""

    def __init__(self, tool: ToolSpec) -> None:
        self._tool = tool

    async def run(self, _prepared: object, run: Run, /) -> Finished:
        async with run.gate.model_call(ModelRequest(digest="d", model="m")) as call:
            call.complete(b"", Usage(requests=1))
        note = ToolCall(call_id="c", tool="note", message=call.message)
        decision = await run.gate.authorize(note)
        assert decision.grant is not None
        await run.gate.call(note, decision.grant, self._tool.run)
        await run.gate.call(note, decision.grant, self._tool.run)
        return Finished(content="twice")


async def test_a_grant_is_used_once() -> None:
    notes: list[object] = []
    plugins = registry(Greedy(ToolSpec(run=noting(notes))))
    async with open_kernel(registry=plugins) as kernel:
        result = await (await kernel.execute(request())).result()
    assert len(notes) == 1
    assert result.error is not None
    assert result.error.code == "conflict"


class Escaping(StepwiseRuntime):
    """Ends its run, and leaves the gate and an allowed call to whoever comes after it."""

    def __init__(self) -> None:
        self.gate: Gate | None = None
        self.allowed: Grant | None = None

    async def run(self, _prepared: object, run: Run, /) -> Finished:
        self.gate = run.gate
        async with run.gate.model_call(ModelRequest(digest="d", model="m")) as call:
            call.complete(b"", Usage(requests=1))
        self.allowed = (await run.gate.authorize(LATE)).grant
        return Finished(content="gone")


LATE = ToolCall(call_id="c", tool="note", message=0)


async def test_nothing_acts_for_a_run_that_is_over() -> None:
    notes: list[object] = []
    runtime = Escaping()
    async with open_kernel(registry=registry(runtime)) as kernel:
        handle = await kernel.execute(request())
        await handle.result()
        gate, allowed = runtime.gate, runtime.allowed
        assert gate is not None
        assert allowed is not None
        with pytest.raises(RuntimeFailure, match="is over"):
            await gate.call(LATE, allowed, noting(notes))
        with pytest.raises(RuntimeFailure, match="is over"):
            await gate.authorize(LATE)
        with pytest.raises(RuntimeFailure, match="is over"):
            async with gate.model_call(ModelRequest(digest="e", model="m")):
                notes.append("asked")
    assert notes == []


async def test_two_calls_with_one_id_in_different_messages_are_different_calls() -> None:
    notes: list[object] = []
    agent = Stepwise(
        turns=(
            Turn(calls=(Call(tool="note", arguments=1, call_id="same"),)),
            Turn(calls=(Call(tool="note", arguments=2, call_id="same"),)),
            Turn(text="Done."),
        ),
        tools={"note": ToolSpec(run=noting(notes))},
    )
    async with open_kernel() as kernel:
        await (await kernel.execute(request(agent))).result()
    assert notes == [1, 2]


async def test_fifty_parallel_tools_each_run_once() -> None:
    notes: list[object] = []
    agent = Stepwise(
        turns=(
            Turn(calls=tuple(Call(tool="note", arguments=n, call_id=f"c{n}") for n in range(50))),
            Turn(text="Done."),
        ),
        tools={"note": ToolSpec(run=noting(notes))},
    )
    with anyio.fail_after(20):
        async with open_kernel() as kernel:
            await (await kernel.execute(request(agent))).result()
    assert sorted(notes, key=str) == sorted(range(50), key=str)


async def test_the_strictest_of_several_policies_wins() -> None:
    allow = FixedPolicy(lambda _question: Verdict(outcome=Outcome.ALLOW))
    deny = on_tools(Verdict.deny("no"))
    deny.name = "strict"
    notes: list[object] = []
    for order in ([allow, deny], [deny, allow]):
        async with open_kernel(policies=order) as kernel:
            await (await kernel.execute(request(agent_with_a_note(notes)))).result()
    assert notes == []
