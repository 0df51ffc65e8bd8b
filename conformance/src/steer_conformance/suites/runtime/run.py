"""A run over a bare gate, which keeps what was emitted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from steer.context import BudgetSpec, ExecutionContext
from steer.events import RuntimeData
from steer.ports.runtime import PastRun
from steer.values import Message, user_message

from steer_conformance.suites.runtime.gate import BareGate

__all__ = ["BareRun", "Told"]

Told: TypeAlias = tuple[tuple[str, ...], str | None, RuntimeData]
"""An event as it was emitted: its path, the agent, and what happened."""


@dataclass
class BareRun:
    """Implements ``steer.ports.runtime.Run``."""

    gate: BareGate
    input: tuple[Message, ...] = (user_message("Hello?"),)
    past: tuple[PastRun, ...] = ()
    user_context: object = None
    context: ExecutionContext = field(
        default_factory=lambda: ExecutionContext(job_id="job-1", run_id="run-1")
    )
    budgets: BudgetSpec = field(default_factory=BudgetSpec)
    resume_state: bytes | None = None
    emitted: list[Told] = field(default_factory=list)

    @property
    def asked(self) -> tuple[Message, ...]:
        """What follows the messages of the past."""
        return self.input[sum(len(run.messages) for run in self.past) :]

    def emit(
        self, data: RuntimeData, /, *, path: tuple[str, ...] = (), agent: str | None = None
    ) -> None:
        """Keep an event, and look whether it is in its place."""
        self.gate.narration.hears(data, path)
        self.emitted.append((path, agent, data))
        self.gate.reach(f"told {getattr(data, 'type', data)}")

    def told(self, kind: type[Any], path: tuple[str, ...] | None = None) -> list[Any]:
        """What was emitted of one type."""
        return [
            data
            for at, _, data in self.emitted
            if isinstance(data, kind) and (path is None or at == path)
        ]
