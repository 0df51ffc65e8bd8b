"""Agents written down as data: the form of TOML and JSON files and of inline definitions."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steer.agents.mcp import McpHttp, McpServer, McpStdio
from steer.agents.settings import ModelSettings
from steer.agents.templates import Variable
from steer.errors import AgentError

__all__ = ["AgentFile", "McpTable", "read_definition", "read_mapping"]


class McpTable(BaseModel):
    """One MCP server: ``command`` starts it, or ``url`` reaches it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    command: str | None = None
    args: list[str] = []
    env: dict[str, str] = {}
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] = {}

    def server(self, name: str) -> McpServer:
        """Return the server this table describes; ``AgentError`` for neither or both kinds."""
        stdio = self.command is not None or bool(self.args or self.env or self.cwd)
        http = self.url is not None or bool(self.headers)
        if stdio == http:
            raise AgentError(
                f"mcp_servers.{name} is not clear", fix="Give either command or url, and its keys"
            )
        if http:
            return McpHttp(name=name, url=self.url or "", headers=self.headers)
        return McpStdio(
            name=name, command=self.command or "", args=self.args, env=self.env, cwd=self.cwd
        )


class AgentFile(BaseModel):
    """The keys of an agent file.

    ``tools`` are ``module:function`` or ``FILE.py:function``, ``handoffs`` are what ``load_agent``
    takes, ``output_schema`` is a JSON schema or the path of one. All paths are relative to the
    file's folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str
    description: str = ""
    instructions: str | None = None
    variables: dict[str, Variable] = {}
    model: str | None = None
    settings: ModelSettings = Field(default_factory=ModelSettings)
    tools: list[str] = []
    output_schema: dict[str, Any] | str | None = None
    output_strict: bool | None = None
    handoffs: list[str] = []
    mcp_servers: dict[str, McpTable] = {}
    runtime: str | None = None
    runtime_config: dict[str, Any] = {}


def read_mapping(content: bytes, *, suffix: str, shown: str) -> dict[str, Any]:
    """Decode a TOML or JSON file that holds one object; ``AgentError`` says line and column."""
    try:
        text = content.decode()
        mapping = tomllib.loads(text) if suffix == ".toml" else json.loads(text)
    except UnicodeDecodeError as error:
        raise AgentError(f"{shown} is not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise AgentError(f"{shown}: not valid TOML: {error}") from error
    except json.JSONDecodeError as error:
        place = f"{shown}:{error.lineno}:{error.colno}"
        raise AgentError(f"{place}: not valid JSON: {error.msg}") from error
    except RecursionError as error:
        raise AgentError(f"{shown}: nested too deeply") from error
    if not isinstance(mapping, dict):
        raise AgentError(f"{shown} holds no object", fix="Put the keys into one { }")
    return mapping


def read_definition(definition: Mapping[str, Any], *, shown: str) -> AgentFile:
    """Check a definition's keys and values; ``AgentError`` names the key and what is wrong."""
    try:
        return AgentFile.model_validate(dict(definition))
    except ValidationError as error:
        first, *more = error.errors(include_url=False)
        place = ".".join(map(str, first["loc"]))
        others = f" (and {len(more)} more)" if more else ""
        if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            *table, key = map(str, first["loc"])
            raise AgentError(
                f"{shown}: unknown key {place}{others}", fix=_similar(key, _known_keys(table))
            ) from error
        raise AgentError(f"{shown}: {place}: {first['msg']}{others}") from error
    except AgentError as error:
        raise AgentError(f"{shown}: {error.message}", fix=error.fix) from error


def _known_keys(table: list[str]) -> list[str]:
    match table:
        case []:
            return list(AgentFile.model_fields)
        case ["settings"]:
            return list(ModelSettings.__slots__)
        case ["variables", _]:
            return list(Variable.__slots__)
        case _:
            return list(McpTable.model_fields)


def _similar(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known keys: {', '.join(known)}"
