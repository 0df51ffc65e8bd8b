"""JSON schemas that come with a question: read once, and what does not fit them.

Questions can come from a model. So a schema looks nothing up elsewhere, its patterns run in linear
time, and neither reading it nor checking a value against it takes long, whatever it says.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from pydantic_core import SchemaError, SchemaValidator, core_schema

from steer.values import JsonValue

__all__ = ["BadSchema", "TooMuchWork", "check_schema", "misfit"]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

# How many steps one check may take; a step is about 5 microseconds.
_MAX_STEPS = 100_000
# How many objects a schema may be made of: to check one of them takes about 300 microseconds.
_MAX_OBJECTS = 2_000
# How many subschemas one value may meet before the check goes down into its members.
_MAX_IN_PLACE = 1_000
_MAX_CHAIN = 16
# Characters of all patterns of a schema, each times the repetitions that it counts.
_MAX_PATTERNS = 20_000
_MAX_REASON = 300

_ONE = ("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then")
_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("$defs", "definitions", "dependentSchemas", "properties")
_IN_PLACE = {"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"}
# Patterns of names would run in an engine without a bound; the others look at more than the schema.
_REFUSED = {
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "patternProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
}
_REPEATED = re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}")


class BadSchema(ValueError):
    """Why a schema is none that can be used here."""


class TooMuchWork(Exception):
    """To check the value takes more steps than there may be."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise ``BadSchema`` unless values can be checked against the schema.

    It is plain JSON: bounded in size and depth.
    """
    dialect = schema.get("$schema", _DRAFT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != _DRAFT:
        raise BadSchema(f"$schema: {_short(dialect)} is not read here; write draft 2020-12")
    if _objects(schema) > _MAX_OBJECTS:
        raise BadSchema(f"it has more than {_MAX_OBJECTS} objects; write a smaller one")
    try:
        # Without its formats: they would have the patterns read by another engine.
        library = _library()
        meta = library.Draft202012Validator(library.Draft202012Validator.META_SCHEMA)
        wrong = library.exceptions.best_match(meta.iter_errors(schema))
        if wrong is not None:
            raise BadSchema(_described(wrong))
        _Reader(schema).read()
    except RecursionError as error:
        raise BadSchema("it is nested too deep; make it flatter") from error


def misfit(schema: Mapping[str, Any], value: JsonValue) -> str | None:
    """Return what about the value does not fit a checked schema, in a line; ``None`` if it fits.

    Raises ``TooMuchWork``.
    """
    # The name of a dialect would bring back its own keywords, which have no bound.
    own = {name: member for name, member in schema.items() if name != "$schema"}
    try:
        errors = _Work().validator(own).iter_errors(value)
        wrong = _library().exceptions.best_match(errors)
    except (RecursionError, ArithmeticError) as error:
        raise TooMuchWork from error
    return None if wrong is None else _described(wrong)


class _Reader:
    """One reading of a schema: what in it is refused, and how much work it can make."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._patterns = 0
        # By identity: how many subschemas a value meets in place, and in how long a chain.
        self._work: dict[int, tuple[int, int] | None] = {}

    def read(self) -> None:
        self._refuse(self._root, "its root")
        self._measure_all(self._root)

    def _refuse(self, node: Mapping[str, Any], place: str) -> None:
        for name in sorted(_REFUSED & node.keys()):
            raise BadSchema(f"{place}: {name} is not read here; write it without")
        if node is not self._root:
            for name in sorted({"$id", "$schema"} & node.keys()):
                raise BadSchema(f"{place}: {name} belongs to the root; write it without")
        if "pattern" in node:
            self._pattern(node["pattern"], place)
        if "$ref" in node:
            self._target(node["$ref"], place)
        for keyword, child in _children(node):
            self._refuse(child, keyword)

    def _pattern(self, pattern: str, place: str) -> None:
        self._patterns += _size(pattern)
        if self._patterns > _MAX_PATTERNS:
            raise BadSchema(f"{place}: its patterns are too large to check; write shorter ones")
        try:
            _compiled(pattern)
        except SchemaError as error:
            reason = re.split(r"[Ee]rror: ", " ".join(str(error).split()))[-1]
            raise BadSchema(f"{place}: the pattern {_short(pattern)}: {reason}") from error

    def _target(self, reference: str, place: str) -> Any:
        pointer, *steps = unquote(reference).split("/")
        match pointer, [step.replace("~1", "/").replace("~0", "~") for step in steps]:
            case "#", []:
                return self._root
            case "#", ["$defs" | "definitions" as group, name] if name in self._root.get(group, {}):
                return self._root[group][name]
            case _:
                raise BadSchema(f"{place}: $ref {_short(reference)} names none of its own $defs")

    def _measure_all(self, node: Mapping[str, Any]) -> None:
        self._measure(node)
        for _, child in _children(node):
            self._measure_all(child)

    def _measure(self, node: Any) -> tuple[int, int]:
        if not isinstance(node, Mapping):
            return 1, 1
        if id(node) in self._work:
            known = self._work[id(node)]
            if known is None:
                raise BadSchema("a $ref leads back to itself; let it lead into a member first")
            return known
        self._work[id(node)] = None
        below = [self._measure(child) for keyword, child in _children(node) if keyword in _IN_PLACE]
        if "$ref" in node:
            below.append(self._measure(self._target(node["$ref"], "$ref")))
        work = 1 + sum(each for each, _ in below)
        chain = 1 + max((each for _, each in below), default=0)
        if work > _MAX_IN_PLACE or chain > _MAX_CHAIN:
            raise BadSchema("its alternatives and references are too many to check; write fewer")
        self._work[id(node)] = work, chain
        return work, chain


def _objects(node: Any) -> int:
    match node:
        case Mapping():
            return 1 + sum(map(_objects, node.values()))
        case list():
            return sum(map(_objects, node))
        case _:
            return 0


def _children(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield, with its keyword, each subschema of a schema that fits the dialect."""
    groups = [(keyword, [node.get(keyword)]) for keyword in _ONE]
    groups += [(keyword, node.get(keyword, [])) for keyword in _SEVERAL]
    groups += [(keyword, list(node.get(keyword, {}).values())) for keyword in _NAMED]
    for keyword, children in groups:
        # True and False are schemas too, and hold none.
        yield from ((keyword, child) for child in children if isinstance(child, Mapping))


class _Work:
    """The steps of one check; its validator takes each of them here."""

    def __init__(self) -> None:
        self._left = _MAX_STEPS
        self._patterns: dict[str, SchemaValidator] = {}

    def validator(self, schema: Mapping[str, Any]) -> Any:
        library = _library()
        keywords = library.Draft202012Validator.VALIDATORS
        counted = {name: self._counted(name, check) for name, check in keywords.items()}
        return library.validators.extend(library.Draft202012Validator, counted)(schema)

    def _counted(self, name: str, check: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        check = self._pattern if name == "pattern" else check

        def steps(validator: Any, given: Any, value: Any, schema: Any) -> Iterator[Any]:
            self._spend(1 + _cost(name, given, value))
            for error in check(validator, given, value, schema) or ():
                self._spend(len(error.message) // 100)
                yield error

        return steps

    def _pattern(self, _: Any, pattern: str, value: Any, __: Any) -> Iterable[Any]:
        if not isinstance(value, str):
            return
        self._spend(len(value) * _size(pattern) // 5000)
        if pattern not in self._patterns:
            self._patterns[pattern] = _compiled(pattern)
        if not self._patterns[pattern].isinstance_python(value):
            message = f"{value!r} does not match {pattern!r}"
            yield _library().ValidationError(message)

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooMuchWork


def _cost(keyword: str, given: Any, value: Any) -> int:
    """How many steps more than one a keyword takes."""
    match keyword:
        case "enum":
            return len(given) // 20
        case "uniqueItems" if given and isinstance(value, list):
            # What cannot be sorted is compared pair by pair.
            alike = len({type(member) for member in value} - {int, float}) <= 1
            plain = alike and not any(isinstance(member, list | dict) for member in value)
            return len(value) // 20 if plain else len(value) ** 2 // 20
        case "additionalProperties" | "required" | "propertyNames" if isinstance(value, dict):
            return len(value) // 20
        case _:
            return 0


def _size(pattern: str) -> int:
    """How large a pattern is once its counted repetitions are written out."""
    counts = (max(int(most or 1), int(least or 1)) for least, most in _REPEATED.findall(pattern))
    return len(pattern) * math.prod(max(count, 1) for count in counts)


def _compiled(pattern: str) -> SchemaValidator:
    # This engine knows no look-around and no references, and so needs only linear time.
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _described(error: Any) -> str:
    place = ".".join(map(str, error.absolute_path))
    line = _short(error.message, plain=True)
    return f"{_short(place, plain=True)}: {line}" if place else line


def _short(text: Any, *, plain: bool = False) -> str:
    line = " ".join(text.split()) if plain else repr(text)
    half = _MAX_REASON // 2
    # A value stands at the beginning of such a line, and what is wrong with it at the end.
    return line if len(line) <= _MAX_REASON else f"{line[:half]} … {line[-half:]}"


def _library() -> Any:
    # It takes longer to import than all of this package, and few questions have a schema.
    return importlib.import_module("jsonschema")
