from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import anyio
import pytest
import steer.errors
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from steer.capabilities import Capabilities, HistoryForm, ModelGate, Suspension, UsageSource
from steer.clock import SystemClock
from steer.context import BudgetSpec, ExecutionContext, PolicyRef
from steer.errors import (
    BudgetExceeded,
    ErrorCategory,
    ErrorInfo,
    InvalidTransition,
    PluginError,
    ProviderError,
    SteerError,
)
from steer.ids import new_id
from steer.values import (
    TERMINAL_STATUSES,
    JobStatus,
    RunResult,
    Usage,
    check_transition,
    digest_of,
    encode_json,
    user_message,
    well_formed,
)

MOVES = {
    ("queued", "running"), ("queued", "failed"), ("queued", "cancelled"), ("queued", "timed_out"),
    ("running", "waiting_action"), ("running", "queued"), ("running", "succeeded"),
    ("running", "failed"), ("running", "cancelled"), ("running", "timed_out"),
    ("waiting_action", "running"), ("waiting_action", "queued"), ("waiting_action", "failed"),
    ("waiting_action", "cancelled"), ("waiting_action", "timed_out"),
}  # fmt: skip

usages = st.builds(
    Usage,
    requests=st.integers(0, 9),
    input_tokens=st.integers(0, 10**9),
    output_tokens=st.integers(0, 10**9),
    cached_tokens=st.integers(0, 10**9),
    cache_write_tokens=st.integers(0, 10**9),
    reasoning_tokens=st.integers(0, 10**9),
    estimated=st.booleans(),
)


@pytest.mark.parametrize("old", list(JobStatus))
@pytest.mark.parametrize("new", list(JobStatus))
def test_a_job_moves_only_where_the_table_says(old: JobStatus, new: JobStatus) -> None:
    if (old, new) in MOVES:
        check_transition(old, new)
    else:
        with pytest.raises(InvalidTransition, match=f"is {old} cannot become {new}"):
            check_transition(old, new)


def test_a_job_that_has_ended_stays_as_it_is() -> None:
    assert {status for status in JobStatus if status.terminal} == TERMINAL_STATUSES
    assert not any(old in TERMINAL_STATUSES for old, _ in MOVES)


@given(a=usages, b=usages, c=usages)
def test_usage_adds_up_in_any_grouping_and_order(a: Usage, b: Usage, c: Usage) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Usage() == a
    assert (a + b).total_tokens == a.total_tokens + b.total_tokens


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": "1"})
    assert digest_of(["ä", None, 1.5]) == digest_of(("ä", None, 1.5))


def test_a_digest_can_be_made_of_half_an_emoji() -> None:
    assert digest_of("\ud83d") != digest_of("\ufffd")


@given(text=st.text(st.characters(), max_size=30))
def test_well_formed_text_can_be_written_and_keeps_its_length(text: str) -> None:
    assert len(well_formed(text)) == len(text)
    well_formed(text).encode()
    assert well_formed(well_formed(text)) == well_formed(text)


def test_json_holds_dataclasses_dates_and_money_and_replaces_what_it_cannot() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert encode_json({"m": user_message("hi"), "at": at, "cost": Decimal("0.10")}) == (
        b'{"m":{"role":"user","content":[{"text":"hi","type":"text"}]},'
        b'"at":"2026-01-02T00:00:00Z","cost":"0.10"}'
    )
    assert encode_json({"x": "\ud83d"}) == '{"x":"\ufffd"}'.encode()


def test_a_result_gives_its_output_as_the_declared_type() -> None:
    class Weather(BaseModel):
        city: str
        degrees: float

    result = RunResult(
        job_id="j", status=JobStatus.SUCCEEDED, output={"city": "Bonn", "degrees": 3}
    )
    assert result.output_as(Weather) == Weather(city="Bonn", degrees=3)
    with pytest.raises(ValidationError):
        result.output_as(int)


def test_ids_are_unique_sort_by_time_and_are_uuids_of_version_7() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [text[:13] for text in ids] == sorted(text[:13] for text in ids)
    assert {uuid.UUID(text).version for text in ids} == {7}
    assert {uuid.UUID(text).variant for text in ids} == {uuid.RFC_4122}


def test_a_child_stays_in_scope_and_trace_and_knows_its_parent() -> None:
    parent = ExecutionContext(scope_id="acme", principal_id="ada", job_id="1", trace_id="t")
    child = parent.child(job_id="2", run_id="r")
    assert (child.scope_id, child.principal_id, child.trace_id) == ("acme", "ada", "t")
    assert (child.job_id, child.run_id, child.parent_job_id) == ("2", "r", "1")


def test_a_policy_reference_reads_as_name_and_version() -> None:
    assert (str(PolicyRef(name="p")), str(PolicyRef(name="p", version="3"))) == ("p", "p@3")


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(BudgetSpec)])
def test_a_bound_of_nothing_is_a_bound(field: str) -> None:
    nothing: dict[str, Any] = {field: 0}
    assert getattr(BudgetSpec(**nothing), field) == 0


capabilities = st.builds(
    Capabilities,
    suspend=st.sampled_from(Suspension),
    model_gate=st.sampled_from(ModelGate),
    usage=st.sampled_from(UsageSource),
    history=st.sampled_from(HistoryForm),
    tools=st.booleans(),
    seed=st.booleans(),
    max_concurrency=st.none() | st.integers(1, 5),
)


@given(a=capabilities, b=capabilities, c=capabilities)
def test_claiming_no_more_than_declared_is_an_order(
    a: Capabilities, b: Capabilities, c: Capabilities
) -> None:
    assert a.exceeding(a) == ()
    assert Capabilities(max_concurrency=1).exceeding(a) == ()
    if not a.exceeding(b) and not b.exceeding(c):
        assert not a.exceeding(c)
    if not a.exceeding(b) and not b.exceeding(a):
        assert a == b


def test_what_is_claimed_beyond_the_declaration_is_named() -> None:
    declared = Capabilities(suspend=Suspension.ONE_PER_MESSAGE, tools=True, max_concurrency=4)
    claimed = Capabilities(suspend=Suspension.MANY, tools=True, seed=True, max_concurrency=None)
    assert claimed.exceeding(declared) == ("suspend", "seed", "max_concurrency")


def errors() -> list[type[SteerError]]:
    found = [getattr(steer.errors, name) for name in steer.errors.__all__]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, SteerError)]


def test_the_tree_in_the_docstring_is_the_tree_there_is() -> None:
    drawn = steer.errors.__doc__ or ""
    for kind in errors():
        assert kind.__name__ in drawn


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in errors()]
    assert len(codes) == len(set(codes))


def test_an_error_as_a_value_keeps_what_a_caller_acts_on() -> None:
    error = ProviderError(
        "slow down",
        category=ErrorCategory.RATE_LIMIT,
        status_code=429,
        retryable=True,
        retry_after=1.5,
        provider="openai",
        fix="Wait",
    )
    assert str(error) == "slow down. Wait"
    assert error.info() == ErrorInfo(
        code="provider",
        message="slow down",
        category=ErrorCategory.RATE_LIMIT,
        retryable=True,
        status_code=429,
        retry_after=1.5,
        provider="openai",
        fix="Wait",
    )
    assert BudgetExceeded("max_turns", "no more").info().details == {"limit": "max_turns"}
    assert str(PluginError("acme", "is broken")) == "acme: is broken"


@pytest.mark.anyio
async def test_the_system_clock_counts_up_and_waits_at_least_as_long_as_asked() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    moment = clock.monotonic() + 0.01
    with anyio.fail_after(10):
        await clock.sleep_until(moment)
    assert clock.monotonic() >= moment
