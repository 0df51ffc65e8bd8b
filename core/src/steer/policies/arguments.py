"""Conditions on the arguments of a tool call, and the edits a rule makes to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from steer.errors import ConfigError
from steer.policies.conditions import Condition
from steer.policies.json_values import copy_json, is_json, json_type
from steer.values import JsonValue

__all__ = ["MAX_ITEMS", "ArgumentTest", "Judgement", "Rewrite"]

# An array longer than this cannot be judged: the gate's time must not be the model's to choose.
MAX_ITEMS = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Whether a test holds; ``None`` with the reason in ``doubt`` where that cannot be said."""

    holds: bool | None
    doubt: str = ""


_HOLDS = Judgement(holds=True)
_FAILS = Judgement(holds=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArgumentTest:
    """A condition on what lies at a dotted path, for example ``customer.email``.

    ``*`` in the path stands for the items of an array. ``every`` says that all of them have to
    fit, as an allow rule needs; otherwise one is enough.
    """

    path: str
    condition: Condition
    every: bool
    _keys: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Take the path apart."""
        object.__setattr__(self, "_keys", _keys(self.path))

    def judge(self, arguments: JsonValue) -> Judgement:
        """Judge the arguments of a call; ``None`` counts as no arguments."""
        if arguments is None:
            arguments = {}
        if not isinstance(arguments, dict):
            return self._doubt(f"the arguments are {json_type(arguments)}")
        values = _values_at(arguments, self._keys)
        if values is None:
            return self._doubt("it does not lead through objects")
        if len(values) > MAX_ITEMS:
            return self._doubt(f"there are more than {MAX_ITEMS} items")
        doubtful: list[JsonValue] = []
        for value in values:
            holds = self.condition.judge(value)
            if holds is None:
                doubtful.append(value)
            elif holds is not self.every:
                return _FAILS if self.every else _HOLDS
        if doubtful:
            value = doubtful[0]
            return self._doubt("it is missing" if value is None else f"it is {json_type(value)}")
        return _HOLDS if self.every else _FAILS

    def _doubt(self, why: str) -> Judgement:
        return Judgement(holds=None, doubt=f"{self.path} cannot be judged: {why}")


def _values_at(value: JsonValue, keys: Sequence[str]) -> list[JsonValue] | None:
    """Find what a path leads to: missing things as ``None``, ``None`` where it leads nowhere."""
    places = [value]
    for key in keys:
        found: list[JsonValue] = []
        for place in places:
            if place is None:
                found.append(None)
            elif key == "*" and isinstance(place, list):
                found.extend(place)
            elif key != "*" and isinstance(place, dict):
                found.append(place.get(key))
            else:
                return None
            if len(found) > MAX_ITEMS:
                return found
        places = found
    return places


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewrite:
    """An edit of the arguments: first ``drop`` takes paths out, then ``put`` writes values.

    Objects on the way to a written value are created where they are missing. Raises
    ``ConfigError`` for an edit that does nothing or touches one place twice.
    """

    put: Mapping[str, JsonValue] = field(default_factory=dict, hash=False)
    drop: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Take copies, and refuse paths that lie in one another: their order would matter."""
        if not is_json(put := dict(self.put)):
            raise ConfigError(f"a rewrite puts {put!r}, which JSON does not have")
        object.__setattr__(self, "put", copy_json(put))
        object.__setattr__(
            self, "drop", (self.drop,) if isinstance(self.drop, str) else tuple(self.drop)
        )
        paths = sorted(_keys(path) for path in (*self.put, *self.drop))
        if not paths:
            raise ConfigError("a rewrite changes nothing", fix="Give put or drop")
        for path, following in pairwise(paths):
            if following[: len(path)] == path:
                raise ConfigError(f"a rewrite touches {'.'.join(path)} twice")
        if any("*" in path for path in paths):
            raise ConfigError("a rewrite cannot use * in a path")

    def apply(self, arguments: JsonValue) -> JsonValue | None:
        """Return edited arguments, sharing nothing with the given ones.

        ``None`` where a path does not lead through objects, so that the edit cannot be made.
        """
        edited = copy_json({} if arguments is None else arguments)
        for path in self.drop:
            *way, last = _keys(path)
            place = _object_at(edited, way, create=False)
            if place is None:
                return None
            place.pop(last, None)
        for path, value in self.put.items():
            *way, last = _keys(path)
            place = _object_at(edited, way, create=True)
            if place is None:
                return None
            place[last] = copy_json(value)
        return edited


def _object_at(
    value: JsonValue, way: Sequence[str], *, create: bool
) -> dict[str, JsonValue] | None:
    for key in way:
        if not isinstance(value, dict):
            return None
        if value.get(key) is None:
            if not create:
                # Nothing to take out: an object that is not attached anywhere stands in.
                return {}
            value[key] = {}
        value = value[key]
    return value if isinstance(value, dict) else None


def _keys(path: str) -> tuple[str, ...]:
    keys = tuple(path.split("."))
    if not all(keys):
        raise ConfigError(
            f"{path!r} is no path to an argument",
            fix="Write the names of the fields with dots between, for example customer.email",
        )
    return keys
