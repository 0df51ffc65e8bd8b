"""What the SDK asks a model, before it is put into any vendor's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

from agents import ModelSettings, ModelTracing, Tool
from agents.agent_output import AgentOutputSchemaBase
from agents.handoffs import Handoff
from agents.items import TResponseInputItem
from agents.tool import FunctionTool
from openai.types.responses.response_prompt_param import ResponsePromptParam
from pydantic_core import to_json

__all__ = [
    "OUTPUT_LIMITS",
    "Question",
    "asked",
    "described",
    "is_bounded",
    "is_whole",
    "output_limit",
    "with_seed_in_body",
    "with_usage",
]

OUTPUT_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")
"""What the bound on an answer is called: in Responses, in Chat today, and in Chat before."""

_PLAIN_ITEMS = frozenset({"message", "function_call", "function_call_output", "reasoning"})
_PLAIN_PARTS = frozenset({"input_text", "output_text", "text", "refusal"})
# What makes the provider add something of its own to the request.
_KEPT_ELSEWHERE = frozenset({"conversation", "previous_response_id", "prompt"})


class Question(TypedDict):
    """The arguments of ``Model.stream_response``, by name."""

    system_instructions: str | None
    input: str | list[TResponseInputItem]
    model_settings: ModelSettings
    tools: list[Tool]
    output_schema: AgentOutputSchemaBase | None
    handoffs: list[Handoff[Any, Any]]
    tracing: ModelTracing
    previous_response_id: str | None
    conversation_id: str | None
    prompt: ResponsePromptParam | None


def asked(  # noqa: PLR0917 - the SDK gives them in this order
    system_instructions: str | None,
    input: str | list[TResponseInputItem],  # noqa: A002 - the SDK's name
    model_settings: ModelSettings,
    tools: list[Tool],
    output_schema: AgentOutputSchemaBase | None,
    handoffs: list[Handoff[Any, Any]],
    tracing: ModelTracing,
    **kept: Any,
) -> Question:
    """Return the arguments of ``Model.get_response`` and ``Model.stream_response`` by name."""
    return Question(
        system_instructions=system_instructions,
        input=input,
        model_settings=model_settings,
        tools=tools,
        output_schema=output_schema,
        handoffs=handoffs,
        tracing=tracing,
        previous_response_id=kept.get("previous_response_id"),
        conversation_id=kept.get("conversation_id"),
        prompt=kept.get("prompt"),
    )


def is_bounded(question: Question) -> bool:
    """Whether the bytes of the request bound its tokens.

    They do not where it holds a picture or a file, offers hosted tools, or refers to what the
    provider keeps: a stored prompt, an earlier response, a conversation.
    """
    settings, items = question["model_settings"], question["input"]
    extras = (settings.extra_args, settings.extra_body)
    return (
        question["prompt"] is None
        and is_whole(question)
        and all(isinstance(tool, FunctionTool) for tool in question["tools"])
        and not any(
            isinstance(extra, Mapping) and _KEPT_ELSEWHERE & extra.keys() for extra in extras
        )
        and (isinstance(items, str) or all(_is_plain(item) for item in items))
    )


def is_whole(question: Question) -> bool:
    """Whether all that the model reads is in the question, and none of it kept by the provider."""
    return question["previous_response_id"] is None and question["conversation_id"] is None


def _is_plain(item: Any) -> bool:
    if not isinstance(item, Mapping) or item.get("type", "message") not in _PLAIN_ITEMS:
        return False
    parts = item.get("content") or item.get("output")
    if not isinstance(parts, list) or item.get("type") == "reasoning":
        return True
    return all(isinstance(part, Mapping) and part.get("type") in _PLAIN_PARTS for part in parts)


def output_limit(question: Question) -> int | None:
    """Return how much the author lets the model answer, in tokens."""
    settings = question["model_settings"]
    for extra in (settings.extra_body, settings.extra_args):
        if isinstance(extra, Mapping):
            for name in OUTPUT_LIMITS:
                if isinstance(limit := extra.get(name), int):
                    return limit
    return settings.max_tokens


def with_usage(question: Question) -> Question:
    """Ask Chat for its count of tokens, which it sends with a stream only when asked."""
    settings = question["model_settings"]
    if settings.include_usage is not None:
        return question
    return {**question, "model_settings": replace(settings, include_usage=True)}


def with_seed_in_body(question: Question) -> Question:
    """Move the seed to where Responses takes it: its client has no argument of that name."""
    settings = question["model_settings"]
    extra, body = settings.extra_args or {}, settings.extra_body or {}
    if "seed" not in extra or not isinstance(body, Mapping):
        return question
    rest = {name: value for name, value in extra.items() if name != "seed"}
    settings = replace(
        settings, extra_args=rest or None, extra_body={**body, "seed": extra["seed"]}
    )
    return {**question, "model_settings": settings}


def described(question: Question) -> bytes:
    """Return what is asked of a model whose request cannot be seen, as bytes to compare."""
    settings, schema = question["model_settings"], question["output_schema"]
    return to_json(
        [
            question["system_instructions"],
            question["input"],
            {key: value for key, value in vars(settings).items() if value is not None},
            [_described_tool(tool) for tool in question["tools"]],
            [[each.tool_name, each.input_json_schema] for each in question["handoffs"]],
            None if schema is None or schema.is_plain_text() else schema.json_schema(),
            question["previous_response_id"],
            question["conversation_id"],
            question["prompt"],
        ],
        fallback=lambda value: getattr(value, "__qualname__", type(value).__qualname__),
    )


def _described_tool(tool: Tool) -> list[Any]:
    if isinstance(tool, FunctionTool):
        return [tool.name, tool.description, tool.params_json_schema]
    return [tool.name]
