"""A named, versioned set of rules: the policy most people write."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any

from steer.context import PolicyRef
from steer.errors import ConfigError
from steer.policies.compiling import (
    OUT_OF_REACH,
    Origin,
    compile_action,
    compile_data,
    compile_model,
    compile_run,
    compile_tool,
)
from steer.policies.constraints import Constraints
from steer.policies.rulebook import CompiledRule, RuleBook
from steer.policies.rules import (
    ActionRule,
    DataRule,
    ModelRule,
    Rule,
    RunRule,
    ToolRule,
    member_of,
)
from steer.policies.verdicts import shortened
from steer.ports.policy import (
    ActionQuestion,
    DataQuestion,
    ModelQuestion,
    Outcome,
    Question,
    RunQuestion,
    ToolQuestion,
    Verdict,
)
from steer.redaction import Redaction

__all__ = ["PolicySet", "plain_name"]

_NAME = re.compile(r"[^\s@]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySet:
    """Rules that answer together: the strictest one that applies, in whatever order they stand.

    ``default`` is the answer about a tool that no rule covers. About runs, models, data and the
    answers of people a set without a rule of that kind allows everything; once it has one,
    ``default`` answers for what its rules leave open. A default of ``allow`` does not reach
    tools that steer cannot stop (hosted and ungated ones): there the set gives no answer and leaves
    them to other policies. ``constraints`` bound every run, whatever the rules allow.

    ``redaction`` says what is kept out of the events of the runs that the set holds for.

    ``version`` is a digest of the content where none is given, so it changes when a rule does.
    Raises ``ConfigError`` for a name that could not stand in ``name@version``.
    """

    name: str
    rules: Sequence[Rule] = ()
    version: str = ""
    default: Outcome = Outcome.DENY
    constraints: Constraints = field(default_factory=Constraints)
    redaction: Redaction | None = None
    ref: str = field(init=False, repr=False, compare=False)
    _tools: RuleBook[ToolQuestion] = field(init=False, repr=False, compare=False)
    _models: RuleBook[ModelQuestion] = field(init=False, repr=False, compare=False)
    _runs: RuleBook[RunQuestion] = field(init=False, repr=False, compare=False)
    _data: RuleBook[DataQuestion] = field(init=False, repr=False, compare=False)
    _actions: RuleBook[ActionQuestion] = field(init=False, repr=False, compare=False)
    _open: Verdict = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the rules."""
        for what in (self.name, self.version or "-"):
            plain_name(what)
        contents = [_content(rule) for rule in self.rules]
        texts = [json.dumps(content, sort_keys=True) for content in contents]
        default = member_of(Outcome, self.default)
        bounds = [json.dumps(_content(self.constraints))] * (self.constraints != Constraints())
        redaction = [json.dumps(_content(self.redaction))] if self.redaction else []
        version = self.version or _digest([default, *bounds, *sorted(set(texts)), *redaction])
        ref = str(PolicyRef(name=self.name, version=version))
        rules = [
            (rule, Origin(policy=ref, content=text, number=number))
            for number, (rule, text) in enumerate(zip(self.rules, texts, strict=True))
        ]
        compiled = {
            "rules": tuple(self.rules),
            "version": version,
            "default": default,
            "ref": ref,
            "_tools": RuleBook(compile_tool(r, o) for r, o in rules if isinstance(r, ToolRule)),
            "_models": RuleBook(compile_model(r, o) for r, o in rules if isinstance(r, ModelRule)),
            "_runs": RuleBook(compile_run(r, o) for r, o in rules if isinstance(r, RunRule)),
            "_data": RuleBook(compile_data(r, o) for r, o in rules if isinstance(r, DataRule)),
            "_actions": RuleBook(
                compile_action(r, o) for r, o in rules if isinstance(r, ActionRule)
            ),
            "_open": Verdict(outcome=Outcome.ALLOW, rule="default", policy=ref),
        }
        for name, value in compiled.items():
            object.__setattr__(self, name, value)

    def evaluate(self, question: Question, /) -> Verdict | None:
        """Answer a question; ``None`` leaves it to the other policies of the stack."""
        if beyond := self.constraints.beyond(question):
            reason = f"{beyond.why} under the policy {self.ref}"
            return Verdict(outcome=Outcome.DENY, reason=reason, rule=beyond.bound, policy=self.ref)
        match question:
            case ToolQuestion():
                return self._tools.answer(question.tool, question) or self._unruled(question)
            case ModelQuestion():
                answer = self._models.answer(question.model, question)
                return answer or self._otherwise("model", question.model, ruled=bool(self._models))
            case RunQuestion():
                answer = self._runs.answer(question.agent, question)
                return answer or self._otherwise("agent", question.agent, ruled=bool(self._runs))
            case DataQuestion():
                answer = self._data.answer(question.name, question)
                return answer or self._otherwise(
                    question.kind, question.name, ruled=bool(self._data)
                )
            case ActionQuestion():
                return self._actions.answer(question.action_type, question) or self._unanswerable(
                    question
                )

    def rules_about(self, question: Question) -> tuple[str, tuple[CompiledRule[Any], ...]]:
        """Return what a question asks about, and all rules of its kind, the strictest first."""
        match question:
            case ToolQuestion():
                return question.tool, self._tools.rules
            case ModelQuestion():
                return question.model, self._models.rules
            case RunQuestion():
                return question.agent, self._runs.rules
            case DataQuestion():
                return question.name, self._data.rules
            case ActionQuestion():
                return question.action_type, self._actions.rules

    def _unanswerable(self, question: ActionQuestion) -> Verdict:
        if not self._actions or self.default is Outcome.ALLOW:
            return self._open
        who = shortened(question.context.principal_id)
        reason = f"no rule of the policy {self.ref} lets {who} answer this {question.action_type}"
        return Verdict(outcome=Outcome.DENY, reason=reason, rule="default", policy=self.ref)

    def _unruled(self, question: ToolQuestion) -> Verdict | None:
        if question.kind in OUT_OF_REACH and self.default is not Outcome.ASK:
            if self.default is Outcome.ALLOW:
                return None
            reason = (
                f"the {question.kind} tool {shortened(question.tool)} acts where steer cannot stop "
                f"it: the agent and the policy {self.ref} must both name it"
            )
            return Verdict(outcome=Outcome.DENY, reason=reason, rule="default", policy=self.ref)
        return self._otherwise("tool", question.tool, ruled=True)

    def _otherwise(self, what: str, name: str, *, ruled: bool) -> Verdict:
        if not ruled or self.default is Outcome.ALLOW:
            return self._open
        reason = f"no rule of the policy {self.ref} allows the {what} {shortened(name)}"
        return Verdict(outcome=self.default, reason=reason, rule="default", policy=self.ref)


def plain_name(text: str) -> str:
    """Return a text that can stand in ``name@version``; raises ``ConfigError`` for another."""
    if not _NAME.fullmatch(text):
        raise ConfigError(f"{text!r} cannot be the name or version of a policy")
    return text


def _content(value: object) -> object:
    """A rule as JSON, without what was left at its default and what was compiled from it."""
    if is_dataclass(value):
        said = {
            item.name: _content(getattr(value, item.name))
            for item in fields(value)
            if item.compare and getattr(value, item.name) != _default_of(item)
        }
        return {"is": type(value).__name__, **said}
    match value:
        case dict():
            return {str(key): _content(item) for key, item in value.items()}
        case list() | tuple():
            return [_content(item) for item in value]
        case StrEnum():
            return str(value)
        case _:
            return value


def _default_of(item: Field[object]) -> object:
    return item.default if item.default_factory is MISSING else item.default_factory()


def _digest(content: Sequence[str]) -> str:
    text = "\n".join(content)
    return f"sha256-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
