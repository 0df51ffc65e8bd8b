"""The arguments of a tool call: their schema, and the check of what a model sent."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NewType

from pydantic import Field, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from steer.agents.schema import JsonSchema, json_schema, object_adapter
from steer.agents.signature import Parameter
from steer.errors import ErrorCategory, SteerError

__all__ = ["ArgumentsModel", "ParsedArguments", "ToolArgumentsError"]

ParsedArguments = NewType("ParsedArguments", dict[str, Any])

# A model needs the gist to correct itself; its own input is in its context already.
_MAX_PROBLEMS = 5
_MAX_ECHO = 60


class ToolArgumentsError(SteerError):
    """A model called a tool with arguments that do not fit; the message is for the model."""

    code = "tool_arguments"
    category = ErrorCategory.VALIDATION


class ArgumentsModel:
    """The parameters of one tool as pydantic checks them."""

    def __init__(self, tool: str, parameters: Sequence[Parameter]) -> None:
        self._tool = tool
        self._names = tuple(parameter.name for parameter in parameters)
        # Pydantic reserves some field names (`copy`, `json`, a leading underscore): parameters
        # may have any name, so they are aliases of numbered fields.
        fields: dict[str, Any] = {
            f"field_{number}": (
                parameter.annotation,
                Field(
                    default=... if parameter.required else parameter.default,
                    alias=parameter.name,
                    description=parameter.description,
                ),
            )
            for number, parameter in enumerate(parameters)
        }
        self._adapter = object_adapter(fields, name=tool, what=f"tool {tool!r}")

    def schema(self) -> JsonSchema:
        """The JSON schema of the arguments, an object; ``AgentError`` where a type has none."""
        schema = json_schema(self._adapter, what=f"tool {self._tool!r}")
        schema.pop("title", None)  # the name goes to the model beside the schema
        return {"type": "object", "properties": {}, **schema}

    def parse(self, arguments: str | Mapping[str, Any]) -> ParsedArguments:
        """Return the arguments as the function wants them, defaults filled in.

        Takes the model's JSON text, of which an empty one means no arguments, or the decoded
        object. Raises ``ToolArgumentsError``.
        """
        text = arguments if isinstance(arguments, str) else self._as_json(arguments)
        try:
            checked = self._adapter.validate_json(text if text.strip() else "{}")
        except ValidationError as error:
            raise self._refused(error) from error
        # Fields are kept in the order of their definition.
        return ParsedArguments(dict(zip(self._names, checked.__dict__.values(), strict=True)))

    def _as_json(self, arguments: Mapping[str, Any]) -> str:
        try:
            return to_json(arguments).decode()
        except PydanticSerializationError as error:
            raise ToolArgumentsError(
                f"The arguments of {self._tool} are no JSON: {error}"
            ) from error

    def _refused(self, error: ValidationError) -> ToolArgumentsError:
        problems = error.errors(include_url=False, include_context=False)
        lines = [self._problem(problem) for problem in problems[:_MAX_PROBLEMS]]
        if len(problems) > _MAX_PROBLEMS:
            lines.append(f"and {len(problems) - _MAX_PROBLEMS} more")
        listed = "\n".join(f"- {line}" for line in lines)
        return ToolArgumentsError(
            f"The arguments of {self._tool} do not fit its schema:\n{listed}\n"
            "Call it again with arguments that fit."
        )

    def _problem(self, problem: Mapping[str, Any]) -> str:
        place = ".".join(map(str, problem["loc"]))
        match problem["type"]:
            case "json_invalid":
                return str(problem["msg"])
            case "missing":
                return f"{place}: required, but missing"
            case "extra_forbidden" if place not in self._names:
                close = difflib.get_close_matches(place, self._names, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known: {self._known()}"
                return f"{_shortened(place)}: no such argument ({hint})"
            case "model_type" if not place:
                return "they must be one JSON object"
            case _:
                said = f"{problem['msg']}, got {_echo(problem['input'])}"
                return f"{place}: {said}" if place else said

    def _known(self) -> str:
        return ", ".join(self._names) or "it takes none"


def _echo(value: Any) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return _shortened(json.dumps(value, default=str))


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_ECHO else f"{text[:_MAX_ECHO]}…"
