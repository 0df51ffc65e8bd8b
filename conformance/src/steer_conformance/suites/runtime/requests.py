"""Checks: each request of a model passes the gate, and costs what the provider counted."""

from __future__ import annotations

from hypothesis import strategies as st
from steer.errors import ProviderError
from steer.values import Usage

from steer_conformance.checks import check
from steer_conformance.provider import Drop, Failure, ToolCall, Turn
from steer_conformance.provider import Usage as Spent
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.gate import BareGate
from steer_conformance.suites.runtime.props import Props, answering, calling, leaves

_GRANTED = 137
_CHEAPER = "cheaper-1"

_SPENT = st.builds(
    lambda cached, fresh, thought, said: Spent(
        input_tokens=cached + fresh,
        output_tokens=thought + said,
        cached_tokens=cached,
        reasoning_tokens=thought,
    ),
    st.integers(0, 10_000),
    st.integers(1, 10_000),
    st.integers(0, 10_000),
    st.integers(1, 10_000),
)


@check("RT-5", requires=("model_gate", "tools"))
async def each_request_passes_the_gate_once(case: RuntimeCase) -> None:
    props = Props()
    async with case.stage(calling("look", "here"), answering("Red.")) as stage:
        _, run = await stage.run(stage.agent(tools=[props.look()]))
        asked = len(stage.provider.requests)
    assert asked == len(run.gate.sent) == len(run.gate.usages) == 2
    assert len({request.digest for request in run.gate.sent}) == 2, "two questions, one digest"


@check("RT-5", requires="model_gate")
async def a_request_that_fails_is_not_repeated_past_the_gate(case: RuntimeCase) -> None:
    async with case.stage(Failure(500), used_up=False) as stage:
        _, run = await stage.failure()
        asked = len(stage.provider.requests)
    assert asked == len(run.gate.sent) == 1, f"{asked} requests, {len(run.gate.sent)} admitted"
    assert len(run.gate.failures) == 1
    assert run.gate.usages == []


@check("RT-57", requires="retries")
async def a_request_is_made_again_by_the_gates_leave(case: RuntimeCase) -> None:
    failing = Turn("Half of it", Drop(after=2), chunk_size=2)
    async with case.stage(Failure(503), failing, answering("Hello.")) as stage:
        finished, run = await stage.run(gate=BareGate(retries=2))
        bodies = {request.raw for request in stage.provider.requests}
    assert finished.content == "Hello."
    assert len(run.gate.sent) == 3, f"{len(run.gate.sent)} requests were admitted"
    assert len(bodies) == len({request.digest for request in run.gate.sent}) == 1
    assert len(run.gate.failures) == 2
    assert len(run.gate.usages) == 1


@check("RT-57", requires="retries")
async def no_request_is_made_again_once_the_gate_says_no(case: RuntimeCase) -> None:
    async with case.stage(Failure(503), Failure(503), Failure(503), used_up=False) as stage:
        error, run = await stage.failure(gate=BareGate(retries=1))
        asked = len(stage.provider.requests)
    assert isinstance(error, ProviderError), repr(error)
    assert asked == len(run.gate.sent) == len(run.gate.failures) == 2


@check("RT-21", requires="usage=provider", seconds=300)
def usage_is_the_providers_count(case: RuntimeCase) -> None:
    @case.profile.for_all(st.lists(_SPENT, min_size=1, max_size=3))
    def law(spent: list[Spent]) -> None:
        case.run(_spends(case, spent))


async def _spends(case: RuntimeCase, spent: list[Spent]) -> None:
    tooled = case.capabilities.tools
    *before, last = spent if tooled else spent[-1:]
    turns = [
        Turn(ToolCall("look", {"at": "it"}, id=f"c{number}"), usage=each)
        for number, each in enumerate(before)
    ]
    async with case.stage(*turns, Turn("Red.", usage=last)) as stage:
        agent = stage.agent(tools=[Props().look()] if tooled else [])
        result, _ = await stage.job(agent)
        bill = stage.provider.bill.total
    assert result.usage == Usage(
        requests=len(before) + 1,
        input_tokens=bill.input_tokens,
        output_tokens=bill.output_tokens,
        cached_tokens=bill.cached_tokens,
        reasoning_tokens=bill.reasoning_tokens,
    )


@check("RT-22", requires="model_gate")
async def an_answer_is_held_to_what_was_granted(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello.")) as stage:
        await stage.run(gate=BareGate(granted=_GRANTED))
        said = leaves(stage.provider.requests[0].body)
    assert _GRANTED in said.values(), "nothing in the request says how much may be answered"


@check("RT-67", requires="model_substitution")
async def a_request_goes_to_the_model_that_the_gate_names(case: RuntimeCase) -> None:
    async with case.stage(answering("Hello."), answering("Hello.")) as stage:
        plain, other = BareGate(), BareGate(model=_CHEAPER)
        await stage.run(gate=plain)
        await stage.run(gate=other)
        first, second = stage.provider.requests
    assert _CHEAPER in leaves(second.body).values(), "it asked the author's model all the same"
    assert _CHEAPER not in leaves(first.body).values()
    assert [request.digest for request in other.requests] == [
        request.digest for request in plain.requests
    ], "a replay would not know the request again"
