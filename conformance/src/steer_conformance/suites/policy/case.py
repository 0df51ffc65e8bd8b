"""The case of a check of policies: policies opened as the kernel opens them, and asked."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from steer.plugin import Declaration
from steer.plugins import PluginRegistry
from steer.ports.policy import AsyncPolicy, Outcome, Policy, Question, Verdict

from steer_conformance.checks import Subject, lacking
from steer_conformance.profiles import Profile
from steer_conformance.suites.policy.questions import TOOLS
from steer_conformance.suites.policy.setup import PolicySetup

__all__ = ["Answer", "OpenedPolicy", "PolicyCase", "SampleRule", "open_case", "strictness"]

SampleRule: TypeAlias = tuple[str, Outcome]
"""What a policy that takes rules is given: the name of a tool, and what holds for it."""

Answer: TypeAlias = Verdict | None

_FEW_RULES: tuple[SampleRule, ...] = (
    (TOOLS[0], Outcome.ALLOW),
    (TOOLS[1], Outcome.ASK),
    (TOOLS[2], Outcome.DENY),
)
_RANK = {Outcome.ALLOW: 0, Outcome.ASK: 1, Outcome.DENY: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedPolicy:
    """What one configuration opens: a policy, or several that are asked one after the other."""

    setup: PolicySetup
    policies: tuple[Policy | AsyncPolicy, ...]
    runner: asyncio.Runner

    def answers(self, question: Question) -> list[Answer]:
        """Return what each of them says."""
        return [self._finished(policy.evaluate(question)) for policy in self.policies]

    def together(self, questions: Sequence[Question]) -> list[list[Answer]]:
        """Return the answers to questions that are asked at the same time by tasks."""

        async def ask(question: Question) -> list[Answer]:
            found = []
            for policy in self.policies:
                said = policy.evaluate(question)
                found.append(await said if inspect.isawaitable(said) else said)
            return found

        async def ask_all() -> list[list[Answer]]:
            return await asyncio.gather(*map(ask, questions))

        return self.runner.run(ask_all())

    def _finished(self, said: Any) -> Answer:
        async def wait() -> Answer:
            answer: Answer = await said
            return answer

        answer: Answer = self.runner.run(wait()) if inspect.isawaitable(said) else said
        return answer


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyCase:
    """A policy's plugin, and the factory that configures it."""

    plugin: Declaration
    profile: Profile
    runner: asyncio.Runner
    folder: Path
    configure: Callable[[Path, Sequence[SampleRule]], Mapping[str, Any] | PolicySetup]
    _numbers: Iterator[int] = field(default_factory=count)

    def configured(self, rules: Sequence[SampleRule] | None = None) -> PolicySetup:
        """Return a setup, in a folder of its own, with a few rules unless some are given.

        A policy that does not claim to take rules is given none.
        """
        if rules is None:
            takes_rules = not lacking(["rules"], getattr(self.plugin, "capabilities", None))
            rules = _FEW_RULES if takes_rules else ()
        folder = self.folder / str(next(self._numbers))
        folder.mkdir()
        return PolicySetup.of(self.configure(folder, tuple(rules)))

    def open(self, setup: PolicySetup) -> OpenedPolicy:
        """Open the policy as the kernel does."""
        registry = PluginRegistry()
        registry.register(self.plugin)
        opened = registry.open_policies([self.plugin.name], {self.plugin.name: setup.config})
        policies: list[Policy | AsyncPolicy] = [*opened.immediate, *opened.asynchronous]
        return OpenedPolicy(setup=setup, policies=tuple(policies), runner=self.runner)

    def fresh(self, rules: Sequence[SampleRule] | None = None) -> OpenedPolicy:
        """Configure and open one."""
        return self.open(self.configured(rules))


@contextmanager
def open_case(subject: Subject) -> Iterator[PolicyCase]:
    """Give a check its case."""
    with TemporaryDirectory(prefix="steer-check-") as folder, asyncio.Runner() as runner:
        yield PolicyCase(
            plugin=subject.plugin,
            profile=subject.profile,
            runner=runner,
            folder=Path(folder),
            configure=subject.factory,
        )


def strictness(answers: Sequence[Answer]) -> int:
    """How strict these answers are together: deny above ask above allow above no opinion."""
    return max((_RANK[each.outcome] for each in answers if each is not None), default=-1)
