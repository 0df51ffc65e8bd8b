"""The ``response`` object that a Responses answer is, or that its first and last events carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from steer_conformance.provider.parts import Usage
from steer_conformance.provider.replies import Stop, Turn
from steer_conformance.provider.request import Request
from steer_conformance.provider.response_items import items
from steer_conformance.provider.wire import CREATED

__all__ = ["ENDINGS", "Ending", "finished_response", "new_response"]


class Ending(NamedTuple):
    """How a response ends: its status, and the reason where it is incomplete."""

    status: str
    reason: str | None = None

    @property
    def event(self) -> str:
        """The last event of the stream."""
        return f"response.{self.status}"


ENDINGS: Final[Mapping[Stop, Ending]] = {
    "end": Ending("completed"),
    "tool_calls": Ending("completed"),
    "refusal": Ending("completed"),
    "stop_sequence": Ending("completed"),
    "pause": Ending("completed"),
    "max_tokens": Ending("incomplete", "max_output_tokens"),
    "context_window": Ending("incomplete", "max_output_tokens"),
    "content_filter": Ending("incomplete", "content_filter"),
    "failed": Ending("failed"),
}

# What the answer repeats of the request, and what it says where the request did not.
_ECHOED: Final[Mapping[str, Any]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def new_response(request: Request) -> dict[str, Any]:
    """A response of which nothing is known yet."""
    echoed = {name: request.body.get(name, usual) for name, usual in _ECHOED.items()}
    return {
        "id": f"resp_{request.index}",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": request.model,
        "output": [],
        "usage": None,
        **echoed,
    }


def finished_response(turn: Turn, request: Request) -> dict[str, Any]:
    """The whole response, with its usage."""
    status, reason = ENDINGS[turn.stop]
    failed = {"code": "server_error", "message": "The model failed to generate a response."}
    return new_response(request) | {
        "status": status,
        "completed_at": CREATED if status == "completed" else None,
        "error": failed if status == "failed" else None,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": [item.closed for item in items(turn, request)],
        "usage": _usage(turn.usage),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
