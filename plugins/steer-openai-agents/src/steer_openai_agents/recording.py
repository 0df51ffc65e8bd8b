"""A model's complete response as bytes, so that a replay shows the SDK the same one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.items import ModelResponse
from agents.usage import Usage as SdkUsage
from openai.types.responses import Response, ResponseOutputItem, ResponseUsage
from pydantic_core import from_json, to_json
from steer.errors import Diverged
from steer.values import JsonValue, Usage

from steer_openai_agents.frame import Asked

__all__ = [
    "calls_in",
    "decode_response",
    "encode_response",
    "finish_reason",
    "metadata_in",
    "sdk_response",
    "usage_in",
]

_VERSION = 1


def encode_response(response: Response) -> bytes:
    """Return what the SDK needs of a response.

    Servers repeat the request's instructions and tools in it; those are left out.
    ``exclude_unset`` keeps the difference between a field that is null and one that was not
    there: the items go back to the model in the next request, and a replay compares it.
    """
    return to_json(
        {
            "v": _VERSION,
            "id": response.id,
            "model": response.model,
            "created_at": response.created_at,
            "output": [_dumped(item) for item in response.output],
            "usage": None if response.usage is None else _dumped(response.usage),
            "request_id": getattr(response, "_request_id", None),
        }
    )


def _dumped(value: Any) -> Any:
    # Servers send values that the vendor's types do not list; they are kept as they are.
    return value.model_dump(mode="json", exclude_unset=True, warnings=False)


def decode_response(encoded: bytes) -> Response:
    """Return the response that ``encode_response`` wrote. Raises ``Diverged`` for another form."""
    data = from_json(encoded)
    if not isinstance(data, dict) or data.pop("v", None) != _VERSION:
        raise Diverged(
            "a recorded model response was written by another version of steer-openai-agents",
            fix="Finish the job with the version that began it, or start a new job",
        )
    request_id = data.pop("request_id")
    response = Response.construct(
        **data,
        object="response",
        status="completed",
        parallel_tool_calls=False,
        tool_choice="auto",
        tools=[],
    )
    if request_id is not None:
        response._request_id = request_id  # noqa: SLF001 - where the client itself keeps it
    return response


def usage_in(response: Response) -> Usage | None:
    """Return the provider's count, ``None`` where it sent none."""
    usage = response.usage
    if usage is None:
        return None
    of_input, of_output = usage.input_tokens_details, usage.output_tokens_details
    return Usage(
        requests=1,
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cached_tokens=getattr(of_input, "cached_tokens", 0) or 0,
        cache_write_tokens=getattr(of_input, "cache_write_tokens", 0) or 0,
        reasoning_tokens=getattr(of_output, "reasoning_tokens", 0) or 0,
    )


def metadata_in(response: Response, served_by: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return what a provider says of a response beside its content.

    ``served_by`` is what the wire said that the SDK leaves out.
    """
    said = {
        "request_id": getattr(response, "_request_id", None),
        "service_tier": response.service_tier,
        **served_by,
    }
    return {name: value for name, value in said.items() if value is not None}


def sdk_response(response: Response, *, raw_usage: bool) -> ModelResponse:
    """Return what ``Model.get_response`` returns for a response."""
    usage = response.usage
    return ModelResponse(
        output=response.output,
        usage=SdkUsage(requests=1) if usage is None else _sdk_usage(usage),
        response_id=response.id,
        request_id=getattr(response, "_request_id", None),
        raw_usage=_dumped(usage) if raw_usage and usage is not None else None,
    )


def _sdk_usage(usage: ResponseUsage) -> SdkUsage:
    return SdkUsage(
        requests=1,
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        total_tokens=usage.total_tokens or 0,
        input_tokens_details=usage.input_tokens_details,
        output_tokens_details=usage.output_tokens_details,
    )


def calls_in(output: Sequence[ResponseOutputItem]) -> tuple[Asked, ...]:
    """Return the function calls of a message."""
    return tuple(
        Asked(item.call_id, item.name, item.arguments)
        for item in output
        if item.type == "function_call"
    )


def finish_reason(response: Response) -> str:
    """Return why the model stopped, in Chat's words, where the wire did not say."""
    if any(item.type == "function_call" for item in response.output):
        return "tool_calls"
    refused = any(
        part.type == "refusal"
        for item in response.output
        if item.type == "message"
        for part in item.content
    )
    return "refusal" if refused else "stop"
