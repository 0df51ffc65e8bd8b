"""The policy that holds where nobody selected one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from steer.context import PolicyRef
from steer.policies.compiling import OUT_OF_REACH
from steer.ports.policy import Outcome, Question, ToolKind, ToolQuestion, Verdict
from steer.values import Effect

__all__ = ["AuthorDeclared"]

_NAME = "author-declared"
_VERSION = "1"
_REF = str(PolicyRef(name=_NAME, version=_VERSION))

_ALLOWED = Verdict(outcome=Outcome.ALLOW, rule="declared", policy=_REF)
_READS = Verdict(outcome=Outcome.ALLOW, rule="native without effects", policy=_REF)
_NATIVE = Verdict(
    outcome=Outcome.ASK,
    reason="this tool of the runtime itself has effects, so a person has to approve it",
    rule="native",
    policy=_REF,
)
_UNDECLARED = Verdict(
    outcome=Outcome.DENY,
    reason="the author of the agent did not declare this tool",
    rule="undeclared",
    policy=_REF,
)
_UNREACHABLE = Verdict(
    outcome=Outcome.DENY,
    reason="this tool acts where steer cannot stop it; a policy has to name it to allow it",
    rule="out of reach",
    policy=_REF,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorDeclared:
    """Allow what the agent's author declared; be careful with everything else.

    Runs, models, data and the author's own tools are allowed, and any principal of the scope may
    answer what waits for a person. The runtime's native tools are allowed where they are declared
    and only compute or read; with effects, or undeclared, they ask. Hosted and ungated tools, which
    steer cannot stop, are denied unless the author declared them and ``named`` holds their exact
    name.
    """

    named: Sequence[str] = ()
    name: str = field(default=_NAME, init=False)
    version: str = field(default=_VERSION, init=False)

    def __post_init__(self) -> None:
        """Fix the names."""
        names = (self.named,) if isinstance(self.named, str) else tuple(self.named)
        object.__setattr__(self, "named", names)

    def evaluate(self, question: Question, /) -> Verdict:
        """Answer every question."""
        if not isinstance(question, ToolQuestion):
            return _ALLOWED
        if question.kind in OUT_OF_REACH:
            named = question.declared and question.tool in self.named
            return _ALLOWED if named else _UNREACHABLE
        if question.kind is ToolKind.NATIVE:
            harmless = question.declared and question.effect is Effect.NONE
            return _READS if harmless else _NATIVE
        return _ALLOWED if question.declared else _UNDECLARED
