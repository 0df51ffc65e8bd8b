"""The options that a CLI process is started with, shown by what the real CLI makes of them."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from bare_cli import Asked, ask, prepared
from claude_agent_sdk import (
    ClaudeAgentOptions,
    HookMatcher,
    ResultMessage,
    SystemMessage,
)
from claude_agent_sdk._internal.transport.subprocess_cli import SubprocessCLITransport
from claude_agent_sdk.types import HookContext, HookInput, HookJSONOutput
from steer.agents import Agent, McpHttp, McpStdio, tool
from steer_claude_code.agent.prepared import ClaudeCodePrepared
from steer_claude_code.process.options import cli_options
from steer_claude_code.process.quarters import Quarters, quarters
from steer_conformance.provider import Script, ToolCall, Turn

pytestmark = pytest.mark.anyio

_MODEL = "claude-sonnet-4-5"
_HELLO = [{"type": "text", "text": "Hello?"}]


@tool
async def look(at: str) -> str:
    """Look at a thing."""
    return at


def _init(asked: Asked) -> dict[str, Any]:
    return next(
        each.data
        for each in asked.messages
        if isinstance(each, SystemMessage) and each.subtype == "init"
    )


def _tools(body: dict[str, Any]) -> list[str]:
    return [tool["name"] for tool in body["tools"]]


async def test_an_agent_has_its_own_tools_and_instructions_and_no_others() -> None:
    instructions = "Be {brief}.\n--model other 'x' \"y\" @/etc/hostname é\n\n"
    agent = Agent(name="a", model=_MODEL, instructions=instructions, tools=[look])
    asked = await ask(prepared(agent), _HELLO, Script([Turn("Hello.")]))
    (body,) = asked.bodies
    assert _tools(body) == ["mcp__steer__look"]
    assert [block["text"] for block in body["system"]][-1] == instructions
    init = _init(asked)
    assert (init["tools"], init["agents"]) == (["mcp__steer__look"], [])
    assert (init["skills"], init["slash_commands"]) == ([], [])


async def test_an_agent_without_instructions_is_not_told_to_be_a_programmer() -> None:
    (body,) = (await ask(prepared(), _HELLO, Script([Turn("Hello.")]))).bodies
    assert [text for text in map(_text, body["system"]) if "billing" not in text] == [
        "You are a Claude agent, built on Anthropic's Claude Agent SDK."
    ]
    assert body["tools"] == []


def _text(block: dict[str, Any]) -> str:
    return str(block["text"])


async def test_a_subagent_is_given_its_own_tools_and_model() -> None:
    inner = {
        "description": "Looks.",
        "instructions": "Look.",
        "tools": ["look", "Read"],
        "model": "claude-haiku-4-5",
    }
    agent = prepared(
        Agent(
            name="a",
            model=_MODEL,
            tools=[look],
            runtime_config={"tools": ["Read", "Glob"], "subagents": {"inner": inner}},
        )
    )
    call = ToolCall("Agent", {"subagent_type": "inner", "description": "d", "prompt": "Look!"})
    script = Script([Turn(call), Turn("Seen."), Turn("It is red.")])
    outer, inside, _ = (await ask(agent, _HELLO, script)).bodies
    assert sorted(_tools(outer)) == ["Agent", "Glob", "Read", "mcp__steer__look"]
    assert sorted(_tools(inside)) == ["Read", "mcp__steer__look"]
    assert inside["model"] == "claude-haiku-4-5"
    assert any(_text(block).startswith("Look.") for block in inside["system"])


async def test_a_bound_of_thinking_reaches_the_very_model_that_was_named() -> None:
    agent = prepared(Agent(name="a", model="claude-opus-4-1", runtime_config={"thinking": 2048}))
    (body,) = (await ask(agent, _HELLO, Script([Turn("Hello.")]))).bodies
    assert body["model"] == "claude-opus-4-1", "the CLI asks another model than was named"
    assert body["thinking"]["budget_tokens"] == 2048


@pytest.mark.long
async def test_an_effort_and_a_no_to_thinking_reach_the_model() -> None:
    agent = prepared(
        Agent(name="a", model="claude-sonnet-5", runtime_config={"thinking": "off"}),
        reasoning_effort="low",
    )
    (body,) = (await ask(agent, _HELLO, Script([Turn("Hello.")]))).bodies
    assert body["output_config"]["effort"] == "low"
    assert body["thinking"] == {"type": "disabled"}


async def test_an_answer_that_has_to_fit_can_be_asked_for_by_a_tool() -> None:
    schema = {"type": "object", "properties": {"colour": {"type": "string"}}}
    agent = prepared(output_schema=schema, config={"output": "tool"})
    call = ToolCall("StructuredOutput", {"colour": "red"})
    asked = await ask(agent, _HELLO, Script([Turn(call), Turn("Done.")]))
    assert _tools(asked.bodies[0]) == [agent.output_tool]
    result = asked.messages[-1]
    assert isinstance(result, ResultMessage)
    assert result.structured_output == {"colour": "red"}


# ---- servers -----------------------------------------------------------------------------------

_SERVER = """
import os, sys
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
import anyio, mcp.types as t

async def listed(context, params):
    name = "seen_" + os.environ["SECRET"] + "_" + os.path.basename(os.getcwd())
    tool = t.Tool(name=name, description="", input_schema={"type": "object"})
    return t.ListToolsResult(tools=[tool])

async def main():
    server = Server("x", on_list_tools=listed)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

anyio.run(main)
"""


async def test_an_mcp_server_is_started_where_and_as_it_was_said(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    server = McpStdio(
        name="things",
        command=sys.executable,
        args=["-c", _SERVER],
        env={"SECRET": "hush"},
        cwd=str(folder),
    )
    agent = prepared(Agent(name="a", model=_MODEL, mcp_servers=[server]))
    arguments: list[str] = []

    def note(there: Quarters) -> None:
        arguments.extend(_arguments(agent, there))

    asked = await ask(agent, _HELLO, Script([Turn("Hello.")]), before=note)
    assert _tools(asked.bodies[0]) == ["mcp__things__seen_hush_elsewhere"]
    assert "hush" not in "".join(arguments), "everybody on the machine reads the arguments"


def _arguments(agent: ClaudeCodePrepared, there: Quarters) -> list[str]:
    options = cli_options(agent, quarters=there, server=None, hooks={})
    return SubprocessCLITransport(prompt="", options=options)._build_command()


async def test_no_secret_and_no_instruction_is_an_argument() -> None:
    server = McpHttp(name="far", url="https://example.com/mcp", headers={"x-key": "hush"})
    agent = prepared(Agent(name="a", model=_MODEL, instructions="Say hush.", mcp_servers=[server]))
    async with quarters(config=agent.config) as there:
        assert "hush" not in "".join(_arguments(agent, there))
        written = [file for file in there.root.iterdir() if b"hush" in _content(file)]
        assert len(written) == 2
        assert {stat.S_IMODE(file.stat().st_mode) for file in written} == {0o600}


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


# ---- the author's own hooks --------------------------------------------------------------------


async def test_a_hook_of_the_author_may_forbid_a_call_and_not_make_another_of_it(
    tmp_path: Path,
) -> None:
    one, other, forbidden = (tmp_path / name for name in ("one", "other", "forbidden"))
    for path in (one, other, forbidden):
        path.write_text(f"I am {path.name}.")

    async def hook(event: HookInput, _call_id: str | None, _context: HookContext) -> HookJSONOutput:
        assert event["hook_event_name"] == "PreToolUse"
        if event["tool_input"]["file_path"] == str(forbidden):
            return _said(permissionDecision="deny", permissionDecisionReason="not that one")
        return _said(permissionDecision="allow", updatedInput={"file_path": str(other)})

    options = ClaudeAgentOptions(
        model=_MODEL, tools=["Read"], hooks={"PreToolUse": [HookMatcher(hooks=[hook])]}
    )
    calls = [
        ToolCall("Read", {"file_path": str(path)}, id=f"toolu_{path.name}")
        for path in (one, forbidden)
    ]
    script = Script([Turn(*calls), Turn("Well.")])
    _, second = (await ask(prepared(options), _HELLO, script)).bodies
    told = {
        block["tool_use_id"]: str(block["content"])
        for message in second["messages"]
        for block in message["content"]
        if isinstance(block, dict) and block["type"] == "tool_result"
    }
    assert "nobody was asked about" in told["toolu_one"]
    assert "not that one" in told["toolu_forbidden"]
    assert "I am" not in str(told)


def _said(**fields: Any) -> HookJSONOutput:
    specific: Any = {"hookEventName": "PreToolUse", **fields}
    return {"hookSpecificOutput": specific}
