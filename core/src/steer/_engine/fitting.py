"""Whether a runtime can do what a request asks for: pure checks of what was declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steer.budgets import Draw
from steer.capabilities import Capabilities, ModelGate
from steer.context import BudgetSpec
from steer.errors import ConfigError
from steer.ports.money import BudgetUnit
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Prepared
from steer.values import FilePart, ImagePart, Message

__all__ = ["check_bounds", "check_input", "check_options"]

_OF_REQUESTS = ("max_tokens", "max_cost", "max_turns")
_DETERMINISTIC = ("temperature", "seed", "parallel_tool_calls")


def check_options(options: PrepareOptions, declared: Capabilities, *, runtime: str) -> None:
    """Refuse options of which a runtime says that it cannot pass them on.

    Which of the others one model takes is for the runtime to say. Raises ``ConfigError``.
    """
    for option, capability in (
        ("temperature", "temperature"),
        ("top_p", "top_p"),
        ("max_output_tokens", "max_output_tokens"),
        ("seed", "seed"),
        ("reasoning_effort", "reasoning_effort"),
        ("tool_choice", "tool_choice"),
        ("parallel_tool_calls", "parallel_tool_calls"),
        ("output_schema", "schema"),
    ):
        if getattr(options, option) is not None and not getattr(declared, capability):
            raise _without_effect(option, runtime)
    if options.deterministic and not any(getattr(declared, name) for name in _DETERMINISTIC):
        raise _without_effect("deterministic", runtime)


def check_input(messages: Sequence[Message], prepared: Prepared) -> None:
    """Refuse images and files that an agent's model does not see. Raises ``ConfigError``."""
    parts = [part for message in messages for part in message.content]
    can = prepared.capabilities
    for kind, what, able in ((ImagePart, "images", can.images), (FilePart, "files", can.files)):
        if not able and any(isinstance(part, kind) for part in parts):
            model = f" ({prepared.model})" if prepared.model else ""
            raise ConfigError(
                f"the model of agent {prepared.agent!r}{model} takes no {what}",
                fix=f"Leave the {what} out, or name another model",
            )


def check_bounds(
    bounds: BudgetSpec, draws: Iterable[Draw], prepared: Prepared, runtime: str, /
) -> None:
    """Refuse bounds of what an agent asks of its models where its runtime hides that.

    ``draws`` are the accounts that it would draw on. Raises ``ConfigError``.
    """
    if prepared.capabilities.model_gate is not ModelGate.NONE:
        return
    names = [name for name in _OF_REQUESTS if getattr(bounds, name) is not None]
    names += [
        f"budget {draw.budget.name}"
        for draw in draws
        if draw.budget is not None and draw.unit is not BudgetUnit.TOOL_CALLS
    ]
    if names:
        raise ConfigError(
            f"{', '.join(names)} cannot be kept: the runtime {runtime} hides what agent"
            f" {prepared.agent!r} asks of its models",
            fix="Name another runtime, or bound the run with max_runtime_seconds instead",
        )


def _without_effect(option: str, runtime: str) -> ConfigError:
    return ConfigError(
        f"{option} cannot take effect: the runtime {runtime} does not pass it on to its models",
        fix=f"Drop {option}, or name another runtime",
    )
