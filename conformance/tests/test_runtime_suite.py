"""The suite of runtimes itself: its gate notices what breaks the rules, its reference does not."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import fields, replace

import pytest
import runtime_mutant
from runtime_reference import ReferenceRuntime, connect, reference
from runtime_reference_prepared import ReferencePrepared
from steer.errors import BudgetExceeded, ConfigError, SteerError
from steer.events import AgentDone, AgentStarted, ModelBlockDone, ModelToken
from steer.ports.gate import Decision, EffectRun, GateOutcome, ModelRequest, Sent, ToolCall
from steer.ports.options import PrepareOptions
from steer.ports.policy import ToolKind
from steer.ports.records import Grant
from steer.ports.runtime import Finished, Suspended
from steer.values import Effect, JsonValue, Usage
from steer_conformance import run, runtime_checks
from steer_conformance.checks import Subject
from steer_conformance.contract import CLAUSES
from steer_conformance.suites.runtime import BareGate, BareRun, RuntimeSetup
from steer_conformance.suites.runtime.case import RuntimeCase, runtime_case
from steer_conformance.suites.runtime.options import PROVED_ELSEWHERE, VALUES, claimable_options
from steer_conformance.suites.runtime.surroundings import Surroundings

test_the_reference = runtime_checks(
    runtime_mutant.REFERENCE.plugin, runtime_mutant.REFERENCE.factory
)

SUBJECT = Subject(plugin=runtime_mutant.REFERENCE.plugin, factory=runtime_mutant.REFERENCE.factory)
CALL = ToolCall(call_id="c1", tool="look", message=0, arguments={"at": "here"})
REQUEST = ModelRequest(digest="d", model="m")


async def nothing(_run: EffectRun) -> JsonValue:
    return "done"


async def allowed(gate: BareGate, call: ToolCall = CALL) -> Grant:
    decision = await gate.authorize(call)
    assert decision.grant is not None
    return decision.grant


@pytest.mark.anyio
async def test_the_gate_notices_a_call_that_is_asked_for_twice() -> None:
    gate = BareGate()
    await gate.authorize(CALL)
    await gate.authorize(CALL)
    assert gate.complaints == ["RT-11: it asked for the call 0/c1 of look twice"]


@pytest.mark.anyio
async def test_the_gate_notices_a_grant_that_is_used_twice_or_for_another_call() -> None:
    gate = BareGate()
    grant = await allowed(gate)
    await gate.call(replace(CALL, arguments={"at": "elsewhere"}), grant, nothing)
    with pytest.raises(SteerError):
        await gate.call(CALL, grant, nothing)
    assert [each[:5] for each in gate.complaints] == ["RT-12", "RT-12"]
    assert len(gate.ran) == 1


@pytest.mark.anyio
async def test_the_gate_notices_a_call_of_a_message_that_nobody_asked_for() -> None:
    gate = BareGate()
    async with gate.model_call(REQUEST) as call:
        call.complete(b"", Usage(requests=1))
    await gate.authorize(CALL)
    await gate.authorize(replace(CALL, call_id="c2", message=1))
    await gate.authorize(replace(CALL, call_id="c3", path=("nobody",)))
    assert [each[:5] for each in gate.complaints] == ["RT-11", "RT-11", "RT-11"]
    assert "message 1" in gate.complaints[0]
    assert "message 0 on ('nobody',)" in gate.complaints[1]
    assert "inside nobody" in gate.complaints[2]


@pytest.mark.anyio
async def test_the_gate_notices_a_request_that_ends_twice_or_outside_of_its_context() -> None:
    gate = BareGate()
    async with gate.model_call(REQUEST) as call:
        call.complete(b"", None)
        call.fail(SteerError("late"), sent=Sent.UNKNOWN)
    async with gate.model_call(REQUEST) as other:
        pass
    other.complete(b"", None)
    assert [each[:4] for each in gate.complaints] == ["RT-5", "RT-5"]
    assert gate.usages == [None]


@pytest.mark.anyio
async def test_a_stop_is_the_answer_to_all_that_follows() -> None:
    stop = BudgetExceeded("max_turns", "enough")

    def verdict(_call: ToolCall) -> Decision:
        raise stop

    gate = BareGate(verdict=verdict)
    with pytest.raises(BudgetExceeded):
        await gate.authorize(CALL)
    with pytest.raises(BudgetExceeded) as again:
        async with gate.model_call(REQUEST):
            pytest.fail("it was admitted")
    assert again.value is stop


def suspending(*call_ids: str) -> BareGate:
    """A gate that suspends these calls."""
    answer = Decision(outcome=GateOutcome.SUSPEND)
    return BareGate(verdict=lambda call: answer if call.call_id in call_ids else None)


@pytest.mark.anyio
async def test_once_a_call_is_suspended_all_are_and_no_model_is_asked() -> None:
    gate = suspending("c1")
    grant = await allowed(gate, replace(CALL, call_id="c0"))
    for call_id in ("c1", "c2"):
        decision = await gate.authorize(replace(CALL, call_id=call_id))
        assert decision.outcome is GateOutcome.SUSPEND
    with pytest.raises(SteerError, match="to be parked"):
        async with gate.model_call(REQUEST):
            pass
    assert gate.complaints == []
    await gate.call(replace(CALL, call_id="c0"), grant, nothing)
    assert gate.complaints == ["RT-43: it began look (0/c0) although it was suspended"]


@pytest.mark.anyio
async def test_what_is_inside_of_a_running_effect_is_answered_as_ever() -> None:
    gate = suspending("c2")
    inside = replace(CALL, call_id="c3", path=("c1",))

    async def effect(_run: EffectRun) -> JsonValue:
        await gate.authorize(replace(CALL, call_id="c2"))
        async with gate.model_call(replace(REQUEST, path=("c1",))) as request:
            request.complete(b"{}", None)
        outcome = await gate.call(inside, await allowed(gate, inside), nothing)
        return outcome.value

    outcome = await gate.call(CALL, await allowed(gate), effect)
    assert outcome.value == "done"
    assert gate.complaints == []


@pytest.mark.anyio
async def test_the_gate_notices_what_is_cut_short_or_left_running_by_a_run_that_parks() -> None:
    gate = suspending("c2")
    began = asyncio.Event()

    async def effect(_run: EffectRun) -> JsonValue:
        began.set()
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(gate.call(CALL, await allowed(gate), effect))
    await began.wait()
    await gate.authorize(replace(CALL, call_id="c2"))
    gate.returned(Suspended())
    gate.returned(Finished(content="All is said."))
    task.cancel()
    await asyncio.wait({task})
    left, result, left_again, cut = gate.complaints
    assert left == left_again == "RT-63: it returned while look (0/c1) was still running"
    assert result.startswith("RT-43: it came to Finished(content='All is said.'")
    assert cut == "RT-63: it cut look (0/c1) short to be parked"


@pytest.mark.anyio
async def test_the_gate_notices_a_request_that_is_cut_short_and_a_run_that_parks_unasked() -> None:
    gate = suspending("c1")
    with suppress(RuntimeError):
        async with gate.model_call(REQUEST):
            await gate.authorize(CALL)
            raise RuntimeError
    assert gate.complaints == ["RT-63: it cut the request c1 short to be parked"]
    unasked = BareGate()
    unasked.returned(Suspended())
    assert unasked.complaints == ["RT-43: it returned Suspended, and no call of it was suspended"]


@pytest.mark.anyio
async def test_an_agent_that_is_left_while_a_call_of_it_waits_has_no_outcome() -> None:
    class Left(BaseException):
        pass

    async def effect(_run: EffectRun) -> JsonValue:
        raise Left

    gate = BareGate()
    agent = replace(CALL, kind=ToolKind.AGENT, effect=Effect.NONE)
    with pytest.raises(Left):
        await gate.call(agent, await allowed(gate, agent), effect)
    again = BareGate(gate.records.until())
    assert gate.records.effects == {}
    outcome = await again.call(agent, await allowed(again, agent), nothing)
    assert outcome.value == "done"


@pytest.mark.anyio
async def test_what_is_recorded_is_allowed_unasked_and_not_run() -> None:
    first = BareGate()
    await first.call(CALL, await allowed(first), nothing)
    second = BareGate(
        first.records.until(), verdict=lambda _call: Decision(outcome=GateOutcome.DENY)
    )
    outcome = await second.call(CALL, await allowed(second), nothing)
    assert (outcome.value, outcome.replayed) == ("done", True)
    assert second.ran == []


@pytest.mark.anyio
async def test_a_failed_request_may_be_made_again_as_often_as_the_gate_allows() -> None:
    gate = BareGate(retries=1)
    answers = []
    for _ in range(2):
        async with gate.model_call(REQUEST) as call:
            answers.append(await call.retry(SteerError("busy"), sent=Sent.REJECTED))
    assert answers == [True, False]
    assert len(gate.failures) == 2


@pytest.mark.anyio
async def test_events_out_of_their_place_are_noticed() -> None:
    run = BareRun(gate=BareGate())
    run.emit(ModelToken(call="c9", part=0, offset=0, text="Hm"))
    run.emit(AgentStarted(name="a"))
    async with run.gate.model_call(REQUEST) as call:
        run.emit(ModelToken(call=call.id, part=0, offset=1, text="Hm"))
        run.emit(ModelBlockDone(call=call.id, part=0, kind="reasoning"))
        run.emit(ModelBlockDone(call=call.id, part=0, kind="text"))
        call.complete(b"", None)
        run.emit(ModelToken(call=call.id, part=1, offset=0, text="Hm"))
    run.emit(AgentDone(name="b"))
    run.gate.narration.ends()
    run.emit(AgentDone(name="a"))
    complaints = "\n".join(run.gate.complaints)
    for wrong in (
        "a request the gate never saw",
        "before any agent.started",
        "begins at character 1, but 0 were told",
        "was ModelToken, not reasoning",
        "two model.block_done of part 0",
        "after its request was completed",
        "'b', which never started",
        "after the run had ended",
    ):
        assert wrong in complaints
    assert len(run.gate.complaints) == 8


@pytest.mark.anyio
async def test_what_a_run_leaves_is_seen() -> None:
    before = Surroundings.now()
    before.check("At first")
    let_go = threading.Event()
    thread = threading.Thread(target=let_go.wait, name="left behind")
    thread.start()
    task = asyncio.create_task(asyncio.sleep(60), name="forgotten")
    with pytest.raises(AssertionError, match=r"(?s)forgotten.*thread left behind"):
        before.check("Then")
    let_go.set()
    thread.join()
    task.cancel()
    await asyncio.wait({task})
    before.check("At last")


def test_an_unknown_dialect_has_to_say_what_is_strange_there() -> None:
    setup = RuntimeSetup.of(lambda url: {"base_url": url})
    assert b"zyzzyva" in setup.strange_event("chat")
    with pytest.raises(AssertionError, match="give one in RuntimeSetup"):
        setup.strange_event("acme")


@pytest.mark.anyio
async def test_each_run_that_begins_on_a_stage_has_its_patience_anew() -> None:
    with runtime_case(SUBJECT) as case:
        async with case.stage() as stage:
            before = stage.bound.when()
            stage.begin()
            after = stage.bound.when()
    assert before is not None
    assert after is not None
    assert after > before


@pytest.mark.anyio
async def test_a_stage_that_swallows_the_end_of_its_patience_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("steer_conformance.suites.runtime.case.PATIENCE", 0.05)

    async def swallow(case: RuntimeCase) -> None:
        async with case.stage():
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    with runtime_case(SUBJECT) as case, pytest.raises(AssertionError, match="did not go on"):
        await swallow(case)


class TakesASeedWithOneModel(ReferenceRuntime):
    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        prepared = super().prepare(agent, options)
        takes_it = prepared.model == "seeded-1"
        if options.seed is not None and not takes_it:
            raise ConfigError("this model takes no seed")
        return replace(prepared, capabilities=replace(prepared.capabilities, seed=takes_it))


def test_an_option_that_one_model_takes_is_tried_on_the_model_that_the_setup_names() -> None:
    plugin = reference(TakesASeedWithOneModel)
    unnamed = run(plugin, RuntimeSetup(connect=connect), select="RT-50")
    assert "name one that does in RuntimeSetup(models={'seed': ...})" in unnamed.failures[0].message
    named = RuntimeSetup(connect=connect, models={"seed": "seeded-1"})
    assert run(plugin, named, select="RT-50").ok
    with pytest.raises(ConfigError, match="names sed, which is no option"):
        RuntimeSetup(connect=connect, models={"sed": "seeded-1"})


def test_no_option_is_without_a_clause() -> None:
    options = {each.name for each in fields(PrepareOptions)}
    assert set(claimable_options()) | PROVED_ELSEWHERE.keys() == options
    assert set(claimable_options()) == VALUES.keys(), "a value for each is tried"
    assert set(PROVED_ELSEWHERE.values()) <= CLAUSES.keys()
