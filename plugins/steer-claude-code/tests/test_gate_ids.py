"""Calls with one id: each is asked about as what it is, and told what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_runs import agent_of, run, under
from steer.events import ToolEnded, ToolStarted
from steer.values import JobStatus
from steer_conformance.provider import Request, Rule, ToolCall, Turn

pytestmark = pytest.mark.anyio

LOOKER = {"description": "Looks.", "instructions": "Look.", "tools": ["Read"]}
READS = under("""
[[tools]]
allow = ["Agent", "Read"]
""")


def inside(request: Request) -> bool:
    return "look at it" in request.last_user_text and not request.tool_results


def inside_after(request: Request) -> bool:
    return any(m.role == "user" and "look at it" in m.text for m in request.messages)


async def test_a_subagents_allowed_call_lends_no_other_one_its_id(tmp_path: Path) -> None:
    note, made = tmp_path / "note.txt", tmp_path / "made"
    note.write_text("red")
    asks = {"description": "d", "prompt": "look at it", "subagent_type": "looker"}
    ran = await run(
        agent_of("Read", "Bash", cwd=tmp_path, subagents={"looker": LOOKER}),
        Turn(
            ToolCall("Agent", asks, id="c1"),
            ToolCall("Bash", {"command": f"touch {made}", "description": "d"}, id="c2"),
        ),
        Turn("All done."),
        rules=[
            Rule(inside, Turn(ToolCall("Read", {"file_path": str(note)}, id="c2"))),
            Rule(inside_after, Turn("It is red.")),
        ],
        policies=[READS],
    )
    assert ran.result.status is JobStatus.SUCCEEDED
    assert not made.exists()
    assert "allows the tool 'Bash'" in ran.told["c2"]
    ended = [(e.path, e.data.tool) for e in ran.events if isinstance(e.data, ToolEnded)]
    assert ended == [(("c1",), "Read"), ((), "Agent")]


async def test_a_message_whose_calls_share_an_id_is_damaged_and_nothing_of_it_runs(
    tmp_path: Path,
) -> None:
    note, made = tmp_path / "note.txt", tmp_path / "made"
    note.write_text("red")
    ran = await run(
        agent_of("Read", "Bash", cwd=tmp_path),
        Turn(
            ToolCall("Bash", {"command": f"touch {made}", "description": "d"}, id="c1"),
            ToolCall("Read", {"file_path": str(note)}, id="c1"),
        ),
        Turn("All done."),
        policies=[READS],
    )
    assert not made.exists()
    assert not any(isinstance(event.data, ToolStarted) for event in ran.events)
    assert ran.result.content == "All done.", "it was asked for once more"
