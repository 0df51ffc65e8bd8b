"""Every tool of the CLI, in every mode of its permissions: none acts that policy does not allow."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking_models import setting
from claude_agent_sdk import Message, SystemMessage
from claude_agent_sdk.types import McpStdioServerConfig
from deeds import ACT, Deeds, deeds
from kernel_runs import Ran, agent_of, run, under
from real_cli import listen_to_cli
from steer.agents import tool
from steer.events import PolicyDecided, ToolFailed, ToolStarted
from steer.values import JobStatus
from steer_claude_code.agent.native_tools import DEFAULT_TOOLS, NATIVE_TOOLS
from steer_conformance.provider import Request, Rule, ToolCall, Turn

pytestmark = pytest.mark.anyio

LOOKER = {"description": "Does things.", "instructions": "Do it."}


@tool(effect="none")
def pause() -> str:
    """Do nothing."""
    return "paused"


def inside(request: Request) -> bool:
    return any(m.role == "user" and "do it" in m.text for m in request.messages)


def turns_of(calls: list[ToolCall], prefix: str) -> list[Turn]:
    """Messages that make these calls, each with one that is allowed: ten refusals end a run."""
    parts = [calls[start : start + 6] for start in range(0, len(calls), 6)]
    return [
        Turn(ToolCall("pause", {}, id=f"{prefix}-pause-{number}"), *part)
        for number, part in enumerate(parts)
    ]


async def do_all(there: Deeds, allowed: str, mode: str) -> Ran:
    """Have the model, and a subagent's where there may be one, call every tool at once."""

    def said_inside(request: Request) -> Turn:
        said = sum("inner-pause" in result.call_id for result in request.tool_results)
        return inner[said]

    nested = {"Agent", "Task"}
    inner = [*turns_of(there.calls("inner", but=nested), "inner"), Turn("Tried.")]
    agent = agent_of(
        *DEFAULT_TOOLS,
        cwd=there.folder,
        tools=[pause],
        servers=[there.server],
        subagents={"looker": LOOKER},
        permission_mode=mode,
        # The CLI lets root bypass permissions only where it is told so.
        environment={"IS_SANDBOX": "1"},
    )
    return await run(
        agent,
        *turns_of(there.calls("outer"), "outer"),
        Turn("All done."),
        rules=[Rule(inside, said_inside)],
        policies=[under(f"[[tools]]\nallow = ['pause', {allowed}]")],
    )


def names_in(said: list[Message]) -> set[str]:
    """The tools that the CLI says it has, by the names that models read."""
    (begun,) = (m for m in said if isinstance(m, SystemMessage) and m.subtype == "init")
    return {"Agent" if name == "Task" else name for name in begun.data["tools"]}


async def test_every_tool_that_the_cli_has_is_known(tmp_path: Path) -> None:
    with deeds(tmp_path) as there:
        probe: McpStdioServerConfig = {
            "type": "stdio",
            "command": there.server.command,
            "args": list(there.server.args),
        }
        async with setting(Turn("All."), Turn("Usual.")) as s:
            named = await listen_to_cli(s, tools=list(NATIVE_TOOLS))
            usual = await listen_to_cli(
                s,
                tools={"type": "preset", "preset": "claude_code"},
                mcp_servers={"probe": probe},
            )
    # Those are there only where something else asks for them.
    on_occasion = {"ListMcpResourcesTool", "ReadMcpResourceDirTool", "ReadMcpResourceTool"}
    hidden = {"StructuredOutput", "ToolSearch"}
    assert names_in(named) == NATIVE_TOOLS.keys() - on_occasion - hidden
    assert names_in(usual) - NATIVE_TOOLS.keys() == {ACT}
    assert on_occasion < names_in(usual)


@pytest.mark.parametrize(
    ("mode", "allowed"),
    [
        ("bypassPermissions", "'Agent', 'bypassPermissions'"),
        pytest.param("default", "", marks=pytest.mark.long),
        pytest.param("default", "'Agent'", marks=pytest.mark.long),
        pytest.param("acceptEdits", "'Agent'", marks=pytest.mark.long),
        pytest.param("plan", "'Agent'", marks=pytest.mark.long),
        pytest.param("dontAsk", "'Agent'", marks=pytest.mark.long),
    ],
)
async def test_no_tool_has_an_effect_that_policy_does_not_allow(
    tmp_path: Path, mode: str, allowed: str
) -> None:
    with deeds(tmp_path) as there:
        ran = await do_all(there, allowed, mode)
        there.check_nothing_happened(ran.provider.requests)
    assert (ran.result.status, ran.result.content) == (JobStatus.SUCCEEDED, "All done.")
    paths = {(): "outer", ("outer-Agent",): "inner"} if allowed else {(): "outer"}
    had = {*DEFAULT_TOOLS, "act"}
    for path, prefix in paths.items():
        decided = {
            event.data.name: event.data.outcome
            for event in ran.events
            if event.path == path and isinstance(event.data, PolicyDecided)
        }
        nested = decided.pop("Agent", None)
        assert nested == (None if path else "allow" if allowed else "deny")
        assert decided.pop("pause") == "allow"
        assert decided == dict.fromkeys(had, "deny")
        for name in NATIVE_TOOLS.keys() - had - {"Agent"}:
            assert "No such tool available" in ran.told[f"{prefix}-{name}"]
        # The CLI refuses some by itself, NotebookEdit for a notebook that it has not read; what it
        # says of that is for no model to read whose call policy denies.
        for name in DEFAULT_TOOLS:
            assert "tool_use_error" not in ran.told[f"{prefix}-{name}"]
    # The CLI takes this for Agent, and a policy knows the one name only.
    assert ran.told["outer-Task"] == "this agent has asked for no such call, or has no such tool"
    starts = [event.data.tool for event in ran.events if isinstance(event.data, ToolStarted)]
    assert set(starts) == {"pause", *(["Agent"] if allowed else [])}


async def test_nobody_is_asked_about_an_edit_that_the_cli_has_refused_already(
    tmp_path: Path,
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("unpaid\n")
    edit = {"file_path": str(notes), "old_string": "due", "new_string": "paid"}
    ran = await run(
        agent_of("Read", "Edit", cwd=tmp_path),
        Turn(ToolCall("Edit", edit, id="c1")),
        Turn("It is not there."),
        policies=[under("[[tools]]\nask = 'Edit'")],
    )
    assert ran.result.status is JobStatus.SUCCEEDED
    assert "String to replace not found" in ran.told["c1"]
    [failed] = [event.data for event in ran.events if isinstance(event.data, ToolFailed)]
    assert (failed.call_id, failed.origin) == ("c1", "vendor")
    assert notes.read_text() == "unpaid\n"
