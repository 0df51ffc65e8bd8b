"""How a decision of policy came about, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from steer.cli.terminal.amounts import duration_text
from steer.cli.terminal.paint import Paint
from steer.cli.terminal.printable import call_text, json_text, one_line
from steer.cli.terminal.tables import in_columns
from steer.policies.explaining import ConsideredRule, Explanation, PolicyAnswer
from steer.policies.files import PolicyText
from steer.policies.verdicts import approvers_text
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
from steer.values import JsonValue

__all__ = ["Sources", "asked_text", "explanation_json", "explanation_text"]

_ARGUMENTS_LENGTH = 300
_STYLES = {Outcome.ALLOW: "succeeded", Outcome.ASK: "refused", Outcome.DENY: "failed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """The files that policies were read from, by the policies' names and versions."""

    files: Mapping[str, PolicyText]

    def of_rule(self, policy: str, number: int) -> tuple[str | None, int | None]:
        """Return the file and the line of a rule, by its number in the set."""
        text = self.files.get(policy)
        return (None, None) if text is None else (text.document.source, text.line_of(number))

    def of_verdict(self, explanation: Explanation) -> tuple[str | None, int | None]:
        """Return the file and the line of the rule that decided; no line for a default."""
        verdict = explanation.verdict
        for answer in (*explanation.answers, *explanation.rewritten):
            if answer.policy == verdict.policy:
                for rule in answer.rules:
                    if not rule.why_not and rule.rule == verdict.rule:
                        return self.of_rule(answer.policy, rule.number)
        text = self.files.get(verdict.policy or "")
        return (None, None) if text is None else (text.document.source, None)


def asked_text(question: Question) -> str:
    """Return in short what a question asks."""
    match question:
        case ToolQuestion():
            return call_text(question.tool, question.arguments)
        case ModelQuestion():
            return one_line(f"the model {question.model}")
        case RunQuestion():
            return one_line(f"the agent {question.agent} on {question.runtime}")
        case DataQuestion():
            return one_line(f"to {question.action} the {question.kind} {question.name}")
        case ActionQuestion():
            about = "" if question.tool is None else f" about {question.tool}"
            return one_line(f"to answer the {question.action_type}{about}")


def explanation_text(
    explanation: Explanation, sources: Sources, paint: Paint, *, every: bool = False
) -> str:
    """Return who decided and why, then what each policy says and what its rules had to do with it.

    Rules about other things are counted only, unless ``every`` is set.
    """
    verdict = explanation.verdict
    outcome = paint(_STYLES[verdict.outcome], verdict.outcome)
    lines = [f"{outcome}  {asked_text(explanation.question)}"]
    if verdict.reason:
        lines.append(f"  why: {one_line(verdict.reason)}")
    lines.append(f"  by: {_decider(verdict, *sources.of_verdict(explanation))}")
    lines += [f"  {line}" for line in _terms(verdict)]
    if verdict.rewritten and verdict.outcome is not Outcome.DENY:
        lines.append(f"  runs with: {json_text(verdict.arguments, _ARGUMENTS_LENGTH)}")
    text = "".join(f"{line}\n" for line in lines)
    for answer in explanation.answers:
        text += "\n" + _answer_text(answer, sources, paint, every=every)
    if explanation.rewritten:
        arguments = json_text(explanation.arguments, _ARGUMENTS_LENGTH)
        text += f"\nasked again, with the arguments as they were rewritten: {arguments}\n"
    for answer in explanation.rewritten:
        text += "\n" + _answer_text(answer, sources, paint, every=every)
    return text


def _decider(verdict: Verdict, file: str | None, line: int | None) -> str:
    who = "steer itself" if verdict.policy is None else verdict.policy
    if verdict.rule is not None:
        who += f", rule {one_line(verdict.rule)!r}"
    if file is not None:
        who += f" ({file})" if line is None else f" ({file}, line {line})"
    return who


def _terms(verdict: Verdict) -> Iterator[str]:
    if verdict.outcome is not Outcome.ASK:
        return
    yield f"answered by: {approvers_text(verdict.approvers) or 'anybody whom policy lets'}"
    if verdict.expires_in_seconds is not None:
        then = "the run fails" if verdict.on_expiry == "fail" else "the call is denied"
        after = duration_text(round(verdict.expires_in_seconds * 1000))
        yield f"expires: after {after}, then {then}"


def _answer_text(answer: PolicyAnswer, sources: Sources, paint: Paint, *, every: bool) -> str:
    verdict = answer.verdict
    said = "has no opinion" if verdict is None else f"says {verdict.outcome}"
    head = f"{paint('strong', answer.policy)} {said}"
    if verdict is not None and not any(not rule.why_not for rule in answer.rules):
        head += f", rule {one_line(verdict.rule)!r}" if verdict.rule is not None else ""
    shown = [rule for rule in answer.rules if rule.about or every]
    rows = [_row(rule, answer.policy, sources) for rule in shown]
    text = f"{head}\n" + (in_columns(rows, paint=paint, style=_style) if rows else "")
    if others := len(answer.rules) - len(shown):
        more = "rules are" if others > 1 else "rule is"
        text += paint("faint", f"    {others} more {more} about other things") + "\n"
    return text


def _row(rule: ConsideredRule, policy: str, sources: Sources) -> Sequence[str]:
    _, line = sources.of_rule(policy, rule.number)
    return (
        " ",
        "\u2717" if rule.why_not else "\u2713",
        "" if line is None else f"line {line}",
        rule.rule,
        rule.why_not or (f"applies: {rule.doubts}" if rule.doubts else "applies"),
    )


def _style(column: int, text: str) -> str | None:
    if column == 1:
        return "succeeded" if text == "\u2713" else "faint"
    return None


def explanation_json(explanation: Explanation, sources: Sources) -> dict[str, JsonValue]:
    """Return the same as JSON, with every rule."""
    verdict = explanation.verdict
    file, line = sources.of_verdict(explanation)
    told: dict[str, JsonValue] = {
        "asked": asked_text(explanation.question),
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "policy": verdict.policy,
        "rule": verdict.rule,
        "file": file,
        "line": line,
        "rewritten": verdict.rewritten,
        "arguments": verdict.arguments,
    }
    if verdict.outcome is Outcome.ASK:
        told["approvers"] = list(verdict.approvers)
        told["expires_in_seconds"] = verdict.expires_in_seconds
        told["on_expiry"] = verdict.on_expiry
    told["answers"] = [_answer_json(answer, sources) for answer in explanation.answers]
    told["answers_to_rewritten"] = [
        _answer_json(answer, sources) for answer in explanation.rewritten
    ]
    return told


def _answer_json(answer: PolicyAnswer, sources: Sources) -> dict[str, JsonValue]:
    verdict = answer.verdict
    rules = []
    for rule in answer.rules:
        file, line = sources.of_rule(answer.policy, rule.number)
        rules.append(
            {
                "rule": rule.rule,
                "outcome": rule.outcome,
                "applies": not rule.why_not,
                "why_not": rule.why_not or None,
                "doubts": rule.doubts or None,
                "file": file,
                "line": line,
            }
        )
    return {
        "policy": answer.policy,
        "outcome": None if verdict is None else verdict.outcome,
        "rule": None if verdict is None else verdict.rule,
        "reason": None if verdict is None else verdict.reason,
        "rules": rules,
    }
