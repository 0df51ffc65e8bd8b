"""A scripted model provider: OpenAI Responses, Chat Completions and Anthropic Messages on loopback.

A ``Script`` says in neutral words what the model answers and what goes wrong on the way; a
``Provider`` serves it to the vendors' own clients, and remembers what was asked and billed.
"""

from __future__ import annotations

from steer_conformance.provider.app import BUILTIN_DIALECTS, ScriptedApp
from steer_conformance.provider.chat import CHAT
from steer_conformance.provider.dialect import Dialect, Frame, Plain
from steer_conformance.provider.files import (
    ScriptError,
    dump_script,
    load_script,
    parse_script,
)
from steer_conformance.provider.messages import MESSAGES
from steer_conformance.provider.parts import Part, Reasoning, Refusal, Text, ToolCall, Usage
from steer_conformance.provider.provider import Provider
from steer_conformance.provider.record import Bill, Recorded
from steer_conformance.provider.rendering import render
from steer_conformance.provider.replies import (
    Drop,
    Failure,
    Garbage,
    Hold,
    Mark,
    Raw,
    Reply,
    Stop,
    StreamError,
    Truncate,
    Turn,
)
from steer_conformance.provider.request import (
    Conversation,
    Message,
    PastCall,
    Request,
    ToolResult,
    Unacceptable,
)
from steer_conformance.provider.responses import RESPONSES
from steer_conformance.provider.script import Match, Rule, Script

__all__ = [
    "BUILTIN_DIALECTS",
    "CHAT",
    "MESSAGES",
    "RESPONSES",
    "Bill",
    "Conversation",
    "Dialect",
    "Drop",
    "Failure",
    "Frame",
    "Garbage",
    "Hold",
    "Mark",
    "Match",
    "Message",
    "Part",
    "PastCall",
    "Plain",
    "Provider",
    "Raw",
    "Reasoning",
    "Recorded",
    "Refusal",
    "Reply",
    "Request",
    "Rule",
    "Script",
    "ScriptError",
    "ScriptedApp",
    "Stop",
    "StreamError",
    "Text",
    "ToolCall",
    "ToolResult",
    "Truncate",
    "Turn",
    "Unacceptable",
    "Usage",
    "dump_script",
    "load_script",
    "parse_script",
    "render",
]
