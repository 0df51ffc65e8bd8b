"""A policy of a few rules that keeps the contract, and what is left when one thing is broken."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from mutant import Mutant, Reference
from pydantic import BaseModel
from steer.capabilities import PolicyCapabilities
from steer.context import ExecutionContext
from steer.plugin import PolicyPlugin
from steer.ports.policy import (
    ActionQuestion,
    ModelQuestion,
    Outcome,
    Question,
    ToolQuestion,
    Verdict,
)
from steer_conformance import PolicySetup

__all__ = ["MUTANTS", "REFERENCE", "REFUNDS"]

RANK = {Outcome.ALLOW: 0, Outcome.ASK: 1, Outcome.DENY: 2}
SCALE = {Outcome.ALLOW: Verdict.allow("so it is ruled"), Outcome.ASK: Verdict.ask("ask somebody")}
LIMIT = 100


class Rules(BaseModel):
    """``rules``: pairs of a tool and what holds for it."""

    rules: list[tuple[str, Outcome]] = []


class Strict:
    """The strictest rule holds; large amounts are cut; other tools are denied."""

    name = "strict"

    def __init__(self, config: Rules) -> None:
        self.rules = config.rules
        self.version = "v" + "".join(sorted({f"-{tool}.{outcome}" for tool, outcome in self.rules}))

    def evaluate(self, question: Question, /) -> Any:
        if not isinstance(question, ToolQuestion):
            return None
        outcome = self.outcome(question.tool)
        if outcome is Outcome.ALLOW and self.is_large(question.arguments):
            assert isinstance(question.arguments, dict)
            return Verdict.rewrite({**question.arguments, "amount": LIMIT}, "at most that much")
        return SCALE.get(outcome, Verdict.deny("it is not ruled that it may run"))

    def outcome(self, tool: str) -> Outcome:
        found = [outcome for name, outcome in self.rules if name == tool]
        return max(found, key=RANK.__getitem__, default=Outcome.DENY)

    def is_large(self, arguments: object) -> bool:
        amount = arguments.get("amount") if isinstance(arguments, dict) else None
        return isinstance(amount, int) and not isinstance(amount, bool) and amount > LIMIT


def configured(folder: Path, rules: Sequence[tuple[str, Outcome]]) -> dict[str, Any]:
    return {"rules": [(tool, str(outcome)) for tool, outcome in rules]}


def declared(open_policy: Callable[[Rules], Any], **fields: Any) -> PolicyPlugin:
    return PolicyPlugin(
        name="strict",
        summary="Rules, the strictest of which holds",
        contract=1,
        open=open_policy,
        config=Rules,
        capabilities=PolicyCapabilities(rules=True),
        **fields,
    )


REFERENCE = Reference(plugin=declared(Strict), factory=configured)


class RemembersTheLast(Strict):
    """Allows what it was asked before."""

    def __init__(self, config: Rules) -> None:
        super().__init__(config)
        self.seen: set[str] = set()

    def outcome(self, tool: str) -> Outcome:
        known = tool in self.seen
        self.seen.add(tool)
        return Outcome.ALLOW if known else super().outcome(tool)


class DiffersByInstance(Strict):
    numbers = count()

    def __init__(self, config: Rules) -> None:
        super().__init__(config)
        self.number = next(self.numbers)

    def evaluate(self, question: Question, /) -> Any:
        answer = super().evaluate(question)
        return answer and replace(answer, reason=f"policy {self.number} says so")


class WantsAnObject(Strict):
    def is_large(self, arguments: Any) -> bool:
        return bool(arguments["amount"] > LIMIT)


class AnswersWithText(Strict):
    def evaluate(self, question: Question, /) -> Any:
        return "allow" if super().evaluate(question) in SCALE.values() else "deny"


class NamesOneApprover(Strict):
    def evaluate(self, question: Question, /) -> Any:
        answer = super().evaluate(question)
        asks = answer is not None and answer.outcome is Outcome.ASK
        return replace(answer, approvers="ann") if asks else answer


class WaitsForever(Strict):
    def evaluate(self, question: Question, /) -> Any:
        answer = super().evaluate(question)
        asks = answer is not None and answer.outcome is Outcome.ASK
        return replace(answer, expires_in_seconds=math.inf) if asks else answer


class TakesActionsForTools(Strict):
    def evaluate(self, question: Question, /) -> Any:
        if isinstance(question, ActionQuestion) and question.tool is None:
            raise LookupError("an action without a tool")
        return super().evaluate(question)


class CutsInPlace(Strict):
    def is_large(self, arguments: object) -> bool:
        if super().is_large(arguments):
            assert isinstance(arguments, dict)
            arguments["amount"] = LIMIT
        return False


class NamedWithASpace(Strict):
    name = "strict rules"


class CountsInItsVersion(Strict):
    def evaluate(self, question: Question, /) -> Any:
        self.version += "+"
        return super().evaluate(question)


class DeniesInSilence(Strict):
    def evaluate(self, question: Question, /) -> Any:
        answer = super().evaluate(question)
        denied = answer is not None and answer.outcome is Outcome.DENY
        return replace(answer, reason=" ") if denied else answer


class RewritesWithoutEnd(Strict):
    def evaluate(self, question: Question, /) -> Any:
        answer = super().evaluate(question)
        if answer is None or answer.outcome is not Outcome.ALLOW:
            return answer
        assert isinstance(question, ToolQuestion)
        return Verdict.rewrite([question.arguments], "once more")


class RewritesToASet(Strict):
    def evaluate(self, question: Question, /) -> Any:
        answer = super().evaluate(question)
        allowed = answer is not None and answer.outcome is Outcome.ALLOW
        return replace(answer, arguments={1, 2}, rewritten=True) if allowed else answer


class KeepsTheQuestion(Strict):
    """Puts the question into the policy, where the next one overwrites it."""

    asked: Any = None

    async def evaluate(self, question: Question, /) -> Any:
        self.asked = question
        await _Once()
        return super().evaluate(self.asked)


class _Once:
    """Lets the other tasks run."""

    def __await__(self) -> Any:
        yield


class Asynchronous(Strict):
    async def evaluate(self, question: Question, /) -> Any:
        return super().evaluate(question)


class NeverAnswers(Strict):
    async def evaluate(self, question: Question, /) -> Any:
        await asyncio.Event().wait()


class LastRuleHolds(Strict):
    def outcome(self, tool: str) -> Outcome:
        found = [outcome for name, outcome in self.rules if name == tool]
        return found[-1] if found else Outcome.DENY


class LoosestRuleHolds(Strict):
    def outcome(self, tool: str) -> Outcome:
        found = [outcome for name, outcome in self.rules if name == tool]
        return min(found, key=RANK.__getitem__, default=Outcome.DENY)


class LastRuleHoldsForModels(Strict):
    def evaluate(self, question: Question, /) -> Any:
        if not isinstance(question, ModelQuestion) or not self.rules:
            return super().evaluate(question)
        return Verdict(outcome=self.rules[-1][1], reason="as the last rule")


class AnAllowedToolLetsAnybodyAnswer(Strict):
    def evaluate(self, question: Question, /) -> Any:
        if not isinstance(question, ActionQuestion):
            return super().evaluate(question)
        allows = any(outcome is Outcome.ALLOW for _, outcome in self.rules)
        return Verdict.allow() if allows else Verdict.deny("no tool is allowed")


class AllowsTheUnknown(Strict):
    def outcome(self, tool: str) -> Outcome:
        known = any(name == tool for name, _ in self.rules)
        return super().outcome(tool) if known else Outcome.ALLOW


class OneVersionForAll(Strict):
    def __init__(self, config: Rules) -> None:
        super().__init__(config)
        self.version = "1"


class Refunds:
    """Asks a person about refunds, and has no opinion on anything else."""

    name = "strict"
    version = "1"

    def __init__(self, config: Rules) -> None:
        self.asked = 0

    def evaluate(self, question: Question, /) -> Any:
        if isinstance(question, ToolQuestion) and question.tool == "refund":
            return self.judge(question)
        return None

    def judge(self, question: ToolQuestion) -> Any:
        return Verdict.ask("a person looks at every refund")


class CountsRefunds(Refunds):
    def judge(self, question: ToolQuestion) -> Any:
        self.asked += 1
        return Verdict.ask(f"refund number {self.asked}")


class AnswersRefundsWithText(Refunds):
    def judge(self, question: ToolQuestion) -> Any:
        return "ask"


class MarksRefunds(Refunds):
    def judge(self, question: ToolQuestion) -> Any:
        if isinstance(question.arguments, dict):
            question.arguments["seen"] = True
        return super().judge(question)


class CountsRefundsInItsVersion(Refunds):
    def judge(self, question: ToolQuestion) -> Any:
        self.version += "+"
        return super().judge(question)


class DeniesLargeRefundsInSilence(Refunds):
    def judge(self, question: ToolQuestion) -> Any:
        large = isinstance(question.arguments, dict) and question.arguments.get("cents") == 99900
        return Verdict.deny(" ") if large else super().judge(question)


class RewritesRefundsWithoutEnd(Refunds):
    def judge(self, question: ToolQuestion) -> Any:
        return Verdict.rewrite([question.arguments], "once more")


class SpellsRefundsOtherwise(Refunds):
    def evaluate(self, question: Question, /) -> Any:
        about_it = isinstance(question, ToolQuestion) and question.tool == "refunds"
        return Verdict.ask("a person looks at every refund") if about_it else None


def about_refunds(folder: Path, rules: Sequence[tuple[str, Outcome]]) -> PolicySetup:
    return PolicySetup(config={}, tools=["refund"], arguments=[{"cents": 99900}])


def about_a_refund(folder: Path, rules: Sequence[tuple[str, Outcome]]) -> PolicySetup:
    asked = ToolQuestion(context=ExecutionContext(), tool="refund", arguments={"cents": 99900})
    return PolicySetup(config={}, questions=[asked])


def said_of_nothing(folder: Path, rules: Sequence[tuple[str, Outcome]]) -> dict[str, Any]:
    return {}


def _refunds(
    name: str, kind: Callable[[Rules], Any], clause: str, factory: Callable[..., Any]
) -> Mutant:
    plugin = replace(declared(kind), capabilities=PolicyCapabilities())
    return Mutant(name=name, clauses=(clause,), plugin=plugin, factory=factory)


REFUNDS = Reference(
    plugin=replace(declared(Refunds), capabilities=PolicyCapabilities()), factory=about_refunds
)


def _mutant(name: str, kind: Callable[[Rules], Any], *clauses: str, **fields: Any) -> Mutant:
    return Mutant(name=name, clauses=clauses, plugin=declared(kind, **fields), factory=configured)


MUTANTS = (
    _mutant("answers by what it was asked before", RemembersTheLast, "PO-1"),
    _mutant("answers differently when opened again", DiffersByInstance, "PO-1"),
    replace(
        _mutant("takes all arguments for objects", WantsAnObject, "PO-2"),
        raises=(TypeError, KeyError),
    ),
    _mutant("answers with a word", AnswersWithText, "PO-2"),
    _mutant("names an approver without a list", NamesOneApprover, "PO-2"),
    _mutant("wants an approval that never expires", WaitsForever, "PO-2"),
    replace(
        _mutant("takes every action for one about a tool", TakesActionsForTools, "PO-2"),
        raises=(LookupError,),
    ),
    _mutant("cuts the arguments of the question", CutsInPlace, "PO-3"),
    _mutant("has a space in its name", NamedWithASpace, "PO-4"),
    _mutant("changes its version as it is asked", CountsInItsVersion, "PO-4"),
    _mutant("denies without a reason", DeniesInSilence, "PO-5"),
    _mutant("rewrites what it rewrote", RewritesWithoutEnd, "PO-6"),
    _mutant("rewrites to what is no JSON", RewritesToASet, "PO-6"),
    _mutant("keeps the question in the policy", KeepsTheQuestion, "PO-7", asynchronous=True),
    _mutant("is asynchronous and not declared so", Asynchronous, "PO-8"),
    _mutant("is declared asynchronous and is not", Strict, "PO-8", asynchronous=True),
    _mutant("never answers", NeverAnswers, "PO-8", asynchronous=True),
    _mutant("lets the last rule hold", LastRuleHolds, "PO-9", "PO-10", "PO-11"),
    _mutant("lets the loosest rule hold", LoosestRuleHolds, "PO-9", "PO-11"),
    _mutant("lets the last rule hold for models", LastRuleHoldsForModels, "PO-10"),
    _mutant("lets all answer once a tool is allowed", AnAllowedToolLetsAnybodyAnswer, "PO-11"),
    _mutant("allows what no rule covers", AllowsTheUnknown, "PO-12"),
    _mutant("has one version whatever the rules", OneVersionForAll, "PO-13"),
    _refunds("counts the refunds it is asked for", CountsRefunds, "PO-1", about_refunds),
    _refunds("answers a refund with a word", AnswersRefundsWithText, "PO-2", about_a_refund),
    _refunds("marks the refunds it has seen", MarksRefunds, "PO-3", about_refunds),
    _refunds("has a version of each refund", CountsRefundsInItsVersion, "PO-4", about_refunds),
    _refunds("denies large refunds silently", DeniesLargeRefundsInSilence, "PO-5", about_refunds),
    _refunds("rewrites a refund without end", RewritesRefundsWithoutEnd, "PO-6", about_a_refund),
    _refunds("has no opinion on any question", Refunds, "PO-14", said_of_nothing),
    _refunds("has no opinion on its own tool", SpellsRefundsOtherwise, "PO-14", about_refunds),
    _refunds("has no opinion on a question given", SpellsRefundsOtherwise, "PO-14", about_a_refund),
)
