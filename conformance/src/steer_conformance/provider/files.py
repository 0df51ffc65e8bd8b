"""Scripts as JSON or TOML files.

A reply is a turn (``{"parts": […], …}``), a failure (``{"type": "failure", "status": 429}``),
raw bytes (``{"type": "raw", "body": "…"}``), or for short a string: a turn with that text. A part
or a mark is named by its ``type`` (``text``, ``tool_call``, ``hold``, …) and has the fields of the
Python class; a string is a text. Bytes are text, or ``{"base64": "…"}``.
"""

from __future__ import annotations

import base64
import binascii
import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Tag,
    ValidationError,
)

from steer_conformance.provider.parts import Reasoning, Refusal, Text, ToolCall, Usage
from steer_conformance.provider.replies import (
    Drop,
    Failure,
    Garbage,
    Hold,
    Raw,
    Reply,
    Stop,
    StreamError,
    Truncate,
    Turn,
)
from steer_conformance.provider.script import Match, Rule, Script
from steer_conformance.provider.script_problems import first_problem

__all__ = ["ScriptError", "dump_script", "load_script", "parse_script"]


class ScriptError(ValueError):
    """A script file that cannot be played; the message says which file, where and why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _text_for_short(value: Any) -> Any:
    return {"type": "text", "text": value} if isinstance(value, str) else value


def _turn_for_short(value: Any) -> Any:
    return {"parts": [value]} if isinstance(value, str) else value


def _tag(value: Any) -> str | None:
    return str(value.get("type", "turn")) if isinstance(value, Mapping) else None


_FilePart: TypeAlias = Annotated[
    Annotated[Text | Reasoning | Refusal | ToolCall, Discriminator("type")],
    BeforeValidator(_text_for_short),
]
_FileMark: TypeAlias = Annotated[
    Hold | Drop | Truncate | Garbage | StreamError, Discriminator("type")
]


class _FileTurn(_Strict):
    type: Literal["turn"] = "turn"
    parts: list[_FilePart] = []
    marks: list[_FileMark] = []
    usage: Usage = Usage()
    stop: Stop | None = None
    chunk_size: int = 16
    latency: float = 0.0
    gap: float = 0.0

    def build(self) -> Turn:
        return Turn(
            *self.parts,
            *self.marks,
            usage=self.usage,
            stop=self.stop,
            chunk_size=self.chunk_size,
            latency=self.latency,
            gap=self.gap,
        )


_FileReply: TypeAlias = Annotated[
    Annotated[
        Annotated[_FileTurn, AfterValidator(_FileTurn.build), Tag("turn")]
        | Annotated[Failure, Tag("failure")]
        | Annotated[Raw, Tag("raw")],
        Discriminator(_tag),
    ],
    BeforeValidator(_turn_for_short),
]


class _FileRule(_Strict):
    when: Match = Match()
    then: _FileReply
    times: int | None = None

    def build(self) -> Rule:
        # A validator has turned the file's turn into a Turn; the annotation cannot say so.
        return Rule(self.when, cast("Reply", self.then), times=self.times)


class _FileScript(_Strict):
    turns: list[_FileReply] = []
    rules: list[Annotated[_FileRule, AfterValidator(_FileRule.build)]] = []
    repeat: bool = False


def load_script(path: Path) -> Script:
    """The script in a ``.json`` or ``.toml`` file.

    Raises:
        ScriptError: in one sentence, with the file, the place in it and what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ScriptError(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: it cannot be read: {error}") from error
    return parse_script(text, toml=path.suffix == ".toml", name=str(path))


def parse_script(text: str, *, toml: bool = False, name: str = "script") -> Script:
    """The script in a text; ``name`` is what errors call it.

    Raises:
        ScriptError: in one sentence, with the name, the place and what is wrong.
    """
    try:
        tree = tomllib.loads(text) if toml else json.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "TOML" if toml else "JSON"
        raise ScriptError(f"{name}: it is not valid {kind}: {error}") from error
    try:
        checked = _FileScript.model_validate(_bytes_in(tree))
    except ValidationError as error:
        raise ScriptError(f"{name}: {first_problem(error, tree)}") from error
    except binascii.Error as error:
        raise ScriptError(f"{name}: what is given as base64 is not: {error}") from error
    turns = cast("list[Reply]", checked.turns)
    rules = cast("list[Rule]", checked.rules)
    return Script(turns, rules=rules, repeat=checked.repeat)


def dump_script(script: Script) -> str:
    """The script as JSON that ``parse_script`` reads back as an equal one.

    Raises:
        ScriptError: if a rule holds a function, for which a file has no words.
    """
    for position, rule in enumerate(script.rules):
        if not isinstance(rule.when, Match) or not isinstance(rule.then, Reply):
            raise ScriptError(f"rules[{position}] holds a function, which no file can say")
    tree = {
        "turns": [_as_tree(reply) for reply in script.turns],
        "rules": [_as_tree(rule) for rule in script.rules],
        "repeat": script.repeat,
    }
    return json.dumps(tree, ensure_ascii=False, indent=2) + "\n"


def _bytes_in(tree: Any) -> Any:
    """The tree with ``{"base64": …}`` decoded where bytes may stand."""
    if isinstance(tree, list):
        return [_bytes_in(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    # What a model passes to a tool is the author's own, whatever it looks like.
    return {
        key: _decoded(value) if key in {"body", "data"} else _bytes_in(value)
        for key, value in tree.items()
        if key != "arguments"
    } | {key: value for key, value in tree.items() if key == "arguments"}


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict) or set(value) != {"base64"}:
        return value
    return base64.b64decode(str(value["base64"]), validate=True)


def _usual(of: Field[Any]) -> Any:
    return of.default if of.default_factory is MISSING else of.default_factory()


def _as_tree(value: Any) -> Any:
    """A value of a script as JSON has it, without what is as usual."""
    match value:
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return {"base64": base64.b64encode(value).decode()}
        case tuple():
            return [_as_tree(each) for each in value]
        case Turn():
            usual = Turn()
            tree = {
                name: _as_tree(kept)
                for name in ("marks", "usage", "chunk_size", "latency", "gap")
                if (kept := getattr(value, name)) != getattr(usual, name)
            }
            return {"parts": _as_tree(value.parts), "stop": value.stop} | tree
        case _ if is_dataclass(value):
            kind = {"type": value.type} if hasattr(value, "type") else {}
            return kind | {
                each.name: _as_tree(kept)
                for each in fields(value)
                if (kept := getattr(value, each.name)) != _usual(each)
            }
        case _:
            return value
