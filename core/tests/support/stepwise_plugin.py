"""The stepwise runtime as a distribution would bring it; named by an entry point of a test."""

from __future__ import annotations

from steer.plugin import RuntimePlugin, hookimpl
from stepwise import CAPABILITIES, StepwiseRuntime


@hookimpl
def steer_runtimes() -> list[RuntimePlugin]:
    return [
        RuntimePlugin(
            name="stepwise",
            summary="Model turns in order, for tests",
            contract=1,
            open="stepwise_plugin:open_runtime",
            capabilities=CAPABILITIES,
            native_types=("stepwise.Stepwise",),
        )
    ]


def open_runtime(_config: None) -> StepwiseRuntime:
    return StepwiseRuntime()
