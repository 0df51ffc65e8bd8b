from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from steer.errors import ErrorInfo
from steer.events import (
    Event,
    EventData,
    FinalError,
    FinalResult,
    JobCompleted,
    JobFailed,
    JobStarted,
    ModelBlockDone,
    ModelDone,
    ModelReasoning,
    ModelRetracted,
    ModelStarted,
    ModelToken,
    ToolStarted,
    UsageReported,
)
from steer.fold import Fold
from steer.values import FinishReason, JobStatus, RunResult, Usage

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
STARTED = JobStarted(agent="a", runtime="r", scope_id="s", principal_id="p")


def folded(*data: EventData | tuple[EventData, tuple[str, ...]]) -> RunResult:
    """The fold of events a second apart; a pair has its path."""
    fold = Fold(job_id="j", scope_id="s")
    for number, one in enumerate(data):
        what, path = one if isinstance(one, tuple) else (one, ())
        fold.add(
            Event(
                job_id="j",
                data=what,
                time=NOON + timedelta(seconds=number),
                seq=number + 1,
                path=path,
            )
        )
    return fold.result()


def said(text: str, *, call: str = "1.1", part: int = 0, offset: int = 0) -> ModelToken:
    return ModelToken(call=call, part=part, offset=offset, text=text)


def test_the_text_of_an_unfinished_run_is_what_its_last_message_said() -> None:
    result = folded(STARTED, ModelStarted(call="1.1"), said("Hel"), said("lo", offset=3))
    assert (result.status, result.content) == (JobStatus.RUNNING, "Hello")


def test_text_that_comes_twice_counts_once() -> None:
    assert folded(ModelStarted(call="1.1"), said("Hel"), said("Hello")).content == "Hello"


def test_the_final_result_wins_over_what_was_streamed() -> None:
    result = folded(
        ModelStarted(call="1.1"),
        said("draft"),
        FinalResult(content="final", output={"a": 1}, finish_reason=FinishReason.TOOL_RESULT),
        JobCompleted(elapsed_ms=7),
    )
    assert (result.content, result.output, result.elapsed_ms) == ("final", {"a": 1}, 7)
    assert result.finish_reason is FinishReason.TOOL_RESULT


def test_retracted_text_is_gone_and_committed_blocks_stay() -> None:
    start = (
        ModelStarted(call="1.1"),
        said("kept"),
        ModelBlockDone(call="1.1", part=0, kind="text"),
    )
    dropped = (*start, said("lost", part=1), ModelRetracted(call="1.1"))
    assert folded(*dropped).content == "kept"
    assert folded(*dropped, ModelRetracted(call="1.1", blocks_too=True)).content == ""


def test_retracting_another_request_changes_nothing() -> None:
    result = folded(ModelStarted(call="1.2"), said("new", call="1.2"), ModelRetracted(call="1.1"))
    assert result.content == "new"


def test_nested_agents_add_usage_and_tools_but_neither_text_nor_turns() -> None:
    inside = ("call_1",)
    usage = UsageReported(call="1.2", usage=Usage(requests=1, input_tokens=5))
    result = folded(
        ModelStarted(call="1.1"),
        said("outer"),
        ModelDone(call="1.1"),
        (ModelStarted(call="1.2"), inside),
        (said("inner", call="1.2"), inside),
        (usage, inside),
        (ModelDone(call="1.2"), inside),
        (ToolStarted(call_id="c", tool="t"), inside),
    )
    assert (result.content, result.turns, result.tools_invoked) == ("outer", 1, 1)
    assert result.usage.input_tokens == 5


def test_the_time_to_the_first_token_counts_reasoning_too() -> None:
    thought = ModelReasoning(call="1.1", part=0, offset=0, text="hm")
    result = folded(STARTED, ModelStarted(call="1.1"), thought, said("ok", part=1))
    assert (result.ttft_ms, result.content) == (2000, "ok")


def test_a_cost_is_the_sum_and_unknown_as_soon_as_one_part_is() -> None:
    known = UsageReported(call="1", usage=Usage(requests=1), cost=Decimal("0.25"))
    unknown = UsageReported(call="2", usage=Usage(requests=1))
    assert folded(known, known).cost == Decimal("0.50")
    assert folded(known, unknown, known).cost is None
    assert folded(STARTED).cost is None


def test_a_failed_run_keeps_its_text_usage_and_error() -> None:
    error = ErrorInfo(code="provider", message="gone")
    result = folded(
        ModelStarted(call="1.1"),
        said("so far"),
        UsageReported(call="1.1", usage=Usage(requests=1, output_tokens=2)),
        FinalError(error=error),
        JobFailed(elapsed_ms=3, still_running=("thread",)),
    )
    assert (result.status, result.error, result.content) == (JobStatus.FAILED, error, "so far")
    assert result.usage.output_tokens == 2
    assert result.still_running == ("thread",)
