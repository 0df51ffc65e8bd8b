"""JSON schemas of Python types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import ConfigDict, TypeAdapter, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from steer.errors import AgentError

__all__ = [
    "JsonSchema",
    "adapter_for",
    "json_schema",
    "object_adapter",
    "root_written_out",
    "target_of",
]

JsonSchema: TypeAlias = dict[str, Any]


class _UntitledFields(GenerateJsonSchema):
    """Pydantic's schema without the titles it makes up from field names: they cost tokens."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's hook
        """Return that no field is given a title of pydantic's making."""
        return False

    def render_warning_message(self, kind: object, detail: str) -> None:
        """Warn of nothing: a default that is no JSON stays a matter of the Python side."""


def adapter_for(kind: Any, *, what: str) -> TypeAdapter[Any]:
    """Return pydantic's adapter of a type; ``AgentError`` names ``what`` the type is for."""
    try:
        return TypeAdapter(kind)
    except (PydanticUserError, NameError, TypeError) as error:
        raise _unfit(what, error) from error


def object_adapter(fields: Mapping[str, Any], *, name: str, what: str) -> TypeAdapter[Any]:
    """Return the adapter of an object with exactly these fields, as ``create_model`` takes them.

    Raises ``AgentError`` as ``adapter_for`` does.
    """
    try:
        model = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    except (PydanticUserError, NameError, TypeError) as error:
        raise _unfit(what, error) from error
    return TypeAdapter(model)


def json_schema(kind: Any, *, what: str = "the type") -> JsonSchema:
    """Return the JSON schema (draft 2020-12) of what a type, or pydantic's adapter, accepts.

    Raises ``AgentError``, naming ``what`` the type is for, where there is none.
    """
    adapter = kind if isinstance(kind, TypeAdapter) else adapter_for(kind, what=what)
    try:
        return adapter.json_schema(schema_generator=_UntitledFields)
    except PydanticUserError as error:
        raise _unfit(what, error) from error


def _unfit(what: str, error: Exception) -> AgentError:
    # Only the first line: pydantic goes on with advice for those who define types for it.
    reason = str(error).partition("\n")[0].rstrip(".")
    return AgentError(
        f"{what} has a type that JSON cannot carry: {reason}",
        fix="Use plain types, dataclasses or pydantic models",
    )


def target_of(root: Mapping[str, Any], reference: str) -> Mapping[str, Any] | None:
    """Return the definition that a reference into the same schema names, if there is one."""
    pointer, *rest = reference.split("/")
    if pointer != "#":
        return None
    node: Any = root
    for step in rest:
        key = step.replace("~1", "/").replace("~0", "~")
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else None


def root_written_out(schema: Mapping[str, Any]) -> JsonSchema:
    """Return the schema with a root that says what it is, where it was only a reference.

    Pydantic writes the root of a recursive type so, and vendors want to see an object there.
    """
    root, seen = dict(schema), set[str]()
    while isinstance(reference := root.get("$ref"), str) and reference not in seen:
        seen.add(reference)
        target = target_of(schema, reference)
        if target is None:
            break
        del root["$ref"]
        root = {**target, **root}
    return root
