"""From rules as an author writes them to rules that are fast to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from steer.naming import fold
from steer.policies.arguments import ArgumentTest
from steer.policies.globs import Globs
from steer.policies.rulebook import Asked, CompiledRule, Filter
from steer.policies.rules import DataRule, ModelRule, Rule, RunRule, ToolRule
from steer.policies.verdicts import STRICTNESS
from steer.ports.policy import (
    DataQuestion,
    ModelQuestion,
    Outcome,
    RunQuestion,
    ToolKind,
    ToolQuestion,
    Verdict,
)

__all__ = ["OUT_OF_REACH", "Origin", "compile_data", "compile_model", "compile_run", "compile_tool"]

Q = TypeVar("Q", bound=Asked)

OUT_OF_REACH = frozenset({ToolKind.HOSTED, ToolKind.UNGATED})
_LABEL_LENGTH = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a rule comes from: its policy as verdicts name it, and its own content as text."""

    policy: str
    content: str


def compile_tool(rule: ToolRule, origin: Origin) -> CompiledRule[ToolQuestion]:
    """Compile a rule about tools."""
    allows = rule.outcome is Outcome.ALLOW
    subject = Globs(rule.tools)
    filters: list[Filter[ToolQuestion]] = [*_who(rule)]
    if rule.kinds:
        kinds = frozenset(rule.kinds)
        filters.append(lambda question: question.kind in kinds)
    if rule.effects:
        effects = frozenset(rule.effects)
        filters.append(lambda question: question.effect in effects)
    if rule.agents:
        filters.append(_known(lambda question: question.agent, rule.agents, allows=allows))
    if rule.servers:
        filters.append(_from_server(Globs(rule.servers), allows=allows))
    if allows:
        filters.append(_within_reach_or_named(subject, frozenset(rule.kinds)))
    return CompiledRule(
        subject=subject,
        verdict=_verdict(rule, rule.tools, origin),
        order=_order(rule, rule.tools, origin),
        filters=tuple(filters),
        tests=tuple(
            ArgumentTest(path=path, condition=condition, every=allows)
            for path, condition in rule.when.items()
        ),
        rewrite=rule.rewrite,
    )


def compile_model(rule: ModelRule, origin: Origin) -> CompiledRule[ModelQuestion]:
    """Compile a rule about models."""
    allows = rule.outcome is Outcome.ALLOW
    filters: list[Filter[ModelQuestion]] = [*_who(rule)]
    if rule.agents:
        filters.append(_known(lambda question: question.agent, rule.agents, allows=allows))
    if rule.providers:
        filters.append(_known(lambda question: question.provider, rule.providers, allows=allows))
    return _compiled(rule, rule.models, origin, filters)


def compile_run(rule: RunRule, origin: Origin) -> CompiledRule[RunQuestion]:
    """Compile a rule about runs."""
    filters: list[Filter[RunQuestion]] = [*_who(rule)]
    if rule.runtimes:
        runtimes = Globs(fold(pattern) for pattern in rule.runtimes)
        filters.append(lambda question: fold(question.runtime) in runtimes)
    return _compiled(rule, rule.agents, origin, filters)


def compile_data(rule: DataRule, origin: Origin) -> CompiledRule[DataQuestion]:
    """Compile a rule about data."""
    filters: list[Filter[DataQuestion]] = [*_who(rule)]
    if rule.kinds:
        kinds = Globs(rule.kinds)
        filters.append(lambda question: question.kind in kinds)
    if rule.actions:
        actions = frozenset(rule.actions)
        filters.append(lambda question: question.action in actions)
    return _compiled(rule, rule.names, origin, filters)


def _compiled(
    rule: Rule, subject: Sequence[str], origin: Origin, filters: Sequence[Filter[Q]]
) -> CompiledRule[Q]:
    return CompiledRule(
        subject=Globs(subject),
        verdict=_verdict(rule, subject, origin),
        order=_order(rule, subject, origin),
        filters=tuple(filters),
    )


def _who(rule: Rule) -> list[Filter[Asked]]:
    filters: list[Filter[Asked]] = []
    if rule.scopes:
        scopes = Globs(rule.scopes)
        filters.append(lambda question: question.context.scope_id in scopes)
    if rule.principals:
        principals = Globs(rule.principals)
        filters.append(lambda question: question.context.principal_id in principals)
    return filters


def _known(
    name_in: Callable[[Q], str | None], patterns: Sequence[str], *, allows: bool
) -> Filter[Q]:
    """Match a name that a question may lack; what lacks it counts against the call."""
    globs = Globs(patterns)

    def passes(question: Q) -> bool:
        name = name_in(question)
        return not allows if name is None else name in globs

    return passes


def _from_server(servers: Globs, *, allows: bool) -> Filter[ToolQuestion]:
    def passes(question: ToolQuestion) -> bool:
        if question.server is not None:
            return question.server in servers
        # Only a tool of an MCP server can have one that is not known; a function has none.
        return question.kind is ToolKind.MCP and not allows

    return passes


def _within_reach_or_named(subject: Globs, kinds: frozenset[ToolKind]) -> Filter[ToolQuestion]:
    """Keep ``allow *`` from covering what steer cannot stop: agent and rule must both name it."""

    def passes(question: ToolQuestion) -> bool:
        if question.kind not in OUT_OF_REACH:
            return True
        return question.declared and (question.kind in kinds or question.tool in subject.exact)

    return passes


def _verdict(rule: Rule, subject: Sequence[str], origin: Origin) -> Verdict:
    label = _label(rule, subject)
    reason = rule.reason
    if not reason and rule.outcome is Outcome.DENY:
        reason = f"denied by the policy {origin.policy}, rule {label!r}"
    elif not reason and rule.outcome is Outcome.ASK:
        reason = f"the policy {origin.policy} wants a person to approve this, rule {label!r}"
    return Verdict(outcome=rule.outcome, reason=reason, rule=label, policy=origin.policy)


def _order(rule: Rule, subject: Sequence[str], origin: Origin) -> tuple[int, bool, str, str]:
    return (
        STRICTNESS[rule.outcome],
        not rule.reason,
        _label(rule, subject),
        # The content settles the rest, so that the order in a file never shows.
        origin.content,
    )


def _label(rule: Rule, subject: Sequence[str]) -> str:
    """The rule's own name, or what it says in short."""
    if rule.name:
        return rule.name
    label = f"{rule.outcome} {', '.join(subject)}"
    if isinstance(rule, ToolRule) and rule.when:
        label += f" when {', '.join(rule.when)}"
    return label if len(label) <= _LABEL_LENGTH else f"{label[: _LABEL_LENGTH - 1]}…"
