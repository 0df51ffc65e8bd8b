"""Structured output: the schema the model is asked for, and the check of what it sent."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from steer.agents.schema import (
    JsonSchema,
    adapter_for,
    json_schema,
    object_adapter,
    root_written_out,
    target_of,
)
from steer.agents.strict import closed_form
from steer.errors import AgentError, ErrorCategory, RuntimeFailure

__all__ = ["OutputSpec", "output_spec"]

# Vendors take only objects; any other type travels as this member of one.
_MEMBER = "response"
# The names that vendors take, for example OpenAI's response_format.json_schema.name.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Characters; a reason may quote the model's answer, which has no bound of its own.
_MAX_REASON = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputSpec:
    """What an agent's final answer has to be.

    ``schema`` always describes an object. ``strict`` says whether it is in the closed form that
    vendors can enforce while decoding; ``validate`` checks the answer in either case.
    """

    name: str
    schema: JsonSchema
    strict: bool
    _parse: Callable[[str], Any] = field(repr=False, compare=False)

    def validate(self, text: str) -> Any:
        """Return the model's answer as the declared type, or as JSON for a raw schema.

        Raises ``RuntimeFailure`` with category ``schema`` and one line that says what is wrong.
        """
        try:
            return self._parse(text)
        except ValidationError as error:
            first, *more = error.errors(include_url=False, include_context=False)
            place = ".".join(map(str, first["loc"]))
            reason = f"{place}: {first['msg']}" if place else first["msg"]
            others = f" (and {len(more)} more)" if more else ""
            raise self._failure(f"{reason}{others}") from error
        except _Unfit as error:
            raise self._failure(str(error)) from error.__cause__

    def _failure(self, reason: str) -> RuntimeFailure:
        line = " ".join(reason.split())
        if len(line) > _MAX_REASON:
            line = f"{line[:_MAX_REASON]}…"
        return RuntimeFailure(
            f"the model's answer is not a valid {self.name}: {line}", category=ErrorCategory.SCHEMA
        )


def output_spec(output_type: Any, *, strict: bool | None = None) -> OutputSpec | None:
    """Return what an agent's ``output_type`` asks of the model, ``None`` for plain text.

    A type that pydantic can validate, or a JSON schema as a mapping (draft 2020-12 unless it
    says otherwise, its root an object). ``strict=None`` uses the closed form where the type
    allows it; ``True`` raises ``AgentError`` where it does not. Raises ``AgentError`` as well
    for a type or a schema that makes no sense.
    """
    if output_type is None or output_type is str:
        return None
    if isinstance(output_type, Mapping):
        schema, parse = _raw(output_type)
        name = schema.get("title")
    else:
        schema, parse = _typed(output_type)
        name = getattr(output_type, "__name__", None)
    closed = closed_form(schema, strict=strict, what="the output")
    return OutputSpec(
        name=name if isinstance(name, str) and _NAME.fullmatch(name) else "output",
        schema=closed or schema,
        strict=closed is not None,
        _parse=parse,
    )


def _typed(output_type: Any) -> tuple[JsonSchema, Callable[[str], Any]]:
    adapter = adapter_for(output_type, what="the output")
    schema = root_written_out(json_schema(adapter, what="the output"))
    if schema.get("type") == "object":
        return schema, adapter.validate_json
    wrapped = object_adapter({_MEMBER: (output_type, ...)}, name="Output", what="the output")

    def unwrap(text: str) -> Any:
        return getattr(wrapped.validate_json(text), _MEMBER)

    return json_schema(wrapped, what="the output"), unwrap


class _Unfit(Exception):
    """An answer that a raw JSON schema refuses."""


def _raw(given: Mapping[str, Any]) -> tuple[JsonSchema, Callable[[str], Any]]:
    try:
        schema: JsonSchema = json.loads(json.dumps(given))  # the author's own may change later
    except (TypeError, ValueError, RecursionError) as error:
        raise AgentError(f"the output schema is no JSON: {error}") from error
    if schema.get("type") != "object":
        raise AgentError(
            "the output schema is no object at its root",
            fix='Set "type": "object" and put the value into one of its properties',
        )
    for reference in _references(schema):
        if target_of(schema, reference) is None:
            raise AgentError(f"the output schema refers to {reference!r}, which is not in it")
    # jsonschema takes longer to import than all of this package; only raw schemas need it.
    jsonschema: Any = importlib.import_module("jsonschema")
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        place = ".".join(map(str, error.absolute_path)) or "its root"
        raise AgentError(f"the output schema is wrong at {place}: {error.message}") from error
    validator = kind(schema)

    def parse(text: str) -> Any:
        try:
            answer = from_json(text, allow_inf_nan=False)
        except ValueError as error:
            raise _Unfit(f"Invalid JSON: {error}") from error
        problem = jsonschema.exceptions.best_match(validator.iter_errors(answer))
        if problem is not None:
            place = ".".join(map(str, problem.absolute_path))
            raise _Unfit(f"{place}: {problem.message}" if place else problem.message) from problem
        return answer

    return schema, parse


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(reference := node.get("$ref"), str):
            yield reference
        node = list(node.values())
    if isinstance(node, list):
        for member in node:
            yield from _references(member)
