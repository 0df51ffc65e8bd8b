"""What this distribution adds to steer: one runtime. Imports no vendor."""

from __future__ import annotations

from steer.capabilities import Capabilities, HistoryForm, ModelGate, Suspension, UsageSource
from steer.plugin import RuntimePlugin, hookimpl

__all__ = ["CAPABILITIES", "RUNTIME", "steer_runtimes"]

CAPABILITIES = Capabilities(
    suspend=Suspension.MANY,
    suspend_in_subagents=True,
    model_gate=ModelGate.ENDPOINT,
    usage=UsageSource.PROVIDER,
    history=HistoryForm.TRANSCRIPT,
    replay=True,
    session_items=True,
    tools=True,
    parallel_tools=True,
    schema=True,
    reasoning=True,
    images=True,
    files=True,
    mcp=True,
    max_output_tokens=True,
    reasoning_effort=True,
    retries=True,
    model_substitution=True,
    process_guard=True,
)
"""The most that this runtime can do; where its model endpoint cannot be used it does less."""

RUNTIME = RuntimePlugin(
    name="claude-code",
    summary="Claude Code: the vendor's CLI, under policy",
    contract=1,
    open="steer_claude_code.runtime:open_runtime",
    requires=("claude-agent-sdk",),
    install="steer-claude-code",
    capabilities=CAPABILITIES,
    native_types=("claude_agent_sdk.types.ClaudeAgentOptions",),
    config="steer_claude_code.config:ClaudeCodeConfig",
    testing="steer_claude_code.testing:connect",
    nesting="steer_claude_code.testing:nesting",
)


@hookimpl
def steer_runtimes() -> list[RuntimePlugin]:
    """Declare the runtime ``claude-code``."""
    return [RUNTIME]
