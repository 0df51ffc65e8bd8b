"""The closed form of JSON schemas that strict decoding of tools and outputs asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from steer.agents.schema import JsonSchema, root_written_out, target_of
from steer.errors import AgentError

__all__ = ["closed_form", "strict_schema"]

# With references written out; real schemas have some hundred.
_MAX_NODES = 20_000

_ANNOTATIONS = frozenset({"title", "description", "examples", "deprecated", "$comment"})
# Some vendors refuse a default, a discriminator is said by each variant, and definitions are
# gathered anew from what still refers to them.
_DROPPED = frozenset({"default", "discriminator", "$defs", "definitions", "$schema"})
_SAYS_WHAT = frozenset({"type", "enum", "const", "anyOf"})
# No constrained decoding takes these, and without them something else would be accepted.
_UNSUPPORTED = (
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "prefixItems",
    "unevaluatedItems",
    "contains",
    "uniqueItems",
    "not",
    "if",
)
_SHAPES = {"$ref": str, "properties": dict, "allOf": list, "anyOf": list, "oneOf": list}
_LOOK_AROUND = ("(?=", "(?!", "(?<")


def strict_schema(schema: Mapping[str, Any], *, what: str = "the schema") -> JsonSchema:
    """Return ``schema`` in the form that strict decoding of tools and outputs asks for.

    Every object is closed and all its properties are required, ``oneOf`` becomes ``anyOf``, a
    reference stands alone or is written out, defaults move into descriptions, and patterns with
    look-around go, since what the model sends is validated once more. Applying it twice changes
    nothing more; the argument stays as it is. The rules are those of OpenAI's structured outputs,
    the narrowest of the vendors' (https://platform.openai.com/docs/guides/structured-outputs).

    Raises ``AgentError``, naming ``what`` and the path, for a schema that accepts what strict
    decoding cannot, for example an object with free keys.
    """
    closing = _Closing(schema, what)
    try:
        return closing.root()
    except RecursionError:
        raise closing.error((), "is nested too deeply") from None


def closed_form(schema: JsonSchema, *, strict: bool | None, what: str) -> JsonSchema | None:
    """Return the strict form where it is wanted and possible, and raise where it has to be."""
    if strict is False:
        return None
    try:
        return strict_schema(schema, what=what)
    except AgentError:
        if strict:
            raise
        return None


class _Closing:
    """One walk over one schema."""

    def __init__(self, schema: Mapping[str, Any], what: str) -> None:
        self._schema = schema
        self._what = what
        self._nodes = 0
        # Definitions that something still refers to, closed when they are first met.
        self._closed: dict[str, JsonSchema] = {}

    def root(self) -> JsonSchema:
        closed = self._close(root_written_out(self._schema), (), frozenset())
        if closed.get("type") != "object":
            raise self.error((), "is no object at its root")
        for reference, definition in self._closed.items():
            _, container, name = reference.split("/")
            closed.setdefault(container, {})[name] = definition
        return closed

    def _close(self, node: Any, path: tuple[str, ...], inside: frozenset[str]) -> JsonSchema:
        """Return the strict form of one node; ``inside`` are the references written out here."""
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise self.error(path, "is too large")
        if not isinstance(node, Mapping):
            raise self.error(path, "accepts anything")
        for word, kind in _SHAPES.items():
            if not isinstance(node.get(word, kind()), kind):
                raise self.error(path, f"has no valid {word!r}")
        kept = _without_dropped(node)
        for word in _UNSUPPORTED:
            if kept.get(word):
                raise self.error(path, f"uses {word!r}")
        if "allOf" in kept:
            return self._close(self._without_all_of(kept, path), path, inside)
        if "$ref" in kept:
            return self._reference(kept, path, inside)
        if not kept.keys() & _SAYS_WHAT:
            raise self.error(path, "accepts anything")
        return self._members(kept, path, inside)

    def _members(
        self, node: JsonSchema, path: tuple[str, ...], inside: frozenset[str]
    ) -> JsonSchema:
        kinds = node.get("type")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if "object" in kinds:
            properties = node.get("properties")
            if node.get("additionalProperties", properties is None) is not False:
                raise self.error(path, "accepts free keys")
            node["properties"] = {
                name: self._close(member, (*path, name), inside)
                for name, member in (properties or {}).items()
            }
            node["required"] = list(node["properties"])
            node["additionalProperties"] = False
        if "array" in kinds:
            node["items"] = self._close(node.get("items"), (*path, "[]"), inside)
        if "anyOf" in node:
            node["anyOf"] = [self._close(variant, path, inside) for variant in node["anyOf"]]
        return node

    def _reference(
        self, node: JsonSchema, path: tuple[str, ...], inside: frozenset[str]
    ) -> JsonSchema:
        reference = node.pop("$ref")
        target = target_of(self._schema, reference)
        if target is None:
            raise self.error(path, f"refers to {reference!r}, which is not in it")
        if node.keys() - _ANNOTATIONS:
            raise self.error(path, "narrows a reference")
        # A type that describes its own members would be written out for ever.
        if node and reference not in inside:
            return self._close({**target, **node}, path, inside | {reference})
        self._define(reference, target, path)
        return {"$ref": reference}

    def _define(self, reference: str, target: Mapping[str, Any], path: tuple[str, ...]) -> None:
        if reference == "#" or reference in self._closed:
            return
        match reference.split("/"):
            case ["#", "$defs" | "definitions", _]:
                self._closed[reference] = {}  # a type may refer to itself
                self._closed[reference] = self._close(target, path, frozenset())
            case _:
                raise self.error(path, f"refers to {reference!r}, which is no definition")

    def _without_all_of(self, node: JsonSchema, path: tuple[str, ...]) -> JsonSchema:
        parts = node.pop("allOf")
        match parts:
            case [dict(part)] if not part.keys() & node.keys() - _ANNOTATIONS:
                return {**part, **node}
            case _:
                raise self.error(path, "uses 'allOf'")

    def error(self, path: tuple[str, ...], reason: str) -> AgentError:
        place = ".".join(path).replace(".[]", "[]")
        where = f"{self._what}: {place}" if place else self._what
        return AgentError(
            f"{where} {reason}, which strict decoding does not allow",
            fix="Name every field, for example in a pydantic model, or do without strict",
        )


def _without_dropped(node: Mapping[str, Any]) -> JsonSchema:
    kept = {word: value for word, value in node.items() if word not in _DROPPED}
    if node.get("default") is not None:
        default = f"(default: {json.dumps(node['default'], ensure_ascii=False)})"
        kept["description"] = f"{kept.get('description', '')} {default}".strip()
    if any(sign in str(kept.get("pattern", "")) for sign in _LOOK_AROUND):
        del kept["pattern"]
    if "oneOf" in kept:
        kept["anyOf"] = [*kept.get("anyOf", ()), *kept.pop("oneOf")]
    if "properties" in kept:
        kept.setdefault("type", "object")
    return kept
