"""What a typed function says about itself: its parameters, its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import docstring_parser
from pydantic.fields import FieldInfo

from steer.agents.tool_context import ToolContext
from steer.errors import AgentError

__all__ = ["Parameter", "Signature", "read_signature"]

_EMPTY = inspect.Parameter.empty
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One argument that the model fills in."""

    name: str
    annotation: Any
    required: bool
    default: Any = None
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """A function as a tool: what it takes from the model and what it is for.

    ``context_parameter`` is the parameter that is given the ``ToolContext``, if there is one.
    """

    parameters: tuple[Parameter, ...]
    context_parameter: str | None
    description: str
    is_async: bool


def read_signature(
    function: Callable[..., Any], *, tool: str, local_names: Mapping[str, Any]
) -> Signature:
    """Read a function that is to become the tool named ``tool``.

    ``local_names`` are looked up for annotations that the function's own module does not
    define, as for a tool defined inside a function. Raises ``AgentError`` for a function that
    cannot be called by a model.
    """
    target = inspect.unwrap(function)
    if not (inspect.isfunction(target) or inspect.ismethod(target)):
        raise AgentError(
            f"tool {tool!r} is made of a {type(function).__name__}",
            fix="Put it into a function with typed parameters",
        )
    if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        raise AgentError(f"tool {tool!r} yields", fix="Return one value, for example a list")
    hints = _hints(target, tool, local_names)
    described, description = _docstring(target)
    parameters: list[Parameter] = []
    contexts: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        name = parameter.name
        if _is_context(hints.get(name)):
            contexts.append(name)
            continue
        _check_kind(parameter, tool, typed=name in hints)
        parameters.append(
            Parameter(
                name=name,
                annotation=hints[name],
                required=parameter.default is _EMPTY,
                default=None if parameter.default is _EMPTY else parameter.default,
                description=_annotated_description(hints[name]) or described.get(name),
            )
        )
    if len(contexts) > 1:
        raise AgentError(f"tool {tool!r} asks for its context twice: {', '.join(contexts)}")
    return Signature(
        parameters=tuple(parameters),
        context_parameter=contexts[0] if contexts else None,
        description=description,
        is_async=inspect.iscoroutinefunction(function),
    )


def _hints(target: Any, tool: str, local_names: Mapping[str, Any]) -> dict[str, Any]:
    try:
        try:
            return get_type_hints(target, include_extras=True)
        except NameError:
            # Second, so that names where the decorator stands never win over the function's own.
            return get_type_hints(target, localns=dict(local_names), include_extras=True)
    except NameError as error:
        raise AgentError(
            f"tool {tool!r} has an annotation that cannot be resolved: {error}",
            fix="Define or import the type above the tool, outside of `if TYPE_CHECKING:`",
        ) from error


def _is_context(annotation: Any) -> bool:
    """Tell the context's parameter, optional or annotated too: no model is to fill it in."""
    return annotation is ToolContext or ToolContext in get_args(annotation)


def _check_kind(parameter: inspect.Parameter, tool: str, *, typed: bool) -> None:
    if parameter.kind not in _NAMED:
        raise AgentError(
            f"tool {tool!r} takes {parameter}, which a model cannot fill in by name",
            fix="Use ordinary parameters",
        )
    if not typed:
        unbound = parameter.name in {"self", "cls"}
        raise AgentError(
            f"tool {tool!r} has a parameter without a type: {parameter.name}",
            fix="Decorate the bound method instead: tool(instance.method)"
            if unbound
            else "Annotate it",
        )
    if isinstance(parameter.default, FieldInfo):
        raise AgentError(
            f"tool {tool!r} has a Field as the default of {parameter.name}",
            fix="Write Annotated[TYPE, Field(...)] and a plain default",
        )


def _annotated_description(annotation: Any) -> str | None:
    """Return what ``Annotated`` says of a parameter, in a Field or as plain text."""
    if get_origin(annotation) is not Annotated:
        return None
    for note in get_args(annotation)[1:]:
        if isinstance(note, FieldInfo) and note.description:
            return note.description
        if isinstance(note, str):
            return note
    return None


def _docstring(target: Any) -> tuple[dict[str, str], str]:
    """Return the descriptions of parameters, and the prose before the first section."""
    text = inspect.getdoc(target) or ""
    try:
        parsed = docstring_parser.parse(text)
    except Exception:
        # The parser trips over odd docstrings with errors of many kinds; the text is good still.
        return {}, text
    described = {
        entry.arg_name: " ".join(entry.description.split())
        for entry in parsed.params
        if entry.description
    }
    return described, (parsed.description or "").strip()
