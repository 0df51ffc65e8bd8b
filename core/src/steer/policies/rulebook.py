"""Rules ready to be asked, and the index that finds the few that speak of a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import Generic, Protocol, TypeVar

from steer.context import ExecutionContext
from steer.policies.arguments import ArgumentTest, Rewrite
from steer.policies.globs import Globs
from steer.policies.json_values import same_json
from steer.policies.verdicts import on_terms_of, shortened, strictest
from steer.ports.policy import Outcome, ToolQuestion, Verdict
from steer.values import JsonValue

__all__ = ["Asked", "CompiledRule", "Filter", "RuleBook"]

# Names come from a model, so what is remembered of them is bounded in number and in length.
_REMEMBERED_NAMES = 1024
_REMEMBERED_LENGTH = 256


class Asked(Protocol):
    """What every question says: who asks, and in which scope."""

    @property
    def context(self) -> ExecutionContext: ...


Q = TypeVar("Q", bound=Asked)
Q_contra = TypeVar("Q_contra", bound=Asked, contravariant=True)


@dataclass(frozen=True, slots=True)
class Filter(Generic[Q_contra]):
    """One thing that a rule wants of a question, and how it says that the question is not so."""

    passes: Callable[[Q_contra], bool]
    why_not: Callable[[Q_contra], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CompiledRule(Generic[Q]):
    """One rule, ready to be asked about what ``subject`` matches.

    ``order`` sorts the strictest first and never ties between rules that differ. ``number`` is
    the place of the rule in its set.
    """

    number: int
    subject: Globs
    verdict: Verdict
    order: tuple[int, bool, str, str]
    filters: tuple[Filter[Q], ...]
    tests: tuple[ArgumentTest, ...] = ()
    rewrite: Rewrite | None = None

    def answer(self, question: Q) -> Verdict | None:
        """Return what the rule says, ``None`` where it does not apply."""
        for each in self.filters:
            if not each.passes(question):
                return None
        if not isinstance(question, ToolQuestion) or not (self.tests or self.rewrite):
            return self.verdict
        doubts: list[str] = []
        for test in self.tests:
            judgement = test.judge(question.arguments)
            if judgement.holds is False:
                return None
            if judgement.holds is None:
                doubts.append(judgement.doubt)
        if doubts:
            return self._in_doubt(doubts)
        return self.verdict if self.rewrite is None else self._rewritten(self.rewrite, question)

    def why_not(self, name: str, question: Q) -> str:
        """Say why the rule does not apply to a question about ``name``; empty where it does."""
        if name not in self.subject:
            return f"it is not about {shortened(name)}"
        for each in self.filters:
            if not each.passes(question):
                return each.why_not(question)
        return self._why_not_with(question.arguments) if isinstance(question, ToolQuestion) else ""

    def doubts(self, question: Q) -> str:
        """Say what of the arguments cannot be judged, for a rule that applies nevertheless."""
        if not isinstance(question, ToolQuestion):
            return ""
        judged = (test.judge(question.arguments) for test in self.tests)
        return "; ".join(each.doubt for each in judged if each.holds is None)

    def _why_not_with(self, arguments: JsonValue) -> str:
        for test in self.tests:
            judgement = test.judge(arguments)
            if judgement.holds is False:
                return f"{test.path} is not so: {test.condition}"
            if judgement.holds is None and self.verdict.outcome is Outcome.ALLOW:
                return judgement.doubt
        if self.rewrite is not None and self.rewrite.apply(arguments) is None:
            return "it cannot rewrite these arguments: a path does not lead through objects"
        return ""

    def _in_doubt(self, doubts: Sequence[str]) -> Verdict | None:
        if self.verdict.outcome is Outcome.ALLOW:
            return None
        return replace(self.verdict, reason=f"{self.verdict.reason} ({'; '.join(doubts)})")

    def _rewritten(self, rewrite: Rewrite, question: ToolQuestion) -> Verdict | None:
        edited = rewrite.apply(question.arguments)
        if edited is None:
            return None
        if same_json(edited, question.arguments):
            return self.verdict
        return replace(self.verdict, arguments=edited, rewritten=True)


class RuleBook(Generic[Q]):
    """All rules of one kind. The answer does not depend on the order they were given in."""

    __slots__ = ("_by_glob", "_by_name", "_find", "rules")

    def __init__(self, rules: Iterable[CompiledRule[Q]]) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: rule.order))
        self._by_name: dict[str, list[tuple[int, CompiledRule[Q]]]] = {}
        self._by_glob: list[tuple[Callable[[str], object], tuple[int, CompiledRule[Q]]]] = []
        for item in enumerate(self.rules):
            subject = item[1].subject
            if subject.match is not None:
                self._by_glob.append((subject.match, item))
            else:
                for name in subject.exact:
                    self._by_name.setdefault(name, []).append(item)
        self._find = lru_cache(maxsize=_REMEMBERED_NAMES)(self._about)

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return bool(self.rules)

    def answer(self, name: str, question: Q) -> Verdict | None:
        """Return the strictest answer of the rules that apply, ``None`` where none does."""
        rules = self._find(name) if len(name) <= _REMEMBERED_LENGTH else self._about(name)
        found: list[Verdict] = []
        asks: list[Verdict] = []
        for rule in rules:
            asking = rule.verdict.outcome is Outcome.ASK
            # The strictest come first: after one answer only a rewrite, or the terms of one more
            # that asks, can add anything.
            if found and rule.rewrite is None and not asking:
                continue
            verdict = rule.answer(question)
            if verdict is None:
                continue
            if verdict.outcome is Outcome.DENY:
                return verdict
            if asking:
                asks.append(verdict)
            if not found or not asking:
                found.append(verdict)
        if len(asks) > 1:
            found[0] = on_terms_of(found[0], asks)
        if len(found) == 1:
            return found[0]
        return strictest(found) if found else None

    def _about(self, name: str) -> tuple[CompiledRule[Q], ...]:
        found = [item for match, item in self._by_glob if match(name)]
        found += self._by_name.get(name, ())
        return tuple(rule for _, rule in sorted(found, key=itemgetter(0)))
