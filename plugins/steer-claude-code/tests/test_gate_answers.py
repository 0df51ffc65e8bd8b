"""What the gate answers, or does not, and whoever asks about what nobody has called."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import mcp.types
import pytest
from claude_agent_sdk import ClaudeAgentOptions, HookContext, HookMatcher
from claude_agent_sdk.types import HookInput, HookJSONOutput
from kernel_runs import MODEL, agent_of, run, under
from steer.agents import Agent, tool
from steer.errors import RuntimeFailure
from steer.ports.gate import Decision, GateOutcome, ToolCall, ToolOutcome
from steer.ports.options import PrepareOptions
from steer.ports.records import Grant
from steer.values import EffectStatus, JobStatus
from steer_claude_code.active import ActiveRun
from steer_claude_code.agent.prepared import ClaudeCodePrepared, prepare
from steer_claude_code.calls import Place, Proposed, Told
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.models.upstream import Upstream
from steer_claude_code.run.driving import Driven
from steer_claude_code.tools.desk import Desk
from steer_claude_code.tools.native_calls import NativeCalls, Permission
from steer_claude_code.tools.own_tools import OwnTools
from steer_conformance.provider import ToolCall as Call
from steer_conformance.provider import Turn
from steer_conformance.suites.runtime import BareGate, BareRun

pytestmark = pytest.mark.anyio

PATIENCE = 5.0
COMMAND = {"command": "touch made", "description": "d"}


@tool
def look() -> str:
    """Look at it."""
    raise AssertionError("nobody allowed this")


def prepared(**config: Any) -> ClaudeCodePrepared:
    settings = {"base_url": "http://127.0.0.1:9", "api_key": "any", "tools": ["Bash", "Read"]}
    agent = Agent(name="main", model="claude-sonnet-5", tools=[look])
    given = ClaudeCodeConfig.model_validate({**settings, **config})
    return prepare(agent, PrepareOptions(), config=given)


def proposed(call_id: str, name: str = "Bash") -> Proposed:
    return Proposed(
        call_id=call_id, name=name, arguments=COMMAND, place=Place((), "main"), message=0
    )


class Answering(BareGate):
    """A gate that answers every call the same, whatever a gate may answer."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    async def authorize(self, call: ToolCall, /) -> Decision:
        if isinstance(self.answer, Exception):
            raise self.answer
        answer = self.answer(call) if callable(self.answer) else self.answer
        assert not isinstance(answer, Exception)
        return answer  # type: ignore[no-any-return]  # what no gate may answer, too


def granted(outcome: GateOutcome, arguments: Any) -> Any:
    def decide(call: ToolCall) -> Decision:
        grant = Grant(grant_id="g", key=call.key, digest="", policy="bare")
        return Decision(outcome=outcome, grant=grant, arguments=arguments, reason="no")

    return decide


ENDS = {
    "it raises": ValueError("out of order"),
    "nothing": None,
    "a word": "allow",
    "no grant": Decision(outcome=GateOutcome.ALLOW, arguments=COMMAND),
    "other arguments, which are none": granted(GateOutcome.ALLOW, ["touch", "made"]),
    "no arguments": granted(GateOutcome.ALLOW, None),
    "an outcome that there is not": granted("perhaps", COMMAND),  # type: ignore[arg-type]  # no gate may
}


@pytest.mark.parametrize("answer", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("own", [True, False], ids=["own", "native"])
async def test_an_answer_that_is_none_ends_the_run_and_nothing_runs(answer: Any, own: bool) -> None:
    active = ActiveRun(BareRun(Answering(answer)), agent="main")
    given = prepared()
    asking: asyncio.Task[Permission | Told]
    if own:
        call = proposed("c1", "mcp__steer__look")
        asking = asyncio.create_task(active.work(OwnTools(active, given.tools).call("look", call)))
    else:
        asking = asyncio.create_task(active.work(NativeCalls(active, given).before(proposed("c1"))))
    with anyio.fail_after(PATIENCE):
        await active.over.wait()
    assert isinstance(active.stopped, RuntimeFailure)
    assert not asking.done(), "whoever asks stays there"
    await active.settle()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_denial_that_comes_with_a_grant_is_a_denial() -> None:
    active = ActiveRun(BareRun(Answering(granted(GateOutcome.DENY, COMMAND))), agent="main")
    call = proposed("c1")
    permission = await NativeCalls(active, prepared()).before(call)
    assert (permission.allowed, call.told) == (False, Told(content="no", is_error=True))
    own = await OwnTools(active, prepared().tools).call("look", proposed("c2", "mcp__steer__look"))
    assert own == Told(content="no", is_error=True)


class Beginning(BareGate):
    """A gate that takes its time to note that a call begins."""

    def __init__(self) -> None:
        super().__init__()
        self.beginning, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def begin(self, call: ToolCall, grant: Grant, /) -> ToolOutcome | None:
        recorded = await super().begin(call, grant)
        self.beginning.set()
        await self.may_go_on.wait()
        return recorded


async def test_a_run_that_is_parked_waits_for_a_call_that_is_being_begun() -> None:
    gate = Beginning()
    active = ActiveRun(BareRun(gate), agent="main")
    native = NativeCalls(active, prepared())
    call = proposed("c1")
    active.calls.propose(call)
    with anyio.fail_after(PATIENCE):
        begun = asyncio.create_task(active.work(native.before(call)))
        await gate.beginning.wait()
        active.suspend()
        assert not active.over.is_set()
        gate.may_go_on.set()
        assert (await begun).allowed
        assert not active.over.is_set()
        await native.results(Place(), {"c1": Told(content="done")})
        await active.over.wait()
    assert [outcome.status for outcome in gate.outcomes] == [EffectStatus.SUCCEEDED]
    gate.check()


async def said(desk: Desk, tool_name: str, call_id: str) -> dict[str, Any]:
    """What the CLI is told that asks before a call."""
    (matcher,) = desk.hooks()["PreToolUse"]
    asked = {"hook_event_name": "PreToolUse", "tool_name": tool_name, "tool_input": COMMAND}
    answer: Any = await matcher.hooks[0](asked, call_id, HookContext(signal=None))  # type: ignore[arg-type]  # the rest of it is never read
    specific: dict[str, Any] = answer["hookSpecificOutput"]
    return specific


async def test_a_call_that_no_model_has_proposed_is_denied() -> None:
    gate = BareGate()
    upstream, desk = Upstream(), Desk()
    nobody = await said(desk, "Bash", "c1")
    assert (nobody["permissionDecision"], nobody["permissionDecisionReason"]) == (
        "deny", "no run is under way",
    )  # fmt: skip
    desk.clerk = Driven(prepared(), BareRun(gate), upstream=upstream)
    assert (await said(desk, "Bash", "c1"))["permissionDecision"] == "deny"
    for meta in (None, {"claudecode/toolUseId": "c1"}):
        params = mcp.types.CallToolRequestParams.model_validate(
            {"name": "look", "arguments": {}, "_meta": meta}
        )
        assert (await desk.call(params)).is_error
    assert gate.asked == []
    await upstream.aclose()


async def test_a_call_is_asked_about_once_and_as_the_tool_that_it_names() -> None:
    gate = BareGate()
    upstream, desk = Upstream(), Desk()
    driven = Driven(prepared(), BareRun(gate), upstream=upstream)
    desk.clerk = driven
    for call_id, name in (("c1", "Bash"), ("c2", "Bash")):
        driven.active.calls.propose(proposed(call_id, name))
    answers = [
        (await said(desk, name, call_id))["permissionDecision"]
        for call_id, name in (("c1", "Read"), ("c1", "Bash"), ("c1", "Bash"), ("c2", "Bash"))
    ]
    assert answers == ["deny", "allow", "deny", "allow"]
    assert [call.call_id for call in gate.asked] == ["c1", "c2"]
    await upstream.aclose()


async def test_of_two_calls_that_the_cli_cannot_tell_apart_none_is_allowed() -> None:
    gate = BareGate()
    upstream, desk = Upstream(), Desk()
    driven = Driven(prepared(), BareRun(gate), upstream=upstream)
    desk.clerk = driven
    driven.active.calls.propose(replace(proposed("c1"), arguments={"command": "rm -r /"}))
    driven.active.calls.propose(proposed("c1"))
    answers = [(await said(desk, "Bash", "c1"))["permissionDecision"] for _ in range(2)]
    assert answers == ["deny", "deny"]
    assert gate.asked == []
    await upstream.aclose()


async def test_an_agent_is_denied_what_only_its_subagents_have() -> None:
    gate = BareGate()
    upstream, desk = Upstream(), Desk()
    subagent = {"description": "d", "instructions": "Do.", "tools": ["Bash"]}
    given = prepared(subagents={"inner": subagent}, delegated=["Bash"])
    driven = Driven(given, BareRun(gate), upstream=upstream)
    desk.clerk = driven
    driven.active.calls.propose(proposed("c1"))
    driven.active.calls.propose(replace(proposed("c2"), place=Place(("outer",), "inner")))
    answers = [(await said(desk, "Bash", each))["permissionDecision"] for each in ("c1", "c2")]
    assert answers == ["deny", "allow"]
    told = driven.active.calls.told("c1")
    assert told == Told(
        content="this agent has asked for no such call, or has no such tool", is_error=True
    )
    await upstream.aclose()


async def test_no_hook_of_the_author_makes_another_call_of_one_that_is_allowed(
    tmp_path: Path,
) -> None:
    other = tmp_path / "other"
    asked: list[str] = []

    async def hook(event: HookInput, _call_id: str | None, _context: HookContext) -> HookJSONOutput:
        asked.append(event["hook_event_name"])
        written = {"file_path": str(other), "content": "other"}
        return {
            "hookSpecificOutput": {
                "hookEventName": "PermissionRequest",
                "decision": {"behavior": "allow", "updatedInput": written},
            }
        }

    options = ClaudeAgentOptions(
        model=MODEL,
        cwd=tmp_path,
        tools=["Write"],
        hooks={"PermissionRequest": [HookMatcher(hooks=[hook])]},
    )
    # Of its own settings the CLI asks, whatever it was told before.
    settings = {"file_path": str(tmp_path / ".claude" / "settings.json"), "content": "{}"}
    ran = await run(
        options,
        Turn(Call("Write", settings, id="c1")),
        Turn("A pity."),
        policies=[under('default = "allow"')],
    )
    assert asked == ["PermissionRequest"]
    assert not other.exists()
    assert "nobody was asked about" in ran.told["c1"]


@pytest.mark.long
async def test_a_policy_that_raises_allows_nothing(tmp_path: Path) -> None:
    class Raising:
        name, version = "raising", "1"

        def evaluate(self, question: object, /) -> None:
            if type(question).__name__ == "ToolQuestion":
                raise ValueError("out of order")

    command = {"command": f"touch '{tmp_path}/made'", "description": "d"}
    ran = await run(
        agent_of("Bash", cwd=tmp_path, tools=[look]),
        Turn(Call("Bash", command, id="c1"), Call("look", {}, id="c2")),
        Turn("A pity."),
        policies=[Raising(), under('default = "allow"')],
    )
    assert ran.result.status is JobStatus.SUCCEEDED
    assert not (tmp_path / "made").exists()
    assert ran.told.keys() == {"c1", "c2"}


async def test_arguments_that_policy_writes_run_and_the_models_history_keeps_its_own(
    tmp_path: Path,
) -> None:
    made, other = tmp_path / "made", tmp_path / "other"
    rule = f"[[tools]]\nallow = 'Bash'\nset = {{ command = \"touch '{other}'; echo did it\" }}"
    asked = {"command": f"touch '{made}'", "description": "d"}
    ran = await run(
        agent_of("Bash", cwd=tmp_path),
        Turn(Call("Bash", asked, id="c1")),
        Turn("Done."),
        policies=[under(rule)],
    )
    assert (made.exists(), other.exists()) == (False, True)
    (_, last) = ran.provider.requests
    (call,) = (
        block for m in last.body["messages"] if m["role"] == "assistant" for block in m["content"]
    )
    assert call["input"] == asked
    assert ran.told["c1"] == "did it"
