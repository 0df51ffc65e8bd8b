"""Runs of the real CLI that asks a scripted provider by itself, heard by ``Direct``."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mcp.types
from claude_agent_sdk import (
    AgentDefinition,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    HookContext,
    HookMatcher,
    Message,
    ResultMessage,
    StreamEvent,
    ToolResultBlock,
    UserMessage,
    create_sdk_mcp_server,
    tool,
)
from claude_agent_sdk.types import HookInput, HookJSONOutput, PreToolUseHookSpecificOutput
from steer.events import AgentStarted, ModelToken
from steer.ports.gate import ToolCall, ToolOutcome
from steer.ports.records import Grant
from steer.ports.runtime import Run
from steer.values import Effect, EffectStatus, Usage
from steer_claude_code.active import ActiveRun
from steer_claude_code.agent.asking import Asking
from steer_claude_code.calls import Proposed
from steer_claude_code.names import Names
from steer_claude_code.run.direct import Direct
from steer_conformance.provider import Provider, Reply, Request, Rule, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun

__all__ = [
    "AGENT",
    "MODEL",
    "Clerk",
    "DirectRun",
    "asking",
    "delegating",
    "follow",
    "ledger",
    "run_direct",
    "subagent_rules",
]

PATIENCE = 60.0
"""Seconds after which a run that hangs has failed."""

AGENT, MODEL = "main", "claude-sonnet-4-5"
_HELPER = "You are the helper."
_NAMES = Names(own=("add",))


@tool("add", "Adds.", {"a": int, "b": int}, mcp.types.ToolAnnotations(read_only_hint=True))
async def _add(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": str(arguments["a"] + arguments["b"])}]}


@dataclass(kw_only=True)
class DirectRun:
    """What a run came to, and how."""

    run: BareRun
    active: ActiveRun
    direct: Direct
    provider: Provider
    result: ResultMessage | None = None
    proposed: list[Proposed] = field(default_factory=list)

    def said(self, path: tuple[str, ...] = ()) -> list[str]:
        """The texts that subscribers were shown on a path, one for each request."""
        texts: dict[str, str] = {}
        for token in self.run.told(ModelToken, path):
            texts[token.call] = texts.get(token.call, "") + token.text
        return list(texts.values())


def ledger(gate: BareGate) -> Usage:
    """What was booked of all requests together."""
    failed = (usage for _, _, usage in gate.failures)
    return sum((usage or Usage() for usage in (*gate.usages, *failed)), Usage())


def subagent_rules(*turns: Reply) -> list[Rule]:
    """Rules by which the subagent ``helper`` answers with these turns, in their order."""
    left = list(turns)

    def asked(request: Request) -> bool:
        return bool(request.messages) and _HELPER in request.messages[0].text

    return [Rule(asked, lambda _request: left.pop(0))]


def delegating(*said: Any, **given: Any) -> Turn:
    """A turn that gives the subagent ``helper`` a task, in the call ``toolu_agent``."""
    task = {"description": "help", "prompt": "Help me.", "subagent_type": "helper"}
    return Turn(*said, Call("Agent", task, id="toolu_agent"), **given)


class Clerk:
    """Asks the gate before the CLI executes a call, and says how it ended."""

    def __init__(self, run: Run, direct: Direct) -> None:
        self._run = run
        self._direct = direct
        self._under_way: dict[str, tuple[ToolCall, Grant]] = {}
        self.proposed: list[Proposed] = []

    async def before(
        self, _asked: HookInput, call_id: str | None, _context: HookContext
    ) -> HookJSONOutput:
        proposed = await self._direct.proposed(str(call_id))
        self.proposed.append(proposed)
        tooling = _NAMES.behind(proposed.name)
        call = ToolCall(
            call_id=proposed.call_id,
            tool=tooling.tool,
            message=proposed.message,
            path=proposed.place.path,
            arguments=proposed.arguments,
            kind=tooling.kind,
            effect=Effect.NONE,
            agent=proposed.place.agent,
        )
        decision = await self._run.gate.authorize(call)
        if decision.grant is not None:
            await self._run.gate.begin(call, decision.grant)
            self._under_way[call.call_id] = (call, decision.grant)
        said: PreToolUseHookSpecificOutput = {
            "hookEventName": "PreToolUse",
            "permissionDecision": "allow" if decision.allowed else "deny",
            "permissionDecisionReason": decision.reason,
        }
        return {"hookSpecificOutput": said}

    async def hear(self, message: Message) -> None:
        if not isinstance(message, UserMessage):
            return
        for block in message.content:
            if isinstance(block, ToolResultBlock) and block.tool_use_id in self._under_way:
                outcome = ToolOutcome(status=EffectStatus.SUCCEEDED, value=block.content)
                await self._run.gate.observe(*self._under_way.pop(block.tool_use_id), outcome)


async def follow(
    active: ActiveRun,
    direct: Direct,
    provider: Provider,
    *,
    clerk: Clerk,
    retries: int = 0,
    max_turns: int = 8,
    max_budget_usd: float | None = None,
    environment: Mapping[str, str] | None = None,
    on_message: Callable[[Message], object] = lambda _message: None,
) -> ResultMessage | None:
    """Have a process of the CLI run an agent; return its result, ``None`` where it was stopped."""
    with tempfile.TemporaryDirectory() as home:
        options = ClaudeAgentOptions(
            system_prompt="You are the main one.",
            tools=["Agent"],
            model=MODEL,
            env={
                "ANTHROPIC_BASE_URL": provider.anthropic_base_url,
                "ANTHROPIC_API_KEY": "sk-ant-scripted",
                "HOME": home,
                "CLAUDE_CONFIG_DIR": f"{home}/.claude",
                "CLAUDE_CODE_TMPDIR": home,
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
                "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
                "CLAUDE_CODE_MAX_RETRIES": str(retries),
                **(environment or {}),
            },
            cwd=home,
            setting_sources=[],
            strict_mcp_config=True,
            verbatim_prompts=True,
            include_partial_messages=True,
            forward_subagent_text=True,
            max_turns=max_turns,
            max_budget_usd=max_budget_usd,
            agents={"helper": AgentDefinition(description="Helps.", prompt=_HELPER)},
            mcp_servers={"steer": create_sdk_mcp_server("steer", tools=[_add])},
            hooks={"PreToolUse": [HookMatcher(hooks=[clerk.before], on_failure="block")]},
        )
        active.run.emit(AgentStarted(name=AGENT), agent=AGENT)
        async with asyncio.timeout(PATIENCE), ClaudeSDKClient(options) as client:
            await client.query("Go on.")
            async for message in client.receive_messages():
                await direct.hear(message)
                await clerk.hear(message)
                on_message(message)
                if isinstance(message, ResultMessage):
                    return message
                if active.over.is_set():
                    await client.interrupt()
                    return None
    raise AssertionError("the CLI came to no result")


async def run_direct(
    script: Script,
    *,
    gate: BareGate | None = None,
    release_after: int = 0,
    on_message: Callable[[DirectRun, Message], object] = lambda _run, _message: None,
    **how: Any,
) -> DirectRun:
    """Run an agent with the function tool ``add`` and the subagent ``helper`` to its end.

    The hold ``midway`` of the script is released once so many deltas have been told.
    """
    run = BareRun(gate=gate or BareGate())
    active = ActiveRun(run, agent=AGENT)
    direct = Direct(active=active, asking=asking())
    clerk = Clerk(run, direct)
    with Provider(script) as provider:
        outcome = DirectRun(run=run, active=active, direct=direct, provider=provider)
        deltas = 0

        def hear(message: Message) -> None:
            nonlocal deltas
            on_message(outcome, message)
            match message:
                case StreamEvent(event={"type": "content_block_delta"}):
                    deltas += 1
                    if deltas == release_after:
                        provider.release("midway")

        try:
            outcome.result = await follow(
                active, direct, provider, clerk=clerk, on_message=hear, **how
            )
        finally:
            await direct.close()
        outcome.proposed = clerk.proposed
    return outcome


def asking() -> Asking:
    """How this agent's models are asked."""
    return Asking(agent=AGENT, names=_NAMES)
