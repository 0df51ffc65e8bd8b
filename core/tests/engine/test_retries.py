from __future__ import annotations

import math
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernels import PATIENCE, TurnedClock, all_events, open_kernel, request, texts, types
from steer import BudgetSpec, RetrySpec
from steer._engine.retries import wait_before_retry
from steer.errors import ConfigError, ErrorCategory, ProviderError, RuntimeFailure, SteerError
from steer.events import ModelBlockDone, ModelRetracted, UsageReported
from steer.values import JobStatus, RunResult
from stepwise import Stepwise, Turn

pytestmark = pytest.mark.anyio

AT_ONCE = RetrySpec(first_wait_seconds=0)


def busy(**fields: Any) -> ProviderError:
    usual: dict[str, Any] = {"category": ErrorCategory.RATE_LIMIT, "retryable": True}
    return ProviderError("toy is busy", **(usual | fields))


def failing(*failures: SteerError) -> Stepwise:
    return Stepwise(turns=(Turn(text="Hello.", failures=failures),), max_output_tokens=7)


async def run(agent: Stepwise, **fields: Any) -> tuple[RunResult, list[Any]]:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent, **({"retries": AT_ONCE} | fields)))
        return await handle.result(), await all_events(handle)


async def test_a_request_that_failed_is_made_again() -> None:
    result, seen = await run(failing(busy(), busy()))
    assert (result.status, result.content) == (JobStatus.SUCCEEDED, "Hello.")
    assert types(seen).count("model.started") == 3
    assert types(seen).count("model.done") == 1
    assert result.turns == 1


async def test_what_a_failed_request_had_said_is_withdrawn_whole() -> None:
    _, seen = await run(failing(busy()))
    committed = [event.data for event in seen if isinstance(event.data, ModelBlockDone)]
    [retracted] = [event.data for event in seen if isinstance(event.data, ModelRetracted)]
    assert retracted == ModelRetracted(
        call=committed[0].call, reason="toy is busy", blocks_too=True, retry_in_ms=0
    )
    assert [block.call for block in committed] != [retracted.call]


async def test_every_try_is_booked_at_its_worst_where_nobody_said_what_it_used() -> None:
    result, seen = await run(failing(busy(), busy()))
    reports = [event.data.usage for event in seen if isinstance(event.data, UsageReported)]
    assert [(usage.total_tokens, usage.estimated) for usage in reports] == [
        (17, True),
        (17, True),
        (15, False),
    ]
    assert result.usage.total_tokens == 49


async def test_a_try_that_could_pass_the_cap_is_not_made() -> None:
    result, seen = await run(failing(busy(), busy()), budgets=BudgetSpec(max_tokens=40))
    assert result.error is not None
    assert result.error.code == "budget_exceeded"
    assert types(seen).count("model.started") == 2


async def test_patience_ends_with_the_providers_own_error() -> None:
    result, seen = await run(failing(busy(), busy(), busy(status_code=429)))
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert (result.error.status_code, result.error.category) == (429, ErrorCategory.RATE_LIMIT)
    last = [event.data for event in seen if isinstance(event.data, ModelRetracted)][-1]
    assert (last.blocks_too, last.retry_in_ms) == (False, None)
    assert texts(seen).endswith("Well, ")


@pytest.mark.parametrize(
    "failure",
    [busy(retryable=False), RuntimeFailure("a bug")],
    ids=["not-retryable", "no-provider"],
)
async def test_what_would_fail_again_is_not_tried_again(failure: SteerError) -> None:
    result, seen = await run(failing(failure))
    assert result.status is JobStatus.FAILED
    assert types(seen).count("model.started") == 1


async def test_a_run_may_do_without_retries() -> None:
    result, _ = await run(failing(busy()), retries=RetrySpec(max_retries=0))
    assert result.status is JobStatus.FAILED


async def test_a_new_turn_begins_with_all_patience() -> None:
    turn = Turn(text="Hello.", failures=(busy(), busy()))
    result, _ = await run(Stepwise(turns=(turn, turn)))
    assert (result.status, result.turns) == (JobStatus.SUCCEEDED, 2)


async def test_a_wait_takes_as_long_as_the_provider_says() -> None:
    clock = TurnedClock()
    async with open_kernel(clock=clock) as kernel:
        handle = await kernel.execute(request(failing(busy(retry_after=20.0))))
        async for event in handle.events():
            if isinstance(event.data, ModelRetracted):
                assert event.data.retry_in_ms == 20_000
                clock.turn(19.9)
                assert (await kernel.storage.jobs.get("default", handle.job_id)).status == "running"
                clock.turn(0.1)
        assert (await handle.result()).status is JobStatus.SUCCEEDED


async def test_a_wait_that_outlasts_the_runs_time_is_not_begun() -> None:
    result, _ = await run(
        failing(busy(retry_after=30.0)), budgets=BudgetSpec(max_runtime_seconds=20)
    )
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.retry_after == 30.0


async def test_a_cancelled_run_does_not_wait_on() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(failing(busy(retry_after=50.0))))
        with anyio.fail_after(PATIENCE / 2):
            async for event in handle.events():
                if isinstance(event.data, ModelRetracted):
                    await handle.cancel()
            assert (await handle.result()).status is JobStatus.CANCELLED


@given(
    failures=st.integers(1, 2000),
    first=st.floats(0, 1e3),
    most=st.floats(0, 1e3),
    left=st.none() | st.floats(-10, 1e3),
    after=st.none() | st.floats(0, 1e4),
)
def test_no_wait_is_longer_than_anybody_allows(
    failures: int, first: float, most: float, left: float | None, after: float | None
) -> None:
    spec = RetrySpec(max_retries=1000, first_wait_seconds=first, max_wait_seconds=most)
    wait = wait_before_retry(busy(retry_after=after), failures, spec, left=left)
    if wait is None:
        assert failures > 1000 or (after or 0) > most or left is not None
        return
    assert failures <= 1000
    assert 0 <= wait <= most
    assert left is None or wait < left
    assert after is None or wait == after


@given(failures=st.integers(1, 10))
def test_each_wait_is_about_twice_the_one_before(failures: int) -> None:
    spec = RetrySpec(max_retries=10, first_wait_seconds=1, max_wait_seconds=1e6)
    wait = wait_before_retry(busy(), failures, spec, left=None)
    assert wait is not None
    assert 2 ** (failures - 1) / 2 <= wait <= 2 ** (failures - 1)


@pytest.mark.parametrize("name", ["max_retries", "first_wait_seconds", "max_wait_seconds"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_a_patience_that_cannot_be_counted_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        RetrySpec(**{name: value})
