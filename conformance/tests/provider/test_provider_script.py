"""Which reply a request gets, and what a script says about itself at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from openai import InternalServerError, OpenAI
from steer_conformance.provider import (
    Drop,
    Failure,
    Hold,
    Match,
    Provider,
    Raw,
    Request,
    Rule,
    Script,
    ToolCall,
    Truncate,
    Turn,
    Usage,
)

Connect = Callable[[Provider], OpenAI]


def ask(client: OpenAI, question: str = "Hi", model: str = "m") -> str:
    return client.responses.create(model=model, input=question).output_text


def test_turns_are_taken_in_their_order(openai_client: Connect) -> None:
    with Provider(Script([Turn("one"), Turn("two")])) as provider:
        client = openai_client(provider)
        assert [ask(client), ask(client)] == ["one", "two"]
        assert provider.script_used_up
        provider.assert_used_up()


def test_a_request_beyond_the_script_is_told_so() -> None:
    with (
        Provider(Script([Turn("one")])) as provider,
        OpenAI(base_url=provider.openai_base_url, api_key="any", max_retries=3) as client,
    ):
        ask(client)
        with pytest.raises(InternalServerError, match="script is used up: request 2") as caught:
            ask(client)
        assert caught.value.code == "script_used_up"
        # x-should-retry keeps the client from asking again what cannot be answered.
        assert len(provider.requests) == 2
        assert provider.requests[1].error is not None
        with pytest.raises(AssertionError, match="script is used up: request 2"):
            provider.assert_used_up()


def test_turns_that_are_left_are_named(openai_client: Connect) -> None:
    script = Script(
        [Turn("one"), Turn("two", ToolCall("add")), Failure(429), Raw(b"abc")],
        rules=[Rule(Match(model="never"), Turn("rule"), times=2)],
    )
    with Provider(script) as provider:
        ask(openai_client(provider))
        assert not provider.script_used_up
        assert provider.turns_left == script.turns[1:]
        with pytest.raises(AssertionError) as caught:
            provider.assert_used_up()
    assert str(caught.value) == (
        "The script was not played as written. "
        "left over: turn 2: Turn('two', call of add); "
        "left over: turn 3: Failure(429); "
        "left over: turn 4: Raw(3 bytes); "
        "left over: rule 1 served 0 of 2 times"
    )


def test_a_repeating_script_starts_over(openai_client: Connect) -> None:
    with Provider(Script([Turn("one"), Turn("two")], repeat=True)) as provider:
        client = openai_client(provider)
        assert not provider.script_used_up
        assert [ask(client) for _ in range(5)] == ["one", "two", "one", "two", "one"]
        assert provider.turns_left == (Turn("two"),)
        ask(client)
        assert provider.script_used_up


def test_a_rule_comes_before_the_turns(openai_client: Connect) -> None:
    script = Script(
        [Turn("in order")],
        rules=[
            Rule(Match(user_text="weather"), Turn("sunny"), times=1),
            Rule(Match(user_text="weather"), Turn("still sunny")),
        ],
    )
    with Provider(script) as provider:
        client = openai_client(provider)
        assert ask(client, "What weather?") == "sunny"
        assert ask(client, "Hello") == "in order"
        assert ask(client, "What weather now?") == "still sunny"
        provider.assert_used_up()


def test_a_rule_may_compute_its_reply(openai_client: Connect) -> None:
    def echo(request: Request) -> Turn:
        return Turn(f"{request.last_user_text}, says {request.model}")

    with Provider(Script(rules=[Rule(lambda _: True, echo)])) as provider:
        assert ask(openai_client(provider), "Hi", "gpt") == "Hi, says gpt"


def test_a_rule_that_raises_is_reported_to_client_and_test(openai_client: Connect) -> None:
    def broken(_: Request) -> Turn:
        raise KeyError("typo")

    with Provider(Script(rules=[Rule(lambda _: True, broken)])) as provider:
        with pytest.raises(InternalServerError, match="KeyError: 'typo'"):
            ask(openai_client(provider))
        with pytest.raises(AssertionError, match="KeyError: 'typo'"):
            provider.assert_used_up()


def test_a_rule_that_gives_no_reply_is_reported(openai_client: Connect) -> None:
    nothing: Any = lambda _: None  # noqa: E731 - what an author writes by mistake
    with (
        Provider(Script(rules=[Rule(lambda _: True, nothing)])) as provider,
        pytest.raises(InternalServerError, match="None, which is no reply"),
    ):
        ask(openai_client(provider))


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        (Match(), True),
        (Match(dialect="chat"), True),
        (Match(dialect="messages"), False),
        (Match(model="gpt-*"), True),
        (Match(model="claude-*"), False),
        (Match(stream=False), True),
        (Match(stream=True), False),
        (Match(user_text="sky"), True),
        (Match(user_text="sea"), False),
        (Match(tool="paint"), True),
        (Match(tool="sing"), False),
        (Match(tool_result="blue"), True),
        (Match(tool_result="red"), False),
        (Match(model="gpt-*", user_text="sky", tool_result="blue"), True),
        (Match(model="gpt-*", user_text="sea", tool_result="blue"), False),
    ],
    ids=repr,
)
def test_a_match_asks_for_all_that_is_set(
    match: Match, holds: bool, openai_client: Connect
) -> None:
    script = Script([Turn("turn")], rules=[Rule(match, Turn("rule"))])
    with Provider(script) as provider:
        completion = openai_client(provider).chat.completions.create(
            model="gpt-9",
            messages=[
                {"role": "user", "content": [{"type": "text", "text": "Paint the sky"}]},
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "paint", "arguments": "{}"},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "it is blue"},
            ],
            tools=[{"type": "function", "function": {"name": "paint"}}],
        )
    assert completion.choices[0].message.content == ("rule" if holds else "turn")


CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "done"}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]}
USED = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "done"}],
}
CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
TOLD = {"role": "tool", "tool_call_id": "c1", "content": "done"}


@pytest.mark.parametrize(
    ("path", "field", "call", "result"),
    [
        ("/v1/responses", "input", CALL, RESULT),
        ("/v1/chat/completions", "messages", CALLED, TOLD),
        ("/v1/messages", "messages", USE, USED),
    ],
)
def test_calls_and_results_come_in_pairs(path: str, field: str, call: Any, result: Any) -> None:
    body = {"model": "m", "max_tokens": 5}
    with Provider(Script([Turn("Hi")])) as provider, httpx2.Client(base_url=provider.url) as client:
        lonely_result = client.post(path, json=body | {field: [result]})
        lonely_call = client.post(path, json=body | {field: [call]})
        pair = client.post(path, json=body | {field: [call, result]})
        assert (lonely_result.status_code, lonely_call.status_code) == (400, 400)
        assert "No tool call found" in lonely_result.text
        assert "No tool result found" in lonely_call.text
        assert pair.status_code == 200
        assert provider.requests[2].past_calls[0].id == "c1"
        assert provider.requests[2].tool_results[0].text == "done"
        provider.assert_used_up()


def test_history_that_the_vendor_keeps_is_not_missed(openai_client: Connect) -> None:
    with Provider(Script([Turn("Hi")])) as provider:
        response = openai_client(provider).responses.create(
            model="m",
            input=[{"type": "function_call_output", "call_id": "c1", "output": "done"}],
            previous_response_id="resp_0",
        )
    assert response.output_text == "Hi"


def test_a_lenient_provider_takes_lonely_results(openai_client: Connect) -> None:
    with Provider(Script([Turn("Hi")]), strict=False) as provider:
        response = openai_client(provider).responses.create(
            model="m", input=[{"type": "function_call_output", "call_id": "c1", "output": "done"}]
        )
    assert response.output_text == "Hi"


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("/v1/responses", b"{", "could not parse the JSON"),
        ("/v1/responses", b"[]", "not an object"),
        ("/v1/responses", b"{}", "'model'"),
        ("/v1/chat/completions", b'{"model": "m"}', "'messages'"),
        ("/v1/messages", b'{"model": "m", "messages": []}', "'max_tokens'"),
    ],
)
def test_a_request_no_vendor_would_take_is_refused(path: str, content: bytes, said: str) -> None:
    with Provider(Script([Turn("Hi")])) as provider:
        response = httpx2.post(provider.url + path, content=content)
        assert response.status_code == 400
        assert said in response.json()["error"]["message"]
        assert provider.requests[0].raw == content
        assert len(provider.turns_left) == 1


def test_a_path_nobody_knows_is_named() -> None:
    with Provider(Script([Turn("Hi")])) as provider:
        response = httpx2.post(f"{provider.url}/v2/turns")
        assert response.status_code == 404
        assert "POST /v2/turns" in response.json()["error"]["message"]
        assert provider.requests == ()


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Turn("abc", chunk_size=0), "chunk_size is at least one"),
        (lambda: Turn("abc", latency=-1), "latency is a number of seconds"),
        (lambda: Turn("abc", gap=float("inf")), "gap is a number of seconds"),
        (lambda: Turn("abc", Hold("x", after=2)), "the turn has 1"),
        (lambda: Turn("abc", Drop(after=-1)), "stands after delta -1"),
        (lambda: Turn("abc", Truncate(after_bytes=-1)), "negative byte"),
        (lambda: Drop(after=1, after_bytes=1), "not by both"),
        (lambda: Failure(200), "from 400 to 599"),
        (lambda: Raw(b"", status=99), "from 200 to 599"),
        (lambda: Rule(Match(), Turn("Hi"), times=0), "at least once"),
        (lambda: Usage(input_tokens=1, cached_tokens=2), "part of input_tokens"),
        (lambda: Usage(output_tokens=1, reasoning_tokens=2), "part of output_tokens"),
        (lambda: Usage(output_tokens=-1), "negative"),
    ],
)
def test_a_script_that_cannot_be_is_refused_where_it_is_written(
    build: Callable[[], object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        build()


def test_what_is_no_part_of_a_script_is_refused_where_it_is_written() -> None:
    failure: Any = Failure(500)
    text: Any = "Hello"
    with pytest.raises(TypeError, match="neither said in a turn"):
        Turn("Hi", failure)
    with pytest.raises(TypeError, match="'Hello' is no turn"):
        Script([text])
    with pytest.raises(TypeError, match="'Hello' is no rule"):
        Script(rules=[text])
