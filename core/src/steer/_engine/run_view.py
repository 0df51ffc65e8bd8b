"""What a runtime is given for one run."""

from __future__ import annotations

from dataclasses import dataclass

from steer._engine.gate import JobGate
from steer._engine.state import JobState
from steer.context import BudgetSpec, ExecutionContext
from steer.errors import PluginError
from steer.events import RUNTIME_TYPES, RuntimeData
from steer.ports.runtime import PastRun
from steer.values import Message

__all__ = ["RunView"]

_ALLOWED = frozenset(RUNTIME_TYPES)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """Implements ``steer.ports.runtime.Run``."""

    state: JobState
    runtime: str
    gate: JobGate
    input: tuple[Message, ...]
    asked: tuple[Message, ...]
    user_context: object
    past: tuple[PastRun, ...] = ()
    resume_state: bytes | None = None

    @property
    def context(self) -> ExecutionContext:
        """Who runs what for whom."""
        return self.state.context

    @property
    def budgets(self) -> BudgetSpec:
        """The bounds of the run."""
        return self.state.limits.spec

    def emit(
        self, data: RuntimeData, /, *, path: tuple[str, ...] = (), agent: str | None = None
    ) -> None:
        """Say that something happened: see ``Run.emit``.

        Raises ``PluginError`` for an event that only the kernel may emit.
        """
        if type(data) not in _ALLOWED:
            raise PluginError(
                self.runtime, f"a runtime may not emit {getattr(data, 'type', type(data).__name__)}"
            )
        self.state.tell(data, path=path, agent=agent)
