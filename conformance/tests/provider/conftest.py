"""The official clients, each asking its own way and reporting what it heard in neutral words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI
from steer_conformance.provider import Provider, Usage

QUESTION = "What is 2 + 2?"


@dataclass(kw_only=True)
class Heard:
    """What a client made of a reply. ``said`` is text and refusal together."""

    said: str = ""
    reasoning: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    usage: Usage | None = None
    stop: str | None = None
    deltas: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Caller:
    """One official client asking one question, streamed or not."""

    dialect: str
    streamed: bool
    ask: Callable[[Provider], Heard]

    def __str__(self) -> str:
        return f"{self.dialect}-{'streamed' if self.streamed else 'plain'}"


def _openai(provider: Provider) -> OpenAI:
    return OpenAI(base_url=provider.openai_base_url, api_key="any", max_retries=0, timeout=10)


def _anthropic(provider: Provider) -> Anthropic:
    return Anthropic(base_url=provider.anthropic_base_url, api_key="any", max_retries=0, timeout=10)


def ask_responses(provider: Provider) -> Heard:
    with _openai(provider) as client:
        response = client.responses.create(model="m", input=QUESTION)
    return _heard_response(response)


def stream_responses(provider: Provider) -> Heard:
    heard = Heard()
    with _openai(provider) as client:
        for event in client.responses.create(model="m", input=QUESTION, stream=True):
            match event.type:
                case (
                    "response.output_text.delta"
                    | "response.refusal.delta"
                    | "response.reasoning_summary_text.delta"
                    | "response.function_call_arguments.delta"
                ):
                    heard.deltas.append(event.delta)
                case "response.completed" | "response.incomplete" | "response.failed":
                    whole = _heard_response(event.response)
                    whole.deltas = heard.deltas
                    return whole
    return heard


def _heard_response(response: Any) -> Heard:
    heard = Heard(stop=response.status)
    if response.incomplete_details:
        heard.stop = response.incomplete_details.reason
    for item in response.output:
        if item.type == "message":
            for part in item.content:
                heard.said += part.text if part.type == "output_text" else part.refusal
        elif item.type == "reasoning":
            heard.reasoning += "".join(summary.text for summary in item.summary)
        else:
            heard.calls.append((item.name, json.loads(item.arguments)))
    heard.usage = Usage(
        input_tokens=response.usage.input_tokens,
        output_tokens=response.usage.output_tokens,
        cached_tokens=response.usage.input_tokens_details.cached_tokens,
        cache_write_tokens=response.usage.input_tokens_details.cache_write_tokens,
        reasoning_tokens=response.usage.output_tokens_details.reasoning_tokens,
    )
    return heard


def ask_chat(provider: Provider) -> Heard:
    with _openai(provider) as client:
        completion = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": QUESTION}]
        )
    choice = completion.choices[0]
    message = choice.message
    return Heard(
        said=(message.content or "") + (message.refusal or ""),
        reasoning=getattr(message, "reasoning_content", "") or "",
        calls=[
            (call.function.name, json.loads(call.function.arguments))
            for call in message.tool_calls or []
            if call.type == "function"
        ],
        usage=_chat_usage(completion.usage),
        stop=choice.finish_reason,
    )


def stream_chat(provider: Provider) -> Heard:
    heard = Heard()
    calls: dict[int, list[str]] = {}
    with _openai(provider) as client:
        for chunk in client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        ):
            if chunk.usage:
                heard.usage = _chat_usage(chunk.usage)
            if not chunk.choices:
                continue
            delta = chunk.choices[0].delta
            thought = getattr(delta, "reasoning_content", None) or ""
            said = (delta.content or "") + (delta.refusal or "")
            heard.reasoning += thought
            heard.said += said
            written = ""
            for call in delta.tool_calls or []:
                assert call.function is not None
                name, arguments = calls.setdefault(call.index, ["", ""])
                written += call.function.arguments or ""
                calls[call.index] = [name or call.function.name or "", arguments + written]
            if piece := thought or said or written:
                heard.deltas.append(piece)
            heard.stop = chunk.choices[0].finish_reason or heard.stop
    heard.calls = [(name, json.loads(arguments)) for name, arguments in calls.values()]
    return heard


def _chat_usage(usage: Any) -> Usage:
    return Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cached_tokens=usage.prompt_tokens_details.cached_tokens,
        cache_write_tokens=usage.prompt_tokens_details.cache_write_tokens,
        reasoning_tokens=usage.completion_tokens_details.reasoning_tokens,
    )


def ask_messages(provider: Provider) -> Heard:
    with _anthropic(provider) as client:
        message = client.messages.create(
            model="m", max_tokens=100, messages=[{"role": "user", "content": QUESTION}]
        )
    return _heard_message(message)


def stream_messages(provider: Provider) -> Heard:
    deltas = []
    with (
        _anthropic(provider) as client,
        client.messages.stream(
            model="m", max_tokens=100, messages=[{"role": "user", "content": QUESTION}]
        ) as stream,
    ):
        for event in stream:
            match event.type:
                case "text":
                    deltas.append(event.text)
                case "thinking":
                    deltas.append(event.thinking)
                case "input_json":
                    deltas.append(event.partial_json)
        message = stream.get_final_message()
    heard = _heard_message(message)
    heard.deltas = deltas
    return heard


def _heard_message(message: Any) -> Heard:
    heard = Heard(stop=message.stop_reason)
    for block in message.content:
        match block.type:
            case "text":
                heard.said += block.text
            case "thinking":
                heard.reasoning += block.thinking
            case "tool_use":
                heard.calls.append((block.name, block.input))
    usage = message.usage
    heard.usage = Usage(
        input_tokens=usage.input_tokens
        + usage.cache_read_input_tokens
        + usage.cache_creation_input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cache_read_input_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens,
        reasoning_tokens=usage.output_tokens_details.thinking_tokens,
    )
    return heard


CALLERS = [
    Caller(dialect="responses", streamed=False, ask=ask_responses),
    Caller(dialect="responses", streamed=True, ask=stream_responses),
    Caller(dialect="chat", streamed=False, ask=ask_chat),
    Caller(dialect="chat", streamed=True, ask=stream_chat),
    Caller(dialect="messages", streamed=False, ask=ask_messages),
    Caller(dialect="messages", streamed=True, ask=stream_messages),
]


@pytest.fixture(params=CALLERS, ids=str)
def caller(request: pytest.FixtureRequest) -> Caller:
    """Each official client, streamed and not."""
    chosen: Caller = request.param
    return chosen


@pytest.fixture(params=[each for each in CALLERS if each.streamed], ids=str)
def streaming(request: pytest.FixtureRequest) -> Caller:
    """Each official client, streamed."""
    chosen: Caller = request.param
    return chosen


@pytest.fixture
def openai_client() -> Iterator[Callable[[Provider], OpenAI]]:
    """Makes clients of OpenAI that do not retry, and closes them."""
    clients: list[OpenAI] = []

    def connect(provider: Provider) -> OpenAI:
        clients.append(_openai(provider))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def anthropic_client() -> Iterator[Callable[[Provider], Anthropic]]:
    """Makes clients of Anthropic that do not retry, and closes them."""
    clients: list[Anthropic] = []

    def connect(provider: Provider) -> Anthropic:
        clients.append(_anthropic(provider))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
