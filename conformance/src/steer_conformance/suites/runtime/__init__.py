"""The suite of runtimes: a real plugin, a scripted provider, and a gate of the suite's own."""

from __future__ import annotations

from steer_conformance.checks import Suite, checks_in
from steer_conformance.suites.runtime import (
    cancelling,
    cuts,
    failures,
    handoffs,
    history,
    interleaving,
    limits,
    options,
    outputs,
    preparing,
    replaying,
    requests,
    sessions,
    suspending,
    telling,
    tools,
)
from steer_conformance.suites.runtime.case import RuntimeCase, runtime_case
from steer_conformance.suites.runtime.gate import BareGate
from steer_conformance.suites.runtime.records import Records
from steer_conformance.suites.runtime.run import BareRun
from steer_conformance.suites.runtime.setup import RuntimeSetup

__all__ = ["SUITE", "BareGate", "BareRun", "Records", "RuntimeCase", "RuntimeSetup"]

SUITE: Suite[RuntimeCase] = Suite(
    port="runtime",
    checks=checks_in(
        interleaving,
        telling,
        cancelling,
        requests,
        tools,
        limits,
        outputs,
        history,
        failures,
        cuts,
        preparing,
        options,
        replaying,
        suspending,
        handoffs,
        sessions,
    ),
    case=runtime_case,
)
