"""What a runtime or a storage can do, as values that core, conformance suite and users all read.

A runtime declares the most it can do; each ``Prepared`` states what *this* agent with *these*
options can do, which is never more (``exceeding`` names what is).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

__all__ = [
    "Capabilities",
    "HistoryForm",
    "ModelGate",
    "PolicyCapabilities",
    "StorageCapabilities",
    "Suspension",
    "UsageSource",
]


class Suspension(StrEnum):
    """How many pending tool calls can be left behind when a run is parked.

    ``one_per_message``: a call can be suspended where its message asks for no other one.
    """

    NONE = "none"
    ONE_PER_MESSAGE = "one_per_message"
    MANY = "many"


class ModelGate(StrEnum):
    """Where each model request passes steer before it leaves.

    ``native``: in this process, around the vendor's model object. ``endpoint``: the vendor's
    process talks to a loopback endpoint of ours. ``none``: the vendor hides its requests.
    """

    NONE = "none"
    ENDPOINT = "endpoint"
    NATIVE = "native"


class UsageSource(StrEnum):
    """Whose count of tokens is reported: the provider's, the vendor SDK's, or a guess."""

    ESTIMATED = "estimated"
    VENDOR = "vendor"
    PROVIDER = "provider"


class HistoryForm(StrEnum):
    """How earlier messages reach the model: folded into the prompt, as a transcript, or as is."""

    PROMPT = "prompt"
    TRANSCRIPT = "transcript"
    NATIVE = "native"


# Members are declared from the least to the most.
_RANKS: dict[str, int] = {
    f"{kind.__name__}.{member}": rank
    for kind in (Suspension, ModelGate, UsageSource, HistoryForm)
    for rank, member in enumerate(kind)
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What a runtime can do. The defaults claim nothing.

    ``suspend_in_subagents``: a call of an agent that is used as a tool can be suspended as well.
    ``replay``: recorded model responses can be yielded again without a request.
    ``model_substitution``: a request goes to another model where the gate says so.
    ``retries``: a model request that failed is made again, by the gate's leave.
    ``session_items``: it keeps what a run adds to its session in the vendor's own form as well.
    ``resume_state``: the vendor's own state can resume a suspended run.
    ``reasoning``: it tells what the model thinks; ``reasoning_effort``: one can say how much.
    ``parallel_tools``: tools of one message run side by side; ``parallel_tool_calls``: one can say
    whether the model may call several at once.
    ``process_guard``: no process outlives a run, kill -9 of the host included.
    ``max_concurrency``: runs of one ``Prepared`` at a time; ``None`` is unbounded.
    """

    suspend: Suspension = Suspension.NONE
    suspend_in_subagents: bool = False
    model_gate: ModelGate = ModelGate.NONE
    usage: UsageSource = UsageSource.ESTIMATED
    history: HistoryForm = HistoryForm.PROMPT
    replay: bool = False
    session_items: bool = False
    resume_state: bool = False
    tools: bool = False
    parallel_tools: bool = False
    schema: bool = False
    reasoning: bool = False
    images: bool = False
    files: bool = False
    mcp: bool = False
    handoffs: bool = False
    temperature: bool = False
    top_p: bool = False
    max_output_tokens: bool = False
    tool_choice: bool = False
    parallel_tool_calls: bool = False
    reasoning_effort: bool = False
    seed: bool = False
    retries: bool = False
    model_substitution: bool = False
    process_guard: bool = False
    max_concurrency: int | None = None

    def exceeding(self, declared: Capabilities) -> tuple[str, ...]:
        """The names of what this claims and ``declared`` does not."""
        return tuple(
            field.name
            for field in fields(self)
            if _exceeds(getattr(self, field.name), getattr(declared, field.name))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageCapabilities:
    """What a storage can do. The defaults claim nothing.

    ``durable``: what was acknowledged outlives the process that wrote it, however that ends.
    ``shared``: several processes may have the same store open at once.
    ``upgrades``: a store that an earlier version of the storage filled opens, and goes on.
    """

    durable: bool = False
    shared: bool = False
    upgrades: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyCapabilities:
    """What a policy can do. The defaults claim nothing.

    ``rules``: it is given rules about tools, of which the strictest that applies holds.
    """

    rules: bool = False


def _exceeds(claim: object, declared: object) -> bool:
    if isinstance(claim, StrEnum):
        kind = type(claim).__name__
        return _RANKS[f"{kind}.{claim}"] > _RANKS[f"{kind}.{declared}"]
    if isinstance(claim, bool):
        return claim and not declared
    if declared is None:
        return False
    return claim is None or (
        isinstance(claim, int) and isinstance(declared, int) and claim > declared
    )
