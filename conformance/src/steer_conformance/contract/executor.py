"""The clauses of executors."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["EXECUTOR_CLAUSES"]

EXECUTOR_CLAUSES = (
    Clause(
        id="EX-1",
        port="executor",
        text="Each body that is submitted runs, once.",
    ),
    Clause(
        id="EX-2",
        port="executor",
        text="submit() returns without waiting for the body's end, and bodies run side by side.",
    ),
    Clause(
        id="EX-3",
        port="executor",
        text="A body that fails harms no other, and not whoever submitted it.",
    ),
    Clause(
        id="EX-4",
        port="executor",
        text="A body outlives the task that submitted it.",
    ),
    Clause(
        id="EX-5",
        port="executor",
        text="aclose() cancels the bodies that still run and returns once all have ended, their "
        "clean-up included.",
    ),
)
