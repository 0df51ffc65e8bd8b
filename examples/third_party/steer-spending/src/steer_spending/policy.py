"""How much a tool call may spend."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from steer.ports.policy import Question, ToolQuestion, Verdict
from steer.values import digest_of

__all__ = ["SpendingConfig", "SpendingPolicy"]


class SpendingConfig(BaseModel):
    """``[policies.spending]``.

    ``argument``: the argument of a tool call that says how much. Amounts above ``ask_above`` need
    a person's approval, amounts above ``deny_above`` are denied.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    argument: str = "amount"
    ask_above: float = Field(default=100, ge=0)
    deny_above: float = Field(default=1000, ge=0)


class SpendingPolicy:
    """Implements ``steer.ports.policy.Policy``."""

    name = "spending"

    def __init__(self, config: SpendingConfig) -> None:
        self._config = config
        # An approval is given under one version: with other limits it is worth nothing.
        self.version = digest_of(config.model_dump())[:12]

    def evaluate(self, question: Question, /) -> Verdict | None:
        """Judge what is spent; leave everything else to other policies."""
        if not isinstance(question, ToolQuestion) or not isinstance(question.arguments, dict):
            return None
        if self._config.argument not in question.arguments:
            return None
        amount = question.arguments[self._config.argument]
        if isinstance(amount, bool) or not isinstance(amount, int | float):
            return Verdict.deny(f"{self._config.argument} is no number")
        # Asked this way round, what is no number at all (NaN) is not allowed either.
        if not amount <= self._config.deny_above:
            return Verdict.deny(f"{amount} is more than {self._config.deny_above:g}")
        if not amount <= self._config.ask_above:
            return Verdict.ask(f"{amount} is more than {self._config.ask_above:g}")
        return Verdict.allow()
