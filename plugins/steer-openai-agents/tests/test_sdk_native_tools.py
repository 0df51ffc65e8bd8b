"""The SDK's shells, patches, custom tools and computers: asked, run once, recorded, replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agents import AgentHooks
from native_hands import (
    CASES,
    WITH_WORDS,
    Hands,
    agent_with,
    deny,
    patching,
    script_of,
    shell,
)
from sdk_runs import run_bare, run_in_kernel, run_without_steer
from steer.errors import RuntimeFailure
from steer.events import ModelBlockDone, Unknown
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.ports.policy import Question, ToolKind, ToolQuestion, Verdict
from steer.ports.records import Grant
from steer.values import Effect, EffectStatus, JobStatus, JsonValue
from steer_conformance.provider import Provider, Script, Turn
from steer_conformance.suites.runtime import BareGate, BareRun
from steer_openai_agents.frame import Frame, current_frame
from wire_items import patch_call, said, shell_call

pytestmark = pytest.mark.anyio


async def run_case(
    name: str, gate: BareGate | None = None
) -> tuple[Hands, BareRun, dict[str, Any]]:
    make, item, _, _ = CASES[name]
    hands = Hands()
    async with Provider(script_of(item)) as provider:
        _, run = await run_bare(agent_with(make(hands)), provider, gate=gate)
        provider.assert_used_up()
        last: dict[str, Any] = provider.requests[1].body["input"][-1]
    return hands, run, last


@pytest.mark.parametrize("name", CASES)
async def test_it_is_asked_about_with_its_arguments_and_runs_once(name: str) -> None:
    hands, run, last = await run_case(name)
    _, _, arguments, did = CASES[name]
    (call,) = run.gate.asked
    assert call == run.gate.ran[0]
    assert (call.tool, call.call_id, call.message, call.path) == (name, "c1", 0, ())
    assert (call.kind, call.effect, call.agent) == (ToolKind.NATIVE, Effect.ONCE, "worker")
    assert call.arguments == arguments
    assert not call.needs_approval
    assert hands.did == did
    assert run.gate.outcomes[0].status is EffectStatus.SUCCEEDED
    assert last["call_id"] == "c1"


@pytest.mark.parametrize("name", CASES)
async def test_the_models_call_is_told_as_a_call_of_a_tool(name: str) -> None:
    _, run, _ = await run_case(name)
    calls = [block for block in run.told(ModelBlockDone) if block.kind == "tool_call"]
    (call,) = calls
    assert call.call_id == "c1"
    assert call.tool == ("computer" if name == "computer_use_preview" else name)
    first = {"shell": "ls", "local_shell": "-l", "apply_patch": "a.py", "sql": "select 1"}
    assert first.get(name, "click") in call.arguments
    assert run.told(Unknown) == []


@pytest.mark.parametrize("name", CASES)
async def test_the_requests_are_those_of_the_bare_sdk_byte_for_byte(name: str) -> None:
    make, item, _, did = CASES[name]
    bare, ours = Hands(), Hands()
    _, expected = await run_without_steer(agent_with(make(bare)), "Hello?", script_of(item))
    async with Provider(script_of(item)) as provider:
        await run_bare(agent_with(make(ours)), provider)
        sent = [request.raw for request in provider.requests]
    assert sent == expected
    assert ours.did == bare.did == did


@pytest.mark.parametrize("name", CASES)
async def test_a_recorded_call_is_not_made_again(name: str) -> None:
    make, item, _, _ = CASES[name]
    async with Provider(script_of(item)) as provider:
        finished, first = await run_bare(agent_with(make(Hands())), provider)
        hands = Hands()
        # The gate refuses a request that differs by one byte.
        again, second = await run_bare(
            agent_with(make(hands)), provider, gate=BareGate(first.gate.records.until())
        )
    assert again == finished
    assert (hands.did, second.gate.ran, second.gate.sent) == ([], [], [])


@pytest.mark.parametrize("name", WITH_WORDS)
async def test_a_denial_is_told_in_the_form_of_the_tool_and_nothing_runs(name: str) -> None:
    hands, run, last = await run_case(name, BareGate(verdict=deny))
    assert hands.did == []
    assert run.gate.ran == []
    assert last["call_id"] == "c1"
    if name == "shell":
        assert last["output"] == [
            {
                "stdout": "",
                "stderr": "Not on a Sunday.",
                "outcome": {"type": "exit", "exit_code": 1},
            }
        ]
    else:
        assert last["output"] == "Not on a Sunday."


@pytest.mark.parametrize("name", CASES)
async def test_without_a_policy_that_allows_it_nothing_runs(name: str) -> None:
    """The built-in policy wants a person for what acts and is the runtime's own."""
    make, item, _, _ = CASES[name]
    hands = Hands()
    async with Provider(script_of(item)) as provider:
        result, events = await run_in_kernel(agent_with(make(hands)), provider)
    assert hands.did == []
    denied = [event for event in events if event.type == "tool.denied"]
    assert len(denied) == 1
    failed = name == "computer_use_preview"
    assert result.status is (JobStatus.FAILED if failed else JobStatus.SUCCEEDED)


class AllowAll:
    name = "allow-all"
    version = "1"

    def evaluate(self, question: Question, /) -> Verdict | None:
        return Verdict.allow()


@pytest.mark.parametrize("name", CASES)
async def test_in_a_kernel_it_is_told_and_recorded_like_any_tool(name: str) -> None:
    make, item, _, did = CASES[name]
    hands = Hands()
    async with Provider(script_of(item)) as provider:
        result, events = await run_in_kernel(
            agent_with(make(hands)), provider, kernel={"policies": [AllowAll()]}
        )
    assert result.status is JobStatus.SUCCEEDED
    assert result.tools_invoked == 1
    assert hands.did == did
    types = [event.type for event in events]
    assert types.index("tool.start") < types.index("tool.end")


REWRITES: dict[str, tuple[JsonValue, list[Any]]] = {
    "shell": ({"commands": ["true"]}, [["true"]]),
    "local_shell": ({"type": "exec", "command": ["true"], "env": {}}, [["true"]]),
    "apply_patch": ({"type": "delete_file", "path": "b.py"}, [("delete_file", "b.py")]),
    "sql": ("select 2", ["select 2"]),
    "computer_use_preview": (
        {"actions": [{"type": "wait"}]},
        ["wait", "screenshot"],
    ),
}


def rewritten_to(arguments: JsonValue) -> Callable[[ToolCall], Decision]:
    def verdict(call: ToolCall) -> Decision:
        grant = Grant(grant_id="g", key=call.key, digest="", policy="p")
        return Decision(outcome=GateOutcome.ALLOW, grant=grant, arguments=arguments)

    return verdict


@pytest.mark.parametrize("name", CASES)
async def test_arguments_that_policy_rewrote_are_the_ones_that_run(name: str) -> None:
    arguments, did = REWRITES[name]
    hands, _, _ = await run_case(name, BareGate(verdict=rewritten_to(arguments)))
    assert hands.did == did


@pytest.mark.parametrize("name", CASES)
async def test_a_rewrite_that_is_no_call_of_the_tool_does_not_run(name: str) -> None:
    gate = BareGate(verdict=rewritten_to({"nonsense": 1}))
    make, item, _, _ = CASES[name]
    hands = Hands()
    async with Provider(script_of(item)) as provider:
        if name in ("local_shell", "computer_use_preview"):
            # The SDK has no words for their failures.
            with pytest.raises(RuntimeFailure, match="none of its calls"):
                await run_bare(agent_with(make(hands)), provider, gate=gate)
        else:
            await run_bare(agent_with(make(hands)), provider, gate=gate)
            assert "none of its calls" in str(provider.requests[1].body["input"][-1])
    assert hands.did == []
    assert gate.outcomes[0].status is EffectStatus.FAILED


@pytest.mark.parametrize("name", WITH_WORDS)
async def test_what_it_raises_has_the_meaning_it_has_in_the_sdk(name: str) -> None:
    def fail(*_given: Any) -> Any:
        raise ValueError("the disk is full")

    make, item, _, _ = CASES[name]
    failing = Hands()
    for way in ("shell", "local_shell", "custom", "create_file"):
        setattr(failing, way, fail)
    gate = BareGate()
    async with Provider(script_of(item)) as provider:
        if name == "local_shell":
            with pytest.raises(RuntimeFailure, match="local_shell failed: the disk is full"):
                await run_bare(agent_with(make(failing)), provider, gate=gate)
        else:
            await run_bare(agent_with(make(failing)), provider, gate=gate)
            assert "the disk is full" in str(provider.requests[1].body["input"][-1])
            records = gate.records.until()
            _, second = await run_bare(agent_with(make(Hands())), provider, gate=BareGate(records))
            assert second.gate.sent == []
    assert gate.outcomes[0].status is EffectStatus.FAILED


async def test_each_operation_of_a_patch_is_a_call_of_its_own() -> None:
    """Some models send a patch through a function, and several operations with it."""
    operations = [
        {"type": "create_file", "path": "a.py", "diff": "+a\n"},
        {"type": "delete_file", "path": "b.py"},
    ]
    item = patch_call("c1", **operations[0]) | {"operations": operations}
    hands = Hands()
    async with Provider(script_of(item)) as provider:
        _, run = await run_bare(agent_with(patching(hands)), provider)
    assert [(call.call_id, call.arguments) for call in run.gate.ran] == [
        ("c1", operations[0]),
        ("c1#2", operations[1]),
    ]

    def keep_b(call: ToolCall) -> Decision | None:
        return deny(call) if call.call_id == "c1#2" else None

    hands = Hands()
    async with Provider(script_of(item)) as provider:
        await run_bare(agent_with(patching(hands)), provider, gate=BareGate(verdict=keep_b))
        last = provider.requests[1].body["input"][-1]
    assert hands.did == [], "a patch is applied whole, or not at all"
    assert last["output"] == "Not on a Sunday."


async def test_a_patch_that_is_denied_leaves_no_verdict_behind() -> None:
    operations = [{"type": "delete_file", "path": name} for name in ("a.py", "b.py")]
    item = patch_call("c1", **operations[0]) | {"operations": operations}
    frames: list[Frame] = []

    def keep_b(call: ToolCall) -> Decision | None:
        frames.append(current_frame())
        return deny(call) if call.call_id == "c1#2" else None

    async with Provider(script_of(item)) as provider:
        await run_bare(agent_with(patching(Hands())), provider, gate=BareGate(verdict=keep_b))
    assert [frame.permits for frame in frames] == [{}, {}]


async def test_equal_patches_of_one_message_are_made_under_their_own_calls() -> None:
    change = {"type": "update_file", "path": "a.py", "diff": "+a\n"}
    both = said(patch_call("c1", **change), patch_call("c2", **change))
    hands = Hands()
    async with Provider(Script([both, Turn("Done.")])) as provider:
        _, run = await run_bare(agent_with(patching(hands)), provider)
    assert [call.call_id for call in run.gate.ran] == ["c1", "c2"]
    assert len(hands.did) == 2


@pytest.mark.parametrize("name", CASES)
async def test_nothing_is_written_to_the_authors_tool_and_hooks_are_given_it(name: str) -> None:
    seen: list[Any] = []

    class Hooks(AgentHooks[Any]):
        async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
            seen.append(tool)

        async def on_tool_end(self, context: Any, agent: Any, tool: Any, result: Any) -> None:
            seen.append(tool)

    make, item, _, _ = CASES[name]
    tool = make(Hands())
    before = dict(vars(tool))
    async with Provider(script_of(item)) as provider:
        await run_bare(agent_with(tool, hooks=Hooks()), provider)
    assert vars(tool) == before
    assert [each is tool for each in seen] == [True, True]


async def test_policy_sees_the_commands_of_a_shell() -> None:
    questions: list[ToolQuestion] = []

    class Noting(AllowAll):
        def evaluate(self, question: Question, /) -> Verdict | None:
            if isinstance(question, ToolQuestion):
                questions.append(question)
            return Verdict.allow()

    async with Provider(script_of(shell_call("c1", "ls"))) as provider:
        await run_in_kernel(agent_with(shell(Hands())), provider, kernel={"policies": [Noting()]})
    assert [(question.tool, question.kind, question.arguments) for question in questions] == [
        ("shell", ToolKind.NATIVE, {"commands": ["ls"]})
    ]
