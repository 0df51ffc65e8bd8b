"""What this distribution adds to steer: one runtime. Imports no vendor."""

from __future__ import annotations

from steer.capabilities import Capabilities, HistoryForm, ModelGate, Suspension, UsageSource
from steer.plugin import RuntimePlugin, hookimpl

__all__ = ["CAPABILITIES", "RUNTIME", "steer_runtimes"]

CAPABILITIES = Capabilities(
    suspend=Suspension.MANY,
    suspend_in_subagents=True,
    model_gate=ModelGate.NATIVE,
    usage=UsageSource.PROVIDER,
    history=HistoryForm.NATIVE,
    replay=True,
    session_items=True,
    tools=True,
    parallel_tools=True,
    schema=True,
    reasoning=True,
    images=True,
    files=True,
    mcp=True,
    handoffs=True,
    temperature=True,
    top_p=True,
    max_output_tokens=True,
    tool_choice=True,
    parallel_tool_calls=True,
    reasoning_effort=True,
    seed=True,
    retries=True,
    model_substitution=True,
)
"""The most that this runtime can do; an agent with a model of its own may do less."""

RUNTIME = RuntimePlugin(
    name="openai-agents",
    summary="The OpenAI Agents SDK: native agents and steer's own",
    contract=1,
    open="steer_openai_agents.runtime:open_runtime",
    requires=("openai-agents", "openai"),
    install="steer-openai-agents",
    capabilities=CAPABILITIES,
    native_types=("agents.agent.Agent",),
    native_callers=("agents.run.Runner",),
    native_functions=("run_workflow",),
    config="steer_openai_agents.config:OpenAIAgentsConfig",
    testing="steer_openai_agents.testing:connect",
    nesting="steer_openai_agents.testing:nesting",
)


@hookimpl
def steer_runtimes() -> list[RuntimePlugin]:
    """Declare the runtime ``openai-agents``."""
    return [RUNTIME]
