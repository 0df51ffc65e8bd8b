"""However a run on the real CLI ends: the result is what the events say, and nobody else speaks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from asking_models import setting
from governed import check_history, events_of, open_kernel, told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from steer import BudgetSpec, ExecutionRequest, RetrySpec
from steer.agents import Agent, tool
from steer.errors import ErrorCategory, ProviderError
from steer.events import Event, ModelRetracted
from steer.ports.policy import Outcome, Question, ToolQuestion, Verdict
from steer.values import JobStatus, RunResult
from steer_conformance.provider import (
    MESSAGES,
    Drop,
    Failure,
    Garbage,
    Hold,
    Provider,
    Reply,
    Request,
    Rule,
    Script,
    StreamError,
    ToolCall,
    Truncate,
    Turn,
    render,
)
from steer_conformance.suites.runtime.surroundings import Surroundings

pytestmark = pytest.mark.anyio

CALL = ToolCall("look", {"at": "home and away"}, id="c1")
GOOD = Turn("I look.", CALL, chunk_size=4)
WHOLE = len(render(GOOD, MESSAGES, stream=True))

BROKEN: Mapping[str, Reply] = {
    "at the start": Turn("I look.", CALL, Drop()),
    "in the text": Turn("I look.", CALL, Drop(after=1), chunk_size=4),
    "in the arguments": Turn("I look.", CALL, Drop(after=4), chunk_size=4),
    "before the end": Turn("I look.", CALL, Truncate(after_bytes=WHOLE - 20), chunk_size=4),
    "garbage": Turn("I look.", CALL, Garbage(after=3), chunk_size=4),
    "an error": Turn("I look.", CALL, StreamError(Failure(529), after=3), chunk_size=4),
    "429": Failure(429, retry_after=0),
    "500": Failure(500),
}
AT_ONCE = ["in the arguments", "before the end", "429"]
"""What is tried each time; the rest is for the full matrix."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What a run came to."""

    result: RunResult
    events: list[Event]
    requests: int
    looked: int

    def check(self) -> None:
        check_history(self.result, self.events)
        # That is how the CLI begins what it says of a request that failed.
        assert "API Error" not in f"{self.events} {self.result}"


class NoTools:
    """Allows everything but tools."""

    name = "no-tools"
    version = "1"

    def evaluate(self, question: Question, /) -> Verdict | None:
        denied = isinstance(question, ToolQuestion)
        return Verdict(outcome=Outcome.DENY if denied else Outcome.ALLOW, reason="no tools")


class Endings:
    """Runs of one agent; the first word of a prompt says what the model answers."""

    def __init__(self) -> None:
        self.looked: Counter[str] = Counter()

    def agent(self, name: str) -> Agent:
        @tool
        def look(at: str) -> str:
            """Look at something."""
            self.looked[name] += 1
            return f"saw {at}"

        return Agent(name=name, model="claude-sonnet-5", tools=[look], runtime="claude-code")

    async def all(
        self,
        replies: Mapping[str, Sequence[Reply]],
        *,
        cancel_at: str | None = None,
        policies: list[Any] | None = None,
        **fields: Any,
    ) -> dict[str, Ending]:
        """Run each of these side by side, to its end, or cancel it at its first such event."""
        kernel_fields = {} if policies is None else {"policies": policies}
        asked: Counter[str] = Counter()

        def answer(request: Request) -> Reply:
            name = next(each.text for each in request.messages if each.role == "user")
            asked[name] += 1
            given = replies[name]
            return given[min(asked[name], len(given)) - 1]

        before = Surroundings.now()
        with Provider(Script(rules=[Rule(lambda _: True, answer)])) as provider:
            async with open_kernel(provider.anthropic_base_url, **kernel_fields) as kernel:

                async def one(name: str) -> Ending:
                    request = ExecutionRequest(agent=self.agent(name), prompt=name, **fields)
                    handle = await kernel.execute(request)
                    async for event in handle.events():
                        if event.type == cancel_at:
                            await handle.cancel()
                            break
                    result, events = await handle.result(), await events_of(handle)
                    return Ending(
                        result=result,
                        events=events,
                        requests=asked[name],
                        looked=self.looked[name],
                    )

                ended = await asyncio.gather(*map(one, replies))
                assert Surroundings.now().children == before.children
        for ending in ended:
            ending.check()
        return dict(zip(replies, ended, strict=True))


@pytest.mark.parametrize(
    "names", [AT_ONCE, pytest.param(list(BROKEN), marks=pytest.mark.long)], ids=["some", "all"]
)
async def test_an_answer_that_breaks_off_is_asked_for_again_and_leaves_nothing(
    names: list[str],
) -> None:
    again = RetrySpec(max_retries=1, first_wait_seconds=0)
    replies = {name: [BROKEN[name], GOOD, Turn("Seen.")] for name in names}
    for name, ending in (await Endings().all(replies, retries=again)).items():
        assert ending.result.error is None, name
        assert ending.result.content == "Seen.", name
        assert (ending.requests, ending.looked) == (3, 1), name
        assert ending.result.tools_invoked == 1, name


@pytest.mark.parametrize(
    "names", [AT_ONCE, pytest.param(list(BROKEN), marks=pytest.mark.long)], ids=["some", "all"]
)
async def test_an_answer_that_breaks_off_for_good_is_one_error_and_no_tool_runs(
    names: list[str],
) -> None:
    never = RetrySpec(max_retries=0)
    for name, ending in (
        await Endings().all({name: [BROKEN[name]] for name in names}, retries=never)
    ).items():
        assert ending.result.status is JobStatus.FAILED, name
        assert ending.result.error is not None
        assert ending.result.error.code == "provider", name
        assert ending.result.error.category is not ErrorCategory.UNKNOWN, name
        assert [event.type for event in ending.events].count("final.error") == 1
        assert (ending.requests, ending.looked) == (1, 0), name
        assert len(told(ending.events, ModelRetracted)) == 1, name
        # What had been said for good before it broke off is kept.
        assert ending.result.content in {"", "I look."}, name


async def test_a_limit_a_denial_a_cancellation_and_a_time_out_are_each_one_ending() -> None:
    on_and_on = [Turn("I look.", ToolCall("look", {"at": "x"}))]
    turns = (await Endings().all({"turns": on_and_on}, budgets=BudgetSpec(max_turns=2)))["turns"]
    assert (turns.result.status, turns.requests) == (JobStatus.FAILED, 2)
    assert turns.result.error is not None
    assert turns.result.error.code == "budget_exceeded"

    endings = Endings()
    denied = (await endings.all({"no": on_and_on}, policies=[NoTools()]))["no"]
    assert (denied.result.status, denied.looked) == (JobStatus.FAILED, 0)
    assert denied.result.error is not None
    assert denied.result.error.code == "policy_denied"

    waits = [Turn("I think.", Hold("thinking", after=1), chunk_size=4)]
    late = (await Endings().all({"late": waits}, budgets=BudgetSpec(max_runtime_seconds=1)))["late"]
    assert late.result.status is JobStatus.TIMED_OUT
    cancelled = (await Endings().all({"stop": waits}, cancel_at="model.token"))["stop"]
    assert (cancelled.result.status, cancelled.requests) == (JobStatus.CANCELLED, 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(at=st.integers(0, WHOLE - 1))
def test_an_answer_may_be_cut_at_any_byte_and_never_counts_as_whole(at: int) -> None:
    async def cut() -> None:
        async with setting(Turn("I look.", CALL, Truncate(after_bytes=at), chunk_size=4)) as s:
            assert (await s.ask()).status_code == 400
            ((error, _, _),) = s.run.gate.failures
            assert isinstance(error, ProviderError)
            assert error.category is ErrorCategory.NETWORK
            assert s.active.calls.find("c1") is None

    asyncio.run(cut())
