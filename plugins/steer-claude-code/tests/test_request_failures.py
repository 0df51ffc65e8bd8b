"""Model requests that fail: what that means, and when they are made again."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from asking_models import setting
from steer.errors import ConfigError, ErrorCategory, ProviderError
from steer.events import ModelToken
from steer.ports.gate import Sent
from steer_claude_code.models.failures import answered
from steer_conformance.provider import (
    MESSAGES,
    Drop,
    Failure,
    Garbage,
    Hold,
    Raw,
    Reply,
    Request,
    StreamError,
    Truncate,
    Turn,
)
from steer_conformance.suites.runtime import BareGate

pytestmark = pytest.mark.anyio

C = ErrorCategory
HELLO = Turn("Hello.")


async def failure_of(reply: Reply, sent: Sent) -> ProviderError:
    """What a run ends with whose one request is answered so."""
    async with setting(reply) as s:
        assert (await s.ask()).status_code == 400
        s.run.gate.check()
        ((error, how_far, usage),) = s.run.gate.failures
        assert (how_far, usage) == (sent, None)
        assert s.run.gate.usages == []
        assert s.active.stopped is error
        assert isinstance(error, ProviderError)
        assert error.provider == "anthropic"
        return error


@pytest.mark.parametrize(
    ("status", "category", "retryable"),
    [
        (400, C.VALIDATION, False),
        (401, C.AUTHENTICATION, False),
        (402, C.QUOTA, False),
        (403, C.PERMISSION_DENIED, False),
        (404, C.NOT_FOUND, False),
        (408, C.TIMEOUT, True),
        (409, C.CONFLICT, True),
        (413, C.VALIDATION, False),
        (422, C.VALIDATION, False),
        (429, C.RATE_LIMIT, True),
        (500, C.SERVER_ERROR, True),
        (503, C.SERVER_ERROR, True),
        (504, C.TIMEOUT, True),
        (529, C.SERVER_ERROR, True),
        (418, C.VALIDATION, False),
    ],
)
async def test_a_status_becomes_a_category(
    status: int, category: ErrorCategory, retryable: bool
) -> None:
    error = await failure_of(Failure(status, message="No."), Sent.REJECTED)
    assert (error.category, error.status_code, error.retryable) == (category, status, retryable)
    assert "No." in error.message
    assert error.__cause__ is not None


async def test_an_error_that_is_not_in_the_apis_form_is_repeated_as_it_is() -> None:
    page = Failure(502, body=b"<html>\n bad   gateway</html>")
    error = await failure_of(page, Sent.REJECTED)
    assert "<html> bad gateway</html>" in error.message
    moved = await failure_of(Raw(b"", status=301, headers={"location": "/"}), Sent.REJECTED)
    assert moved.status_code == 301


async def test_what_the_provider_says_about_asking_again_is_kept() -> None:
    told = await failure_of(Failure(429, retry_after=7), Sent.REJECTED)
    assert told.retry_after == 7
    never = Failure(429, headers={"x-should-retry": "false"})
    assert not (await failure_of(never, Sent.REJECTED)).retryable
    always = Failure(400, headers={"x-should-retry": "true"})
    assert (await failure_of(always, Sent.REJECTED)).retryable


def test_a_wait_may_be_said_in_milliseconds_or_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    for headers, least, most in (
        ({"retry-after-ms": "250"}, 0.25, 0.25),
        ({"retry-after": soon}, 50, 60),
        ({"retry-after": "Thu, 01 Jan 2015 00:00:00 GMT"}, 0, 0),
        ({"retry-after": "-3"}, 0, 0),
    ):
        wait = answered(429, headers, b"").retry_after
        assert wait is not None
        assert least <= wait <= most
    assert answered(429, {"retry-after": "soon"}, b"").retry_after is None
    assert answered(429, {}, b"").retry_after is None


@pytest.mark.parametrize(
    "reply",
    [
        Turn("Never", Drop()),
        Turn("Half of it", Drop(after=2), chunk_size=2),
        Turn("Half of it", Truncate(after_bytes=400)),
        Turn("Half of it", Garbage(after=1), chunk_size=2),
        Raw(b"<html>hello</html>", content_type="text/html"),
        Raw(b""),
        Raw(b"data: 17\n\n"),
        Raw(b"\xff\xfe\x00"),
        Raw(b'data: {"type": "content_block_stop", "index": 0}\n\n'),
    ],
    ids=["drop", "midway", "cut", "garbage", "html", "empty", "number", "bytes", "misplaced"],
)
async def test_an_answer_that_is_not_whole_is_a_failure_of_the_network(reply: Reply) -> None:
    error = await failure_of(reply, Sent.UNKNOWN)
    assert (error.category, error.retryable) == (C.NETWORK, True)


@pytest.mark.parametrize(
    ("status", "category", "retryable"),
    [(429, C.RATE_LIMIT, True), (529, C.SERVER_ERROR, True), (400, C.VALIDATION, False)],
)
async def test_an_error_inside_a_stream_is_that_error(
    status: int, category: ErrorCategory, retryable: bool
) -> None:
    trouble = StreamError(Failure(status, message="Slow down."), after=1)
    error = await failure_of(Turn("Some words.", trouble, chunk_size=4), Sent.UNKNOWN)
    assert (error.category, error.retryable) == (category, retryable)
    assert "Slow down." in error.message


async def test_an_answer_that_is_no_stream_says_where_to_look() -> None:
    error = await failure_of(Raw(b"<html>", content_type="text/html"), Sent.UNKNOWN)
    assert "no stream of events" in error.message
    assert error.fix == "Check the base URL"


async def test_an_error_without_a_form_is_one_of_an_unknown_kind() -> None:
    error = await failure_of(Raw(b'data: {"type": "error"}\n\n'), Sent.UNKNOWN)
    assert (error.category, error.retryable) == (C.UNKNOWN, False)
    assert "no reason given" in error.message


async def test_a_provider_that_is_not_there_was_sent_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with setting(base_url=url) as s:
            await s.ask()
            ((error, sent, _),) = s.run.gate.failures
    assert isinstance(error, ProviderError)
    assert (error.category, error.retryable, sent) == (C.NETWORK, True, Sent.NO)
    assert error.fix is not None


async def test_a_provider_that_is_silent_has_not_answered_in_time() -> None:
    async with setting(Turn("Late", Hold("for ever", after=None)), timeout=0.5) as s:
        await s.ask()
        ((error, sent, _),) = s.run.gate.failures
    assert isinstance(error, ProviderError)
    assert (error.category, error.retryable, sent) == (C.TIMEOUT, True, Sent.UNKNOWN)


async def test_without_a_key_nothing_is_sent_and_the_fix_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with setting(HELLO, HELLO, api_key=None) as s:
        await s.ask()
        ((error, sent, _),) = s.run.gate.failures
        assert isinstance(error, ProviderError)
        assert (error.category, sent) == (C.AUTHENTICATION, Sent.NO)
        assert "ANTHROPIC_API_KEY" in str(error)
        assert s.provider.requests == ()
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of the host")
    async with setting(HELLO, api_key=None) as s:
        assert (await s.ask()).status_code == 200
        assert s.provider.requests[0].headers["x-api-key"] == "of the host"


@pytest.mark.parametrize("key", ["sk-secret\n", " sk-secret", "sk-secret\r\nx-a: b", "sk-secrét"])
async def test_a_key_that_is_none_is_refused_without_being_told(key: str) -> None:
    async with setting(HELLO, api_key=key) as s:
        reply = await s.ask()
        ((error, sent, _),) = s.run.gate.failures
        assert isinstance(error, ProviderError)
        assert (error.category, sent) == (C.AUTHENTICATION, Sent.NO)
        assert s.provider.requests == ()
    assert "secr" not in f"{error!r} {error} {error.info()} {reply.text}"


@pytest.mark.parametrize(
    "url", ["api.example.com", "ftp://example.com", "http://", "http://example.com:port"]
)
async def test_an_address_that_is_none_is_named(url: str) -> None:
    async with setting(base_url=url) as s:
        await s.ask()
        ((error, sent, _),) = s.run.gate.failures
    assert isinstance(error, ConfigError)
    assert sent is Sent.NO
    assert repr(url) in str(error)


async def test_the_hosts_own_address_counts_where_none_is_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with setting(HELLO, base_url=None) as s:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"{s.provider.anthropic_base_url}/")
        assert (await s.ask()).status_code == 200


@pytest.mark.parametrize(
    "reply",
    [
        Failure(429, retry_after=0),
        Failure(529),
        Turn("Never", Drop()),
        Turn("Half of it", Drop(after=2), chunk_size=2),
        Turn("Half of it", StreamError(Failure(500), after=1)),
    ],
    ids=["429", "529", "drop", "midway", "error-midway"],
)
async def test_what_may_go_better_the_next_time_is_asked_again_as_it_was(reply: Reply) -> None:
    async with setting(reply, HELLO, gate=BareGate(retries=1)) as s:
        answer = await s.ask()
        first, second = s.provider.requests
        s.run.gate.check()
    assert answer.status_code == 200
    assert s.exchanges.text == "Hello."
    assert first.raw == second.raw
    assert len(s.run.gate.requests) == 2
    assert s.active.stopped is None
    said = [each.text for each in s.run.told(ModelToken) if each.call == "c2"]
    assert "".join(said) == "Hello."


async def test_a_request_fails_for_good_once_the_run_is_to_be_parked() -> None:
    gate = BareGate(retries=5)
    turn = Turn("Half of it", Hold("midway", after=1), Drop(after=1), chunk_size=2)
    async with setting(turn, HELLO, gate=gate) as s:
        asking = asyncio.create_task(s.ask())
        await s.provider.reached("midway")
        s.active.suspend()
        s.provider.release("midway")
        await asyncio.wait_for(s.active.over.wait(), 5)
        assert [sent for _, sent, _ in gate.failures] == [Sent.UNKNOWN]
        assert (gate.retries, len(s.provider.requests)) == (5, 1)
        # It is parked, and has not failed.
        assert s.active.stopped is None
        asking.cancel()
        await asyncio.wait({asking})


async def test_a_cli_that_leaves_cancels_its_request() -> None:
    async with setting(Turn("Hello.", Hold("midway", after=1), chunk_size=2)) as s:
        asking = asyncio.create_task(s.ask())
        await s.provider.reached("midway")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await s.provider.wait_for_disconnect()
        assert s.active.stopped is None


async def test_what_comes_after_the_end_of_a_message_changes_nothing() -> None:
    request = Request(model="m", stream=True)
    stream = b"".join(frame.data for frame in MESSAGES.stream(HELLO, request))
    async with setting(Raw(stream + b"data: {\n\n")) as s:
        assert (await s.ask()).status_code == 200
        assert s.run.gate.failures == []
        assert s.exchanges.text == "Hello."
