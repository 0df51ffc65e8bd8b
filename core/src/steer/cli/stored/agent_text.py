"""A stored agent as people and as programs read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pydantic_core import from_json

from steer.agents import InlineRef, StoredDefinition
from steer.cli.terminal.amounts import age_text
from steer.cli.terminal.printable import exact_json
from steer.config import masked
from steer.ports.records import StoredAgent
from steer.values import JsonValue

__all__ = [
    "AGENT_HEAD",
    "agent_facts",
    "agent_json",
    "agent_row",
    "definition_text",
    "source_text",
    "version_rows",
]

AGENT_HEAD = ("NAME", "VERSION", "RUNTIME", "MODEL", "FROM", "STORED")

_SOURCE_LENGTH = 60
_OWN = "the agent's own"
_FITTING = "what fits the agent"


def source_text(agent: StoredAgent) -> str:
    """Return what a stored agent is made of, in a few words."""
    return str(StoredDefinition.decode(agent.definition).agent)


def agent_row(agent: StoredAgent, *, now: datetime) -> tuple[str, ...]:
    """Return the cells of an agent in a list; ``AGENT_HEAD`` names them."""
    definition = StoredDefinition.decode(agent.definition)
    return (
        agent.name,
        str(agent.version),
        _said(definition, "runtime") or "",
        _said(definition, "model") or "",
        _ending(str(definition.agent)),
        age_text(agent.created_at, now=now),
    )


def version_rows(versions: Sequence[StoredAgent], *, now: datetime) -> list[tuple[str, ...]]:
    """Return the rows of an agent's versions, the newest first."""
    rows = [agent_row(version, now=now) for version in versions]
    return [(f"{name}@{version}", *rest) for name, version, *rest in rows]


def agent_facts(
    agent: StoredAgent, *, removed: bool, newest: int, now: datetime
) -> Iterator[tuple[str, str]]:
    """Yield what there is to know of a version of an agent, as names and values."""
    definition = StoredDefinition.decode(agent.definition)
    yield "name", agent.name
    yield "version", f"{agent.version} of {newest}{', removed' if removed else ''}"
    moment = f"{agent.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    yield "stored", f"{moment} ({age_text(agent.created_at, now=now)})"
    yield "from", str(definition.agent)
    yield "folder", definition.agent.folder or ""
    yield "runtime", _said(definition, "runtime") or _FITTING
    yield "model", _said(definition, "model") or _OWN
    config = masked("runtime_config", dict(definition.runtime_config))
    yield "settings", exact_json(config) if config else ""
    if definition.left_out:
        yield "not stored", f"{', '.join(definition.left_out)}: secret"


def definition_text(agent: StoredAgent) -> str:
    """Return the whole definition as JSON, empty for an agent that is defined in code."""
    what = StoredDefinition.decode(agent.definition).agent
    if not isinstance(what, InlineRef):
        return ""
    shown = masked("definition", dict(what.definition))
    return json.dumps(shown, indent=2, ensure_ascii=False)


def agent_json(agent: StoredAgent) -> dict[str, JsonValue]:
    """Return a version of an agent as JSON has it; secrets of its servers are hidden."""
    # A definition may hold the headers and variables of servers.
    definition = masked("definition", from_json(agent.definition))
    return {
        "name": agent.name,
        "version": agent.version,
        "created_at": agent.created_at,
        **definition,
    }


def _ending(source: str) -> str:
    """Return the end of a path that is too long for a row, which tells it from others."""
    return source if len(source) <= _SOURCE_LENGTH else f"\u2026{source[1 - _SOURCE_LENGTH :]}"


def _said(definition: StoredDefinition, key: str) -> str | None:
    """Return what is stored beside the agent, else what its definition says itself."""
    value = getattr(definition, key)
    if value is None and isinstance(definition.agent, InlineRef):
        value = definition.agent.definition.get(key)
    return None if value is None else str(value)
