"""What this distribution adds to steer: one runtime. Imports no HTTP client."""

from __future__ import annotations

from steer.capabilities import Capabilities, HistoryForm, ModelGate, Suspension, UsageSource
from steer.plugin import RuntimePlugin, hookimpl

__all__ = ["CAPABILITIES", "RUNTIME", "steer_runtimes"]

CAPABILITIES = Capabilities(
    suspend=Suspension.MANY,
    model_gate=ModelGate.NATIVE,
    usage=UsageSource.PROVIDER,
    history=HistoryForm.NATIVE,
    replay=True,
    tools=True,
    parallel_tools=True,
    schema=True,
    reasoning=True,
    temperature=True,
    max_output_tokens=True,
    retries=True,
)
"""What Acme offers. What is not claimed here is refused, and never dropped."""

RUNTIME = RuntimePlugin(
    name="acme",
    summary="Agents over Acme Agents",
    contract=1,
    open="steer_acme.runtime:AcmeRuntime",
    requires=("httpx2",),
    install="steer-acme",
    capabilities=CAPABILITIES,
    native_types=("steer_acme.agent.AcmeAgent",),
    config="steer_acme.config:AcmeConfig",
    testing="steer_acme.testing:SETUP",
)


@hookimpl
def steer_runtimes() -> list[RuntimePlugin]:
    """Declare the runtime ``acme``."""
    return [RUNTIME]
