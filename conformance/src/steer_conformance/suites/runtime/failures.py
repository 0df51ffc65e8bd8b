"""Checks: what a provider's failure becomes. Never a success, and never another failure."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from steer import RunResult
from steer.errors import ErrorCategory, ProviderError
from steer.ports.gate import Sent
from steer.values import JobStatus

from steer_conformance.checks import check
from steer_conformance.provider import Failure, Garbage, Raw, StreamError, Turn
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.run import BareRun

_C = ErrorCategory
# What every vendor means by these, and whether to ask the same again can help.
_STATUSES = {
    400: (_C.VALIDATION, False),
    401: (_C.AUTHENTICATION, False),
    403: (_C.PERMISSION_DENIED, False),
    404: (_C.NOT_FOUND, False),
    413: (_C.VALIDATION, False),
    422: (_C.VALIDATION, False),
    429: (_C.RATE_LIMIT, True),
    500: (_C.SERVER_ERROR, True),
    502: (_C.SERVER_ERROR, True),
    503: (_C.SERVER_ERROR, True),
}
_NONSENSE = (
    Raw(b"<html>hello</html>", content_type="text/html"),
    Raw(b""),
    Raw(b"data: 17\n\n"),
    Raw(b"\xff\xfe\x00"),
)


@check("RT-29")
async def a_status_becomes_a_category(case: RuntimeCase) -> None:
    for status, (category, retryable) in _STATUSES.items():
        async with case.stage(Failure(status, message="No."), used_up=False) as stage:
            error, run = await stage.failure()
        assert isinstance(error, ProviderError), f"{status}: {error!r}"
        assert (error.category, error.status_code) == (category, status), f"{status}: {error!r}"
        assert error.retryable is retryable, f"{status}: retryable is {error.retryable}"
        assert "No." in error.message, f"{status}: what the provider said is lost"
        assert error.__cause__ is not None or error.provider, f"{status}: nobody is named"
        _failed_once(case, run, Sent.REJECTED)


@check("RT-29")
async def a_providers_error_crosses_the_kernel_unchanged(case: RuntimeCase) -> None:
    async with case.stage(Failure(401, message="Who are you?"), used_up=False) as stage:
        result, events = await stage.job()
    _assert_failed(result)
    assert result.error is not None
    assert (result.error.category, result.error.status_code) == (_C.AUTHENTICATION, 401)
    assert sum(event.terminal for event in events) == 1


@check("RT-30")
async def what_the_provider_says_about_waiting_is_kept(case: RuntimeCase) -> None:
    for status in (429, 503):
        async with case.stage(Failure(status, retry_after=7), used_up=False) as stage:
            error, _ = await stage.failure()
        assert isinstance(error, ProviderError)
        assert error.retry_after is not None, f"{status}: the seconds are lost"
        assert 6 <= error.retry_after <= 7, f"{status}: {error.retry_after} s"


@check("RT-33")
async def garbage_in_a_stream_is_an_error(case: RuntimeCase) -> None:
    turn = Turn("Some words.", Garbage(after=1), chunk_size=4)
    async with case.stage(turn, used_up=False) as stage:
        error, run = await stage.failure()
    assert isinstance(error, ProviderError), repr(error)
    _failed_once(case, run, Sent.UNKNOWN)


@check("RT-33")
async def an_answer_that_is_none_is_an_error(case: RuntimeCase) -> None:
    for reply in _NONSENSE:
        async with case.stage(reply, used_up=False) as stage:
            error, run = await stage.failure()
        assert isinstance(error, ProviderError), f"{reply.body!r}: {error!r}"
        _failed_once(case, run, Sent.UNKNOWN)


@check("RT-34")
async def an_error_inside_a_stream_is_that_error(case: RuntimeCase) -> None:
    trouble = StreamError(Failure(429, message="Slow down."), after=1)
    turn = Turn("Some words.", trouble, chunk_size=4)
    async with case.stage(turn, used_up=False) as stage:
        error, run = await stage.failure()
    assert (error.category, error.retryable) == (_C.RATE_LIMIT, True), repr(error)
    assert "Slow down." in error.message
    _failed_once(case, run, Sent.UNKNOWN)


@check("RT-35")
async def a_provider_that_is_not_there_is_a_failure_of_the_network(case: RuntimeCase) -> None:
    async with case.stage() as stage:
        with _closed_port() as url:
            runtime = case.open(url)
            stage.runtime, there = runtime, stage.runtime
            try:
                error, run = await stage.failure()
            finally:
                stage.runtime = there
                await runtime.aclose()
    assert isinstance(error, ProviderError), repr(error)
    assert (error.category, error.retryable) == (_C.NETWORK, True)
    assert error.status_code is None
    _failed_once(case, run, Sent.NO)


@contextmanager
def _closed_port() -> Iterator[str]:
    """An address where nobody listens, and nobody else will while this is open."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def _failed_once(case: RuntimeCase, run: BareRun, sent: Sent) -> None:
    """The gate was told of one failure, and how far that request got."""
    if case.capabilities.model_gate == "none":
        return
    assert run.gate.usages == [], "a failed request was recorded as complete"
    assert [each for _, each, _ in run.gate.failures] == [sent]


def _assert_failed(result: RunResult) -> None:
    assert result.status is JobStatus.FAILED
    assert result.error is not None
