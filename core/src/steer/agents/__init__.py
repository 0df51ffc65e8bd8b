"""Agents: what they are, their tools and schemas, and how they are loaded and referred to."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steer.agents.arguments import ParsedArguments, ToolArgumentsError
    from steer.agents.definition import Agent, native_agent
    from steer.agents.entry import NativeRuntime
    from steer.agents.loading import Loaded, load_agent, load_definition, resolve
    from steer.agents.mcp import McpHttp, McpServer, McpStdio
    from steer.agents.output import OutputSpec, output_spec
    from steer.agents.ref import (
        AgentRef,
        ImportRef,
        InlineRef,
        StoredRef,
        ref_from_json,
        ref_to_json,
    )
    from steer.agents.results import EncodedResult, encode_result
    from steer.agents.schema import json_schema
    from steer.agents.settings import ModelSettings
    from steer.agents.source import AgentSource, file_digest, locate
    from steer.agents.stored import StoredDefinition
    from steer.agents.strict import strict_schema
    from steer.agents.templates import Template, Variable
    from steer.agents.tool_context import ToolContext
    from steer.agents.tools import Tool, tool

__all__ = [
    "Agent",
    "AgentRef",
    "AgentSource",
    "EncodedResult",
    "ImportRef",
    "InlineRef",
    "Loaded",
    "McpHttp",
    "McpServer",
    "McpStdio",
    "ModelSettings",
    "NativeRuntime",
    "OutputSpec",
    "ParsedArguments",
    "StoredDefinition",
    "StoredRef",
    "Template",
    "Tool",
    "ToolArgumentsError",
    "ToolContext",
    "Variable",
    "encode_result",
    "file_digest",
    "json_schema",
    "load_agent",
    "load_definition",
    "locate",
    "native_agent",
    "output_spec",
    "ref_from_json",
    "ref_to_json",
    "resolve",
    "strict_schema",
    "tool",
]

# Where each name is defined: importing the package imports none of it, pydantic least of all.
_HOMES = {
    "Agent": "definition",
    "AgentRef": "ref",
    "AgentSource": "source",
    "EncodedResult": "results",
    "ImportRef": "ref",
    "InlineRef": "ref",
    "Loaded": "loading",
    "McpHttp": "mcp",
    "McpServer": "mcp",
    "McpStdio": "mcp",
    "ModelSettings": "settings",
    "NativeRuntime": "entry",
    "OutputSpec": "output",
    "ParsedArguments": "arguments",
    "StoredDefinition": "stored",
    "StoredRef": "ref",
    "Template": "templates",
    "Tool": "tools",
    "ToolArgumentsError": "arguments",
    "ToolContext": "tool_context",
    "Variable": "templates",
    "encode_result": "results",
    "file_digest": "source",
    "json_schema": "schema",
    "load_agent": "loading",
    "load_definition": "loading",
    "locate": "source",
    "native_agent": "definition",
    "output_spec": "output",
    "ref_from_json": "ref",
    "ref_to_json": "ref",
    "resolve": "loading",
    "strict_schema": "strict",
    "tool": "tools",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, once it is asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
