from __future__ import annotations

from pathlib import Path

import pytest
from kernels import Moment, all_events, noting, open_kernel, request, texts, types
from steer.errors import ConfigError, ErrorCategory, NotFound
from steer.events import JobCompleted
from steer.fold import Fold
from steer.ports.runtime import Finished, Run
from steer.values import JobStatus, Usage
from stepwise import Call, Stepwise, StepwiseRuntime, ToolSpec, Turn, registry

pytestmark = pytest.mark.anyio


def counting_agent(notes: list[object]) -> Stepwise:
    return Stepwise(
        turns=(
            Turn(text="Let me see.", calls=(Call(tool="note", arguments={"line": 1}),)),
            Turn(text="Done."),
        ),
        tools={"note": ToolSpec(run=noting(notes))},
    )


async def test_a_run_streams_calls_its_tool_and_ends_with_its_result() -> None:
    notes: list[object] = []
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(counting_agent(notes)))
        events = await all_events(handle)
        result = await handle.result()

    assert notes == [{"line": 1}]
    assert types(events) == [
        "job.started",
        "agent.started",
        "model.started",
        "model.token",
        "model.block_done",
        "usage",
        "model.done",
        "policy.decided",
        "tool.start",
        "tool.end",
        "model.started",
        "model.token",
        "model.block_done",
        "usage",
        "model.done",
        "agent.done",
        "final.result",
        "job.completed",
    ]
    assert result.status is JobStatus.SUCCEEDED
    assert (result.content, result.turns, result.tools_invoked) == ("Done.", 2, 1)
    assert result.usage == Usage(requests=2, input_tokens=20, output_tokens=10)
    assert (result.agent, result.model, result.runtime) == ("stepwise", "toy-1", "stepwise")


async def test_the_result_is_the_fold_of_the_events() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(counting_agent([])))
        live = await all_events(handle)
        journaled = await all_events(handle, live=False)
        result = await handle.result()

    for events in (live, journaled):
        fold = Fold(job_id=result.job_id, scope_id=result.scope_id, run_id=result.run_id)
        for event in events:
            fold.add(event)
        assert fold.result() == result


async def test_numbers_are_contiguous_and_nothing_follows_the_terminal_event() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(counting_agent([])))
        await handle.result()
        events = await all_events(handle)

    numbers = [event.seq for event in events if event.seq is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [event.terminal for event in events].count(True) == 1
    assert events[-1].terminal


async def test_the_job_row_says_what_ran_and_how_it_ended() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(metadata={"ticket": 7}, tags=("night",)))
        result = await handle.result()
        job = await handle.job()

    assert job.result == result
    assert (job.status, job.attempt, job.owner) == (JobStatus.SUCCEEDED, 1, None)
    assert (job.metadata, job.tags, job.policy) == ({"ticket": 7}, ("night",), "author-declared@1")


async def test_parallel_tools_share_one_commit_before_they_run() -> None:
    notes: list[object] = []
    agent = Stepwise(
        turns=(
            Turn(calls=tuple(Call(tool="note", arguments=n, call_id=f"c{n}") for n in range(5))),
            Turn(text="Done."),
        ),
        tools={"note": ToolSpec(run=noting(notes))},
    )
    async with open_kernel() as kernel:
        await (await kernel.execute(request(agent))).result()

    assert sorted(map(str, notes)) == ["0", "1", "2", "3", "4"]


async def test_a_run_with_two_turns_and_a_tool_waits_for_three_commits() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(counting_agent([])))
        running = handle._running
        assert running is not None
        await handle.result()

    # Admission is the third.
    assert running.state.committer.awaited + 1 == 3


async def test_what_the_agent_raises_ends_the_job_as_failed_with_its_name() -> None:
    async def explode(_moment: str) -> None:
        raise ZeroDivisionError("no halves")

    agent = Stepwise(turns=(Turn(text="Hi"),), reach=explode)
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        result = await handle.result()
        events = await all_events(handle)

    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.message == "the agent raised ZeroDivisionError: no halves"
    assert types(events)[-2:] == ["final.error", "job.failed"]


async def test_a_tool_that_fails_is_told_to_the_model_and_the_run_goes_on() -> None:
    async def broken(_run: object) -> None:
        raise ValueError("no such order")

    agent = Stepwise(
        turns=(Turn(calls=(Call(tool="broken"),)), Turn(text="Sorry.")),
        tools={"broken": ToolSpec(run=broken)},
    )
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        result = await handle.result()
        errors = [event.data for event in await all_events(handle) if event.type == "tool.error"]

    assert result.content == "Sorry."
    assert [(error.origin, error.error.message) for error in errors] == [
        ("tool", "ValueError: no such order")
    ]


async def test_a_tool_that_is_too_late_is_recorded_as_timed_out() -> None:
    async def slow(_run: object) -> None:
        raise TimeoutError

    agent = Stepwise(
        turns=(Turn(calls=(Call(tool="slow"),)), Turn(text="Later.")),
        tools={"slow": ToolSpec(run=slow)},
    )
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        await handle.result()
        errors = [event.data for event in await all_events(handle) if event.type == "tool.error"]

    assert errors[0].error.category is ErrorCategory.TIMEOUT


async def test_usage_that_the_provider_does_not_report_is_estimated_and_says_so() -> None:
    agent = Stepwise(turns=(Turn(text="Hi", usage=None),), input_bound=40)
    async with open_kernel() as kernel:
        result = await (await kernel.execute(request(agent))).result()

    assert result.usage == Usage(requests=1, input_tokens=40, output_tokens=0, estimated=True)


async def test_a_request_needs_exactly_one_kind_of_input() -> None:
    with pytest.raises(ConfigError, match="either a prompt or messages"):
        request(prompt=None)


async def test_a_closed_kernel_says_that_it_is_closed() -> None:
    async with open_kernel() as kernel:
        pass
    with pytest.raises(ConfigError, match="not open"):
        await kernel.execute(request())


async def test_attaching_to_no_job_is_an_error() -> None:
    async with open_kernel() as kernel:
        with pytest.raises(NotFound):
            await kernel.attach("nope")


class Boastful(StepwiseRuntime):
    """Says itself that the job is complete."""

    async def run(self, _prepared: object, run: Run, /) -> Finished:
        run.emit(JobCompleted(elapsed_ms=0))  # type: ignore[arg-type]  # that is the point
        raise AssertionError


async def test_a_runtime_cannot_emit_what_only_the_kernel_may() -> None:
    async with open_kernel(registry=registry(Boastful())) as kernel:
        result = await (await kernel.execute(request())).result()
    assert result.error is not None
    assert result.error.message == "stepwise: a runtime may not emit job.completed"


async def test_texts_of_a_reader_are_the_result() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(Stepwise(turns=(Turn(text="One two three."),))))
        assert texts(await all_events(handle)) == (await handle.result()).content


async def test_what_a_slow_model_says_is_journaled_before_it_has_finished() -> None:
    place = Moment("token:0:3")
    agent = Stepwise(turns=(Turn(text="Hello."),), reach=place)
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        await place.arrive()
        seen = ""
        async for event in (await kernel.attach(handle.job_id)).events(live=False):
            seen += texts([event])
            if seen:
                break
        place.go.set()
        result = await handle.result()
    assert seen == "Hell"
    assert result.content == "Hello."


async def test_half_an_emoji_from_a_tool_or_a_model_ends_no_job(tmp_path: Path) -> None:
    async def half(_run: object) -> str:
        return "\ud83d"

    agent = Stepwise(
        turns=(Turn(text="\ud83d!", calls=(Call(tool="half"),)), Turn(text="\ud83d?")),
        tools={"half": ToolSpec(run=half)},
    )
    async with open_kernel(storage=f"sqlite:///{tmp_path}/runs.db") as kernel:
        handle = await kernel.execute(request(agent))
        live = await all_events(handle)
        result = await handle.result()
        stored = await all_events(handle, live=False)
    assert result.status is JobStatus.SUCCEEDED
    assert texts(live) == texts(stored) == "\ufffd!\ufffd?"
