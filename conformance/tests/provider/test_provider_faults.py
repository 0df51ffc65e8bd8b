"""What goes wrong on purpose, as the official clients and plain HTTP see it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from time import monotonic
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from steer_conformance.provider import (
    BUILTIN_DIALECTS,
    Dialect,
    Drop,
    Failure,
    Garbage,
    Match,
    Provider,
    Raw,
    Request,
    Rule,
    Script,
    StreamError,
    Truncate,
    Turn,
    Usage,
    render,
)

BODY = {"model": "m", "input": "Hi", "messages": [], "max_tokens": 5}


def ask(provider: Provider, dialect: Dialect, *, stream: bool = True, **headers: str) -> Any:
    url = provider.url + next(iter(dialect.paths))
    with httpx2.Client() as client:
        return client.post(url, json=BODY | {"stream": stream}, headers=headers)


OPENAI_ERRORS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}


@pytest.mark.parametrize("status", OPENAI_ERRORS)
def test_a_status_becomes_openais_typed_error(
    status: int, openai_client: Callable[[Provider], openai.OpenAI]
) -> None:
    script = Script([Failure(status, retry_after=7, message="so it is")], repeat=True)
    with Provider(script) as provider:
        client = openai_client(provider)
        for call in (
            lambda: client.responses.create(model="m", input="Hi"),
            lambda: client.responses.create(model="m", input="Hi", stream=True),
            lambda: client.chat.completions.create(model="m", messages=[]),
        ):
            with pytest.raises(OPENAI_ERRORS[status], match="so it is") as caught:
                call()
            assert caught.value.response.headers["retry-after"] == "7"
            assert caught.value.request_id == f"req_{len(provider.requests)}"
        assert provider.bill.total.total_tokens == 0


ANTHROPIC_ERRORS = {
    400: (anthropic.BadRequestError, "invalid_request_error"),
    401: (anthropic.AuthenticationError, "authentication_error"),
    402: (anthropic.PaymentRequiredError, "billing_error"),
    403: (anthropic.PermissionDeniedError, "permission_error"),
    404: (anthropic.NotFoundError, "not_found_error"),
    413: (anthropic.ContentTooLargeError, "request_too_large"),
    429: (anthropic.RateLimitError, "rate_limit_error"),
    500: (anthropic.InternalServerError, "api_error"),
    504: (anthropic.GatewayTimeoutError, "timeout_error"),
    529: (anthropic.OverloadedError, "overloaded_error"),
}


@pytest.mark.parametrize("status", ANTHROPIC_ERRORS)
def test_a_status_becomes_anthropics_typed_error(
    status: int, anthropic_client: Callable[[Provider], anthropic.Anthropic]
) -> None:
    kind, error_type = ANTHROPIC_ERRORS[status]
    with Provider(Script([Failure(status, retry_after=0.5)])) as provider:
        with pytest.raises(kind) as caught:
            anthropic_client(provider).messages.create(model="m", max_tokens=5, messages=[])
        assert caught.value.type == error_type
        assert caught.value.response.headers["retry-after"] == "0.5"
        assert caught.value.request_id == "req_1"


def test_a_code_is_where_each_vendor_puts_it() -> None:
    failure = Failure(400, code="odd", error_type="strange", message="so it is")
    with Provider(Script([failure], repeat=True)) as provider:
        responses, chat, messages = (
            ask(provider, dialect).json()["error"] for dialect in BUILTIN_DIALECTS
        )
    assert responses == {"message": "so it is", "type": "strange", "param": None, "code": "odd"}
    assert chat == responses
    assert messages == {
        "type": "strange",
        "message": "so it is",
        "details": {"error_code": "odd"},
    }


def test_a_failure_can_say_everything_itself() -> None:
    failure = Failure(418, headers={"X-Reason": "teapot"}, body=b"short and stout")
    with Provider(Script([failure])) as provider:
        response = ask(provider, BUILTIN_DIALECTS[0])
    assert response.status_code == 418
    assert (response.headers["x-reason"], response.content) == ("teapot", b"short and stout")


def test_a_client_that_retries_gets_the_next_turn() -> None:
    script = Script([Failure(500, retry_after=0.01), Turn("At last")])
    with (
        Provider(script) as provider,
        openai.OpenAI(base_url=provider.openai_base_url, api_key="any", max_retries=1) as client,
    ):
        assert client.responses.create(model="m", input="Hi").output_text == "At last"
        provider.assert_used_up()


CONNECTION_LOST = {
    "responses": openai.APIConnectionError,
    "chat": openai.APIConnectionError,
    "messages": httpx2.RemoteProtocolError,
}


def test_a_dropped_stream_breaks_the_clients_reading(streaming: Any) -> None:
    usage = Usage(input_tokens=100, output_tokens=20)
    turn = Turn("abcdefgh", Drop(after=2), chunk_size=2, usage=usage)
    with Provider(Script([turn])) as provider:
        with pytest.raises(CONNECTION_LOST[streaming.dialect]):
            streaming.ask(provider)
        (request,) = provider.requests
    assert (request.deltas, request.finished, request.disconnected) == (2, False, False)
    assert request.billed == Usage(input_tokens=100, output_tokens=10)


def test_what_was_sent_before_a_drop_arrives(
    openai_client: Callable[[Provider], openai.OpenAI],
) -> None:
    heard: list[str] = []
    with Provider(Script([Turn("abcdefgh", Drop(after=3), chunk_size=2)])) as provider:
        stream = openai_client(provider).responses.create(model="m", input="Hi", stream=True)
        with pytest.raises(openai.APIConnectionError):
            heard.extend(e.delta for e in stream if e.type == "response.output_text.delta")
    assert heard == ["ab", "cd", "ef"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("drop", [Drop(), Drop(after=0), Drop(after_bytes=9)], ids=repr)
@pytest.mark.parametrize("dialect", BUILTIN_DIALECTS, ids=lambda dialect: dialect.name)
def test_no_drop_is_taken_for_an_answer(dialect: Dialect, drop: Drop, stream: bool) -> None:
    with Provider(Script([Turn("Hi there", drop)])) as provider:
        with pytest.raises(httpx2.RemoteProtocolError):
            ask(provider, dialect, stream=stream)
        assert not provider.requests[0].finished
        provider.assert_used_up()


def test_a_drop_by_bytes_sends_exactly_those() -> None:
    with Provider(Script([Turn("Hi there", Drop(after_bytes=100))])) as provider:
        connection = http.client.HTTPConnection(provider.url.removeprefix("http://"), timeout=5)
        path = "/v1/chat/completions"
        connection.request("POST", path, json.dumps(BODY | {"stream": True}))
        with pytest.raises(http.client.IncompleteRead) as caught:
            connection.getresponse().read()
        connection.close()
        whole = render(
            Turn("Hi there"), BUILTIN_DIALECTS[1], stream=True, request=provider.requests[0]
        )
    assert caught.value.partial == whole[:100]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("dialect", BUILTIN_DIALECTS, ids=lambda dialect: dialect.name)
def test_a_reply_can_end_at_every_byte(dialect: Dialect, stream: bool) -> None:
    def cut(request: Request) -> Turn:
        return Turn("é", Truncate(after_bytes=int(request.headers["x-cut"])))

    with Provider(Script(rules=[Rule(Match(), cut)])) as provider:
        connection = http.client.HTTPConnection(provider.url.removeprefix("http://"), timeout=5)
        body = json.dumps(BODY | {"stream": stream})
        for size in range(len(render(Turn("é"), dialect, stream=stream))):
            connection.request("POST", next(iter(dialect.paths)), body, {"x-cut": str(size)})
            served = connection.getresponse().read()
            # The bytes hold the number of the request, so each is compared with its own.
            whole = render(Turn("é"), dialect, stream=stream, request=provider.requests[-1])
            assert served == whole[:size]
        connection.close()


def test_a_truncated_stream_is_billed_for_the_deltas_that_were_begun() -> None:
    turn = Turn("abcd", chunk_size=1, usage=Usage(input_tokens=8, output_tokens=4))
    whole = render(turn, BUILTIN_DIALECTS[2], stream=True, request=Request(model="m"))
    second = whole.index(b'"text":"b"')
    cut = Turn("abcd", Truncate(after_bytes=second), chunk_size=1, usage=turn.usage)
    with Provider(Script([cut])) as provider:
        assert ask(provider, BUILTIN_DIALECTS[2]).content == whole[:second]
        assert provider.bill.total == Usage(input_tokens=8, output_tokens=2)


def test_garbage_in_a_stream_is_no_json_to_the_client(streaming: Any) -> None:
    with (
        Provider(Script([Turn("abcd", Garbage(after=1), chunk_size=2)])) as provider,
        pytest.raises(json.JSONDecodeError),
    ):
        streaming.ask(provider)


@pytest.mark.parametrize("dialect", BUILTIN_DIALECTS, ids=lambda dialect: dialect.name)
def test_garbage_replaces_a_reply_that_is_not_streamed(dialect: Dialect) -> None:
    with Provider(Script([Turn("Hi", Garbage(data=b"{not json"))])) as provider:
        assert ask(provider, dialect, stream=False).content == b"{not json"


def test_an_error_inside_a_stream_ends_it(streaming: Any) -> None:
    failure = Failure(529, message="too much")
    with Provider(Script([Turn("abcd", StreamError(failure, after=1), chunk_size=2)])) as provider:
        if streaming.dialect == "responses":
            heard = streaming.ask(provider)
            assert heard.deltas == ["ab"]
        else:
            with pytest.raises((openai.APIError, anthropic.APIStatusError), match="too much"):
                streaming.ask(provider)
        assert provider.requests[0].finished


def test_an_error_inside_a_response_is_numbered(
    openai_client: Callable[[Provider], openai.OpenAI],
) -> None:
    error = StreamError(Failure(500, message="too much", code="overloaded"), after=1)
    with Provider(Script([Turn("abcd", error, chunk_size=2)])) as provider:
        stream = openai_client(provider).responses.create(model="m", input="Hi", stream=True)
        events = list(stream)
    assert events[-1].type == "error"
    assert (events[-1].code, events[-1].message) == ("overloaded", "too much")
    assert [event.sequence_number for event in events] == list(range(len(events)))


@pytest.mark.parametrize("dialect", BUILTIN_DIALECTS, ids=lambda dialect: dialect.name)
def test_an_error_in_a_reply_that_is_not_streamed_is_a_status(dialect: Dialect) -> None:
    with Provider(Script([Turn("Hi", StreamError(Failure(529)))])) as provider:
        assert ask(provider, dialect, stream=False).status_code == 529
        assert provider.bill.total.total_tokens == 0


def test_a_model_that_fails_in_mid_answer_is_an_error(caller: Any) -> None:
    with Provider(Script([Turn("abcd", stop="failed")])) as provider:
        if caller.dialect == "responses":
            assert caller.ask(provider).stop == "failed"
        else:
            with pytest.raises((openai.APIError, anthropic.APIStatusError)):
                caller.ask(provider)


def test_raw_bytes_replace_everything() -> None:
    raw = Raw(b"event: odd\ndata: {}\n\n", status=203, headers={"X-Odd": "yes"})
    with Provider(Script([raw])) as provider:
        response = ask(provider, BUILTIN_DIALECTS[0])
    assert (response.status_code, response.content) == (203, raw.body)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["x-odd"] == "yes"


def test_latency_comes_before_the_first_byte(caller: Any) -> None:
    with Provider(Script([Turn("Hi", latency=0.05)])) as provider:
        began = monotonic()
        caller.ask(provider)
        assert monotonic() - began >= 0.05


def test_a_gap_comes_between_deltas(streaming: Any) -> None:
    with Provider(Script([Turn("abcdef", chunk_size=2, gap=0.02)])) as provider:
        began = monotonic()
        heard = streaming.ask(provider)
        assert monotonic() - began >= 0.04
        assert heard.deltas == ["ab", "cd", "ef"]
