"""Conformance suite and scripted provider for steer plugins.

Each name is imported when it is first used, so that whoever wants the scripted provider alone
loads neither pytest nor Hypothesis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steer_conformance.checking import run
    from steer_conformance.pytest_checks import (
        artifact_checks,
        cache_checks,
        executor_checks,
        packaging_checks,
        policy_checks,
        runtime_checks,
        signals_checks,
        sink_checks,
        storage_checks,
    )
    from steer_conformance.report import CheckOutcome, Report, Result
    from steer_conformance.suites.policy.setup import PolicySetup
    from steer_conformance.suites.runtime.setup import RuntimeSetup
    from steer_conformance.suites.sink.bench import SinkBench

__all__ = [
    "CheckOutcome",
    "PolicySetup",
    "Report",
    "Result",
    "RuntimeSetup",
    "SinkBench",
    "artifact_checks",
    "cache_checks",
    "executor_checks",
    "packaging_checks",
    "policy_checks",
    "run",
    "runtime_checks",
    "signals_checks",
    "sink_checks",
    "storage_checks",
]

_MODULES = {
    "CheckOutcome": "report",
    "PolicySetup": "suites.policy.setup",
    "Report": "report",
    "Result": "report",
    "RuntimeSetup": "suites.runtime.setup",
    "SinkBench": "suites.sink.bench",
    "run": "checking",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'steer_conformance' has no attribute {name!r}")
    module = import_module(f"steer_conformance.{_MODULES.get(name, 'pytest_checks')}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
