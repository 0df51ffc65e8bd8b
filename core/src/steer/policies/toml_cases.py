"""Questions as tables, and cases: a question with the answer it has to get."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt, model_validator

from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE, ExecutionContext
from steer.errors import ConfigError
from steer.policies.toml_shapes import Table, Texts
from steer.ports.policy import (
    ActionQuestion,
    Counters,
    DataQuestion,
    ModelQuestion,
    Outcome,
    Question,
    RunQuestion,
    ToolKind,
    ToolQuestion,
)
from steer.values import ActionType, Effect

__all__ = ["CaseTable", "CasesFile", "QuestionTable"]

# What a question of each kind can say; the first kind whose name is given is the one.
_COUNTERS = ("turns", "tool_calls", "turn_tool_calls")
_KEYS: Mapping[str, Sequence[str]] = {
    "action": ("tool", "agent", "asked_by", "approvers"),
    "data": ("kind", "access"),
    "run": ("runtime", "model"),
    "model": ("provider", "agent", *_COUNTERS),
    "tool": (
        *("args", "kind", "effect", "declared", "server", "agent", "needs_approval"),
        *_COUNTERS,
    ),
}
_WHO = ("principal", "scope")
_SUBJECTS = ", ".join(reversed([*_KEYS]))


class QuestionTable(Table):
    """A question to policy: what is asked about, on whose behalf, and how far the run is."""

    tool: str | None = Field(default=None, description="The tool that is to run.")
    args: Any = Field(default=None, description="Its arguments.")
    kind: str | None = Field(
        default=None, description="What stands behind the tool's name; or what the data is."
    )
    effect: Effect = Field(default=Effect.ONCE, description="What running the tool twice would do.")
    declared: StrictBool = Field(default=True, description="Whether the agent declares the tool.")
    server: str | None = Field(default=None, description="The MCP server the tool comes from.")
    needs_approval: StrictBool = Field(
        default=False, description="Whether the agent's author wants the call approved."
    )
    agent: str | None = Field(default=None, description="The agent that calls, asks or waits.")
    model: str | None = Field(default=None, description="The model that is to be asked.")
    provider: str | None = Field(default=None, description="Whose model it is.")
    run: str | None = Field(default=None, description="The agent that is to be run.")
    runtime: str | None = Field(default=None, description="What is to run it.")
    data: str | None = Field(default=None, description="What is to be read or written.")
    access: Literal["read", "write"] = Field(default="read", description="Which of the two.")
    action: ActionType | None = Field(
        default=None, description="The type of the action that somebody wants to answer."
    )
    asked_by: str = Field(
        default=DEFAULT_PRINCIPAL, description="On whose behalf the job runs that waits."
    )
    approvers: Texts = Field(default=[], description="Globs: whom the rule that asked named.")
    principal: str = Field(default=DEFAULT_PRINCIPAL, description="On whose behalf; who answers.")
    scope: str = Field(default=DEFAULT_SCOPE, description="In which scope.")
    turns: StrictInt = Field(default=0, ge=0, description="Turns so far, this one included.")
    tool_calls: StrictInt = Field(default=0, ge=0, description="Tool calls before this one.")
    turn_tool_calls: StrictInt = Field(default=0, ge=0, description="Those of this turn.")

    def question(self) -> Question:
        """Return the question. Raises ``ConfigError`` where it makes none."""
        given = {name for name in QuestionTable.model_fields if name in self.model_fields_set}
        subject = next((name for name in _KEYS if name in given), None)
        if subject is None:
            raise ConfigError("asks about nothing", fix=f"Give one of {_SUBJECTS}")
        if idle := sorted(given - {subject, *_KEYS[subject], *_WHO}):
            known = ", ".join((*_KEYS[subject], *_WHO))
            raise ConfigError(
                f"{idle[0]} says nothing in a question about {_ARTICLES[subject]}",
                fix=f"Beside {subject} there are {known}",
            )
        return _BUILD[subject](self)

    def context(self) -> ExecutionContext:
        """Who asks, and in which scope."""
        return ExecutionContext(scope_id=self.scope, principal_id=self.principal)

    def counters(self) -> Counters:
        """How far the run is."""
        return Counters(
            turns=self.turns, tool_calls=self.tool_calls, turn_tool_calls=self.turn_tool_calls
        )


class CaseTable(QuestionTable):
    """A question, and what the answer has to be."""

    model_config = ConfigDict(title="a case")

    name: str = Field(default="", description="What the case is called where it fails.")
    expect: Outcome = Field(description="What the policy has to say.")
    rule: str | None = Field(default=None, description="The rule that has to decide it.")
    runs_with: Any = Field(
        default=None, description="The arguments that the tool has to run with, if others."
    )

    @model_validator(mode="after")
    def _check(self) -> CaseTable:
        try:
            question = self.question()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        if "runs_with" in self.model_fields_set and not isinstance(question, ToolQuestion):
            raise ValueError("runs_with is for a question about a tool")
        return self


class CasesFile(Table):
    """A file of nothing but cases."""

    tests: list[CaseTable] = Field(default=[], description="The cases.")


def _about_tool(table: QuestionTable) -> ToolQuestion:
    try:
        kind = ToolKind(table.kind or ToolKind.FUNCTION)
    except ValueError as error:
        raise ConfigError(
            f"{table.kind!r} is no kind of tool", fix=f"There are {', '.join(ToolKind)}"
        ) from error
    return ToolQuestion(
        context=table.context(),
        tool=table.tool or "",
        arguments=table.args,
        kind=kind,
        effect=table.effect,
        declared=table.declared,
        server=table.server,
        agent=table.agent,
        needs_approval=table.needs_approval,
        counters=table.counters(),
    )


def _about_model(table: QuestionTable) -> ModelQuestion:
    return ModelQuestion(
        context=table.context(),
        model=table.model or "",
        provider=table.provider,
        agent=table.agent,
        counters=table.counters(),
    )


def _about_run(table: QuestionTable) -> RunQuestion:
    if table.runtime is None:
        raise ConfigError("a question about a run names its runtime", fix="Give runtime as well")
    return RunQuestion(
        context=table.context(), agent=table.run or "", runtime=table.runtime, model=table.model
    )


def _about_data(table: QuestionTable) -> DataQuestion:
    return DataQuestion(
        context=table.context(),
        action=table.access,
        kind=table.kind or "session",
        name=table.data or "",
    )


def _about_action(table: QuestionTable) -> ActionQuestion:
    return ActionQuestion(
        context=table.context(),
        action_type=table.action or ActionType.APPROVAL,
        tool=table.tool,
        agent=table.agent,
        asked_by=table.asked_by,
        approvers=tuple(table.approvers),
    )


_BUILD: Mapping[str, Callable[[QuestionTable], Question]] = {
    "tool": _about_tool,
    "model": _about_model,
    "run": _about_run,
    "data": _about_data,
    "action": _about_action,
}
_ARTICLES = {
    "tool": "a tool",
    "model": "a model",
    "run": "a run",
    "data": "data",
    "action": "an action",
}
