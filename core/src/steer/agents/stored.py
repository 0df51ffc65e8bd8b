"""Agents that a storage keeps: how they are named, and what is kept of one."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from steer.agents.agent_file import read_mapping
from steer.agents.definition import Agent
from steer.agents.loading import Loaded
from steer.agents.ref import ImportRef, InlineRef
from steer.agents.source import SUFFIXES, locate
from steer.errors import AgentError
from steer.naming import fold
from steer.values import JsonValue

__all__ = ["StoredDefinition", "StoredSpec", "check_stored_name", "definition_in", "stored_spec"]

_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_SPEC = re.compile(rf"@(?P<newest>{_NAME})|(?P<name>{_NAME})@(?P<version>[1-9][0-9]{{0,8}})")
_NOT_OF_NAMES = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSpec:
    """A stored agent as somebody names it; without a version the newest one is meant."""

    name: str
    version: int | None = None


def stored_spec(spec: str) -> StoredSpec | None:
    """Return the stored agent that ``@NAME`` or ``NAME@VERSION`` names.

    ``None`` is for what names a file or a module: the one ends in ``.py``, ``.toml`` or ``.json``,
    and neither the other nor a stored name has both. Raises ``AgentError`` for an ``@`` that is
    in the wrong place.
    """
    target = spec.partition(":")[0]
    if "@" not in target or Path(target).suffix in SUFFIXES:
        return None
    found = _SPEC.fullmatch(spec)
    if found is None:
        raise AgentError(
            f"{spec!r} does not name a stored agent",
            fix="Write @NAME for its newest version, or NAME@2 for version 2",
        )
    version = found["version"]
    return StoredSpec(
        name=found["newest"] or found["name"], version=None if version is None else int(version)
    )


def check_stored_name(name: str) -> None:
    """Raise ``AgentError`` for what is no name to store an agent by."""
    if re.fullmatch(_NAME, name) is None:
        guess = _NOT_OF_NAMES.sub("-", name).strip("-").lower()[:64].rstrip("-")
        raise AgentError(
            f"{name!r} is no name to store an agent by: up to 64 letters, digits, hyphens and"
            " underscores are",
            fix=f"Give it one, for example --name {guess or 'helper'}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredDefinition:
    """What is kept of a stored agent: what it is, and what runs it.

    ``agent`` is a reference to code, or the whole definition. ``runtime``, ``model`` and
    ``runtime_config`` go before what that says itself, and what it says in ``runtime_config`` is
    for the runtime that it names: with another one it has no effect. ``left_out`` are the settings
    that are secrets and therefore not kept: whoever runs the agent has them in a configuration.
    """

    agent: Annotated[ImportRef | InlineRef, Field(discriminator="kind")]
    runtime: str | None = None
    model: str | None = None
    runtime_config: Mapping[str, JsonValue] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def over(self, agent: Agent) -> Agent:
        """Return the agent of this definition as it is to run."""
        same = None in (self.runtime, agent.runtime) or _same(self.runtime, agent.runtime)
        own = agent.runtime_config if same else {}
        return replace(
            agent,
            runtime=self.runtime or agent.runtime,
            runtime_config={**own, **self.runtime_config},
        )

    def without_settings(self, secret: Collection[str]) -> StoredDefinition:
        """Return the same without these settings of the runtime, which it then says."""
        given = self.runtime_config
        agent, left_out = self.agent, {*self.left_out, *(key for key in given if key in secret)}
        if isinstance(agent, InlineRef):
            own = agent.definition.get("runtime_config")
            left_out |= {key for key in own or () if key in secret}
            agent = agent.without_settings(secret)
        return replace(
            self,
            agent=agent,
            runtime_config={key: given[key] for key in given if key not in secret},
            left_out=tuple(sorted(left_out)),
        )

    def encode(self) -> str:
        """Return it as JSON text. Raises ``AgentError`` for a value that JSON does not have."""
        definition = self.agent.definition if isinstance(self.agent, InlineRef) else {}
        for value in (definition, {"runtime_config": self.runtime_config}):
            place = _unlike_json(value)
            if place is not None:
                raise AgentError(
                    f"the agent cannot be stored: {'.'.join(place)} is a value that JSON does not"
                    " have",
                    fix="Write it as text, or as a finite number",
                )
        return _adapter().dump_json(self).decode()

    @staticmethod
    def decode(text: str) -> StoredDefinition:
        """Return what ``encode`` wrote; ``AgentError`` where it is something else."""
        try:
            return _adapter().validate_json(text)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            place = ".".join(map(str, problem["loc"])) or "its root"
            raise AgentError(
                f"a stored agent cannot be read: {place}: {problem['msg']}",
                fix="Read it with the version of steer that stored it, or a newer one",
            ) from error


def definition_in(loaded: Loaded) -> ImportRef | InlineRef:
    """Return what to store of an agent: the definition in a file of data, else a reference."""
    ref = loaded.ref
    if loaded.source is None or loaded.source.suffix == ".py" or isinstance(ref, InlineRef):
        return ref
    source = locate(str(loaded.source))
    definition = read_mapping(source.content, suffix=source.path.suffix, shown=source.shown)
    return InlineRef(definition=definition, folder=str(source.path.parent))


def _unlike_json(value: object) -> list[str] | None:
    """Return where there is something that JSON does not have, ``None`` where there is nothing."""
    match value:
        case None | str() | int():
            return None
        case float():
            return None if math.isfinite(value) else []
        case Mapping():
            parts = [(str(key), each) for key, each in value.items()]
        case list() | tuple():
            parts = [(str(number), each) for number, each in enumerate(value)]
        case _:
            return []
    for name, each in parts:
        place = _unlike_json(each)
        if place is not None:
            return [name, *place]
    return None


def _same(one: str | None, other: str | None) -> bool:
    return fold(one or "") == fold(other or "")


@cache
def _adapter() -> TypeAdapter[StoredDefinition]:
    return TypeAdapter(StoredDefinition)
