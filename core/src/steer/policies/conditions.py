"""The closed vocabulary of what a rule can say about one argument of a tool.

A condition answers with three values: it holds, it does not, or (``None``) it cannot be judged,
because the argument is missing or of another type. What cannot be judged counts against the
call: an allow rule then does not apply, a deny or ask rule does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import TypeAlias

from pydantic_core import SchemaError, SchemaValidator, core_schema, to_json

from steer.errors import ConfigError
from steer.policies.globs import Globs
from steer.policies.json_values import copy_json, is_json, json_type, same_json
from steer.policies.paths import PathRoot, path_parts
from steer.values import JsonValue

__all__ = ["MAX_TEXT", "Condition"]

# Every check is linear in the text, so this bounds the gate's time: about 0.1 ms for a regex.
MAX_TEXT = 65_536

_IN_FILES = {"one_of": "in"}
_SHOWN = 80

Check: TypeAlias = Callable[[JsonValue], bool | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What one argument has to be; everything that is given must hold.

    ``equals`` and ``one_of`` (``in`` in a file) compare JSON values: ``true`` is not 1.
    ``glob`` and ``matches`` (a regular expression without look-around, run in linear time) fit
    the whole string. ``under`` is for paths: the directory itself or anything below it, with
    ``..`` resolved by name; symbolic links are not followed. ``min`` and ``max`` are for
    numbers and inclusive, ``min_length`` and ``max_length`` for strings and arrays.
    ``present`` asks whether the argument is there at all; ``null`` is as good as absent.

    Raises ``ConfigError`` for a condition that says nothing or could never hold.
    """

    equals: JsonValue = None
    one_of: Sequence[JsonValue] | None = None
    glob: str | Sequence[str] | None = None
    matches: str | None = None
    under: str | Sequence[str] | None = None
    min: float | None = None
    max: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    present: bool | None = None
    _checks: tuple[Check, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile what was given and refuse what makes no sense together."""
        given = {
            item.name: value
            for item in fields(self)
            if item.init and (value := getattr(self, item.name)) is not None
        }
        if not given:
            raise ConfigError(
                "a condition says nothing about its argument",
                fix=f"Give one of {', '.join(item.name for item in fields(self) if item.init)}",
            )
        if self.present is False and len(given) > 1:
            raise ConfigError("a condition wants an argument absent and says what it has to be")
        _check_bounds("min", self.min, "max", self.max)
        _check_bounds("min_length", self.min_length, "max_length", self.max_length)
        checks = tuple(_CHECKS[name](value) for name, value in given.items() if name in _CHECKS)
        object.__setattr__(self, "_checks", checks)

    def __str__(self) -> str:
        said = {item.name: getattr(self, item.name) for item in fields(self) if item.init}
        given = {_IN_FILES.get(name, name): v for name, v in said.items() if v is not None}
        return ", ".join(f"{name} = {_shown(value)}" for name, value in given.items())

    def judge(self, value: JsonValue) -> bool | None:
        """Whether it holds for ``value``; ``None`` where that cannot be judged."""
        if value is None:
            return None if self.present is None else not self.present
        if self.present is False:
            return False
        verdict: bool | None = True
        for check in self._checks:
            answer = check(value)
            # A definite no is stronger than a doubt: the conditions are joined by "and".
            if answer is False:
                return False
            if answer is None:
                verdict = None
        return verdict


def _shown(value: object) -> str:
    """Return a value as a file says it; not all of a long one."""
    text = to_json(value, fallback=str).decode()
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _equals(expected: JsonValue) -> Check:
    return _one_of([expected])


def _one_of(expected: Sequence[JsonValue]) -> Check:
    if isinstance(expected, str) or not expected or any(value is None for value in expected):
        raise ConfigError(f"{expected!r} is no list of values to compare with")
    if not is_json(expected):
        raise ConfigError(f"{expected!r} holds a value that JSON does not have")
    values = tuple(copy_json(expected))
    kinds = {json_type(value) for value in values}

    def check(value: JsonValue) -> bool | None:
        if any(same_json(item, value) for item in values):
            return True
        # "500" where 500 is meant: the tool may well convert it, so this is no definite no.
        return False if json_type(value) in kinds else None

    return check


def _glob(patterns: str | Sequence[str]) -> Check:
    names = Globs(_texts("glob", patterns))
    return lambda value: value in names if _is_text(value) else None


def _matches(pattern: str) -> Check:
    # Compiled alone first: wrapping would make sense of a lone "a)|(b".
    _regex(pattern)
    try:
        compiled = _regex(f"\\A(?:{pattern})\\z")
    except ConfigError:
        # With the flag x the pattern may end in a comment, which the line break closes.
        compiled = _regex(f"\\A(?:{pattern}\n)\\z")

    def check(value: JsonValue) -> bool | None:
        if not _is_text(value) or not _is_unicode(value):
            return None
        return compiled.isinstance_python(value)

    return check


def _regex(pattern: str) -> SchemaValidator:
    # The engine is Rust's: no pattern and no text can make it backtrack.
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        said = " ".join(str(error).split()).rpartition("error: ")[2]
        raise ConfigError(
            f"the regular expression {pattern!r} cannot be used: {said}",
            fix="Look-around and back-references are not possible; the syntax is at docs.rs/regex",
        ) from error


def _under(directories: str | Sequence[str]) -> Check:
    roots = tuple(PathRoot.of(directory) for directory in _texts("under", directories))

    def check(value: JsonValue) -> bool | None:
        parts = path_parts(value) if _is_text(value) else None
        if parts is None:
            return None
        answers = [root.holds(parts) for root in roots]
        return True if True in answers else None if None in answers else False

    return check


def _min(bound: float) -> Check:
    return lambda value: value >= bound if _is_number(value) else None


def _max(bound: float) -> Check:
    return lambda value: value <= bound if _is_number(value) else None


def _min_length(bound: int) -> Check:
    return lambda value: len(value) >= bound if isinstance(value, str | list) else None


def _max_length(bound: int) -> Check:
    return lambda value: len(value) <= bound if isinstance(value, str | list) else None


_CHECKS: dict[str, Callable[..., Check]] = {
    "equals": _equals,
    "one_of": _one_of,
    "glob": _glob,
    "matches": _matches,
    "under": _under,
    "min": _min,
    "max": _max,
    "min_length": _min_length,
    "max_length": _max_length,
}


def _check_bounds(low_name: str, low: object, high_name: str, high: object) -> None:
    for name, bound in ((low_name, low), (high_name, high)):
        if bound is not None and not _is_number(bound):
            raise ConfigError(f"{name} is {bound!r}, it must be a finite number")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        raise ConfigError(f"{low_name} is {low} and {high_name} is {high}: nothing lies between")


def _texts(what: str, given: str | Sequence[object]) -> tuple[str, ...]:
    items = (given,) if isinstance(given, str) else given
    texts = tuple(item for item in items if isinstance(item, str) and item)
    if not texts or len(texts) != len(items):
        raise ConfigError(f"{what} is {given!r}, it must be text or a list of texts")
    return texts


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT


def _is_unicode(value: str) -> bool:
    # JSON can spell half of a surrogate pair; the regex engine cannot read such a string.
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: JsonValue) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
