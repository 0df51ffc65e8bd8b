"""From rules as an author writes them to rules that are fast to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from steer.naming import fold
from steer.policies.arguments import ArgumentTest
from steer.policies.globs import Globs
from steer.policies.rulebook import Asked, CompiledRule, Filter
from steer.policies.rules import ActionRule, DataRule, ModelRule, Rule, RunRule, ToolRule
from steer.policies.verdicts import STRICTNESS, shortened
from steer.ports.policy import (
    ActionQuestion,
    DataQuestion,
    ModelQuestion,
    Outcome,
    RunQuestion,
    ToolKind,
    ToolQuestion,
    Verdict,
)

__all__ = [
    "OUT_OF_REACH",
    "Origin",
    "compile_action",
    "compile_data",
    "compile_model",
    "compile_run",
    "compile_tool",
]

Q = TypeVar("Q", bound=Asked)

OUT_OF_REACH = frozenset({ToolKind.HOSTED, ToolKind.UNGATED})
_LABEL_LENGTH = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a rule comes from: its policy as verdicts name it, and its place there.

    ``content`` is what the rule says, as text.
    """

    policy: str
    content: str
    number: int


def compile_tool(rule: ToolRule, origin: Origin) -> CompiledRule[ToolQuestion]:
    """Compile a rule about tools."""
    allows = rule.outcome is Outcome.ALLOW
    subject = Globs(rule.tools)
    filters: list[Filter[ToolQuestion]] = [*_who(rule)]
    if rule.kinds:
        filters.append(_one_of("kind", lambda question: question.kind, rule.kinds))
    if rule.effects:
        filters.append(_one_of("effect", lambda question: question.effect, rule.effects))
    if rule.agents:
        filters.append(_known("agent", lambda question: question.agent, rule.agents, allows=allows))
    if rule.servers:
        filters.append(_from_server(rule.servers, allows=allows))
    if allows:
        filters.append(_within_reach_or_named(subject, frozenset(rule.kinds)))
    return CompiledRule(
        number=origin.number,
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
        filters.append(_known("agent", lambda question: question.agent, rule.agents, allows=allows))
    if rule.providers:
        filters.append(
            _known("provider", lambda question: question.provider, rule.providers, allows=allows)
        )
    return _compiled(rule, rule.models, origin, filters)


def compile_run(rule: RunRule, origin: Origin) -> CompiledRule[RunQuestion]:
    """Compile a rule about runs."""
    filters: list[Filter[RunQuestion]] = [*_who(rule)]
    if rule.runtimes:
        runtimes = [fold(pattern) for pattern in rule.runtimes]
        filters.append(_matching("runtime", lambda question: fold(question.runtime), runtimes))
    return _compiled(rule, rule.agents, origin, filters)


def compile_data(rule: DataRule, origin: Origin) -> CompiledRule[DataQuestion]:
    """Compile a rule about data."""
    filters: list[Filter[DataQuestion]] = [*_who(rule)]
    if rule.kinds:
        filters.append(_matching("kind", lambda question: question.kind, rule.kinds))
    if rule.actions:
        filters.append(_one_of("action", lambda question: question.action, rule.actions))
    return _compiled(rule, rule.names, origin, filters)


def compile_action(rule: ActionRule, origin: Origin) -> CompiledRule[ActionQuestion]:
    """Compile a rule about who may answer."""
    allows = rule.outcome is Outcome.ALLOW
    filters: list[Filter[ActionQuestion]] = [*_who(rule)]
    if rule.tools:
        filters.append(_known("tool", lambda question: question.tool, rule.tools, allows=allows))
    if rule.agents:
        filters.append(_known("agent", lambda question: question.agent, rule.agents, allows=allows))
    if rule.own is not None:
        filters.append(_own(own=rule.own))
    return _compiled(rule, rule.types, origin, filters)


def _compiled(
    rule: Rule, subject: Sequence[str], origin: Origin, filters: Sequence[Filter[Q]]
) -> CompiledRule[Q]:
    return CompiledRule(
        number=origin.number,
        subject=Globs(subject),
        verdict=_verdict(rule, subject, origin),
        order=_order(rule, subject, origin),
        filters=tuple(filters),
    )


def _who(rule: Rule) -> list[Filter[Asked]]:
    filters: list[Filter[Asked]] = []
    if rule.scopes:
        filters.append(_matching("scope", lambda question: question.context.scope_id, rule.scopes))
    if rule.principals:
        filters.append(
            _matching("principal", lambda question: question.context.principal_id, rule.principals)
        )
    return filters


def _matching(what: str, name_in: Callable[[Q], str], patterns: Sequence[str]) -> Filter[Q]:
    globs = Globs(patterns)
    return Filter(
        lambda question: name_in(question) in globs,
        lambda question: _not_so(what, name_in(question), patterns),
    )


def _one_of(what: str, member_in: Callable[[Q], str], members: Sequence[str]) -> Filter[Q]:
    wanted = frozenset(members)
    return Filter(
        lambda question: member_in(question) in wanted,
        lambda question: _not_so(what, member_in(question), members),
    )


def _known(
    what: str, name_in: Callable[[Q], str | None], patterns: Sequence[str], *, allows: bool
) -> Filter[Q]:
    """Match a name that a question may lack; what lacks it counts against the call."""
    globs = Globs(patterns)

    def passes(question: Q) -> bool:
        name = name_in(question)
        return not allows if name is None else name in globs

    return Filter(passes, lambda question: _not_so(what, name_in(question), patterns))


def _from_server(patterns: Sequence[str], *, allows: bool) -> Filter[ToolQuestion]:
    servers = Globs(patterns)

    def passes(question: ToolQuestion) -> bool:
        if question.server is not None:
            return question.server in servers
        # Only a tool of an MCP server can have one that is not known; a function has none.
        return question.kind is ToolKind.MCP and not allows

    return Filter(passes, lambda question: _not_so("server", question.server, patterns))


def _within_reach_or_named(subject: Globs, kinds: frozenset[ToolKind]) -> Filter[ToolQuestion]:
    """Keep ``allow *`` from covering what steer cannot stop: agent and rule must both name it."""

    def passes(question: ToolQuestion) -> bool:
        if question.kind not in OUT_OF_REACH:
            return True
        return question.declared and (question.kind in kinds or question.tool in subject.exact)

    def why_not(question: ToolQuestion) -> str:
        if not question.declared:
            return f"the agent does not declare the {question.kind} tool"
        return f"it neither names the {question.kind} tool without a glob nor lists its kind"

    return Filter(passes, why_not)


def _own(*, own: bool) -> Filter[ActionQuestion]:
    def passes(question: ActionQuestion) -> bool:
        return (question.context.principal_id == question.asked_by) is own

    def why_not(question: ActionQuestion) -> str:
        whose = "one's own jobs" if own else "jobs of others"
        return f"it is about {whose}, and this one runs for {shortened(question.asked_by)}"

    return Filter(passes, why_not)


def _not_so(what: str, name: str | None, wanted: Sequence[str]) -> str:
    if name is None:
        return f"the {what} is not known"
    return f"the {what} is {shortened(str(name))}, not {' or '.join(wanted)}"


def _verdict(rule: Rule, subject: Sequence[str], origin: Origin) -> Verdict:
    label = _label(rule, subject)
    reason = rule.reason
    if not reason and rule.outcome is Outcome.DENY:
        reason = f"denied by the policy {origin.policy}, rule {label!r}"
    elif not reason and rule.outcome is Outcome.ASK:
        reason = f"the policy {origin.policy} wants a person to approve this, rule {label!r}"
    verdict = Verdict(outcome=rule.outcome, reason=reason, rule=label, policy=origin.policy)
    if not isinstance(rule, ToolRule) or rule.outcome is not Outcome.ASK:
        return verdict
    return replace(
        verdict,
        approvers=("|".join(sorted(rule.approvers)),) if rule.approvers else (),
        expires_in_seconds=rule.expires_in_seconds,
        on_expiry=rule.on_expiry,
    )


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
