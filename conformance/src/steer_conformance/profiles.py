"""How many examples are tried of a law, and which ones: few and the same ones, or many at random.

A check that states a law takes this from its case::

    @check("PO-1")
    def the_same_question_gets_the_same_answer(case: PolicyCase) -> None:
        @case.profile.for_all(questions())
        def law(question: Question) -> None:
            assert case.policy.evaluate(question) == case.policy.evaluate(question)

and a state machine is run by ``case.profile.run_machine(lambda: Machine(case))``.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from hypothesis.strategies import SearchStrategy
from steer.errors import ConfigError

__all__ = ["BRIEF", "NIGHTLY", "PULL_REQUEST", "Profile", "profile_named"]

_SMALLEST = (Phase.shrink, Phase.explain)
_SHRINK_SECONDS = 20.0
"""How long a smaller example of a failure is looked for, since a law here may start servers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """How laws are tried: ``examples`` of each, state machines with ``steps`` each.

    ``patience`` multiplies the seconds that every check may take. ``shrinks`` says whether the
    smallest example is looked for once one is found.

    Without a ``seed`` the examples are the same ones every time; with one they are those of the
    seed, so whoever has it repeats what it found.
    """

    name: str
    examples: int
    steps: int
    patience: float = 1.0
    seed: int | None = None
    shrinks: bool = True

    def settings(self, *, share: float = 1.0) -> settings:
        """Return this as settings of Hypothesis; ``share`` multiplies the number of examples."""
        return settings(
            max_examples=max(1, round(self.examples * share)),
            stateful_step_count=self.steps,
            derandomize=self.seed is None,
            phases=[phase for phase in Phase if self.shrinks or phase not in _SMALLEST],
            # A failure is repeated by its seed or by running again, on whatever machine.
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )

    def for_all(
        self, *strategies: SearchStrategy[Any], share: float = 1.0
    ) -> Callable[[Callable[..., None]], None]:
        """Try the function below, at once, on examples of these strategies."""

        def tried(law: Callable[..., None]) -> None:
            bounded = _bounded(law, _SHRINK_SECONDS * self.patience)
            self.settings(share=share)(self._seeded(given(*strategies)(bounded)))()

        return tried

    def run_machine(
        self, machine: Callable[[], RuleBasedStateMachine], *, share: float = 1.0
    ) -> None:
        """Run a state machine; ``machine`` makes a fresh one for each example."""
        factory: Any = self._seeded(lambda: machine())  # noqa: PLW0108 - the seed is set on it
        run_state_machine_as_test(factory, settings=self.settings(share=share))

    def _seeded(self, test: Any) -> Any:
        return test if self.seed is None else seed(self.seed)(test)


def _bounded(law: Callable[..., None], seconds: float) -> Callable[..., None]:
    """Return the law, for which only known failures count ``seconds`` after its first one.

    So Hypothesis finds nothing smaller any more, and ends. It has no bound of its own below five
    minutes, in which a runner may have given the check up without a report.
    """
    failing: set[str] = set()
    first: list[float] = []

    @functools.wraps(law)
    def bounded(*example: Any, **named: Any) -> None:
        name = repr((example, named))
        if first and time.monotonic() > first[0] + seconds and name not in failing:
            return
        try:
            law(*example, **named)
        except HypothesisException:
            raise
        except Exception:
            first.append(time.monotonic())
            failing.add(name)
            raise

    return bounded


BRIEF = Profile(name="brief", examples=3, steps=8)
"""Hardly any examples: where each costs a process, and another run tries more."""

PULL_REQUEST = Profile(name="pr", examples=25, steps=20)
"""Few examples, the same ones at every run."""

NIGHTLY = Profile(name="nightly", examples=500, steps=60, patience=40.0)
"""Many examples, others at every run."""


def profile_named(name: str, *, seed: int | None = None) -> Profile:
    """Return ``brief``, ``pr`` or ``nightly``, the last with a fresh seed unless one is given.

    Raises ``ConfigError`` for any other name.
    """
    known = {each.name: each for each in (BRIEF, PULL_REQUEST, NIGHTLY)}
    if name not in known:
        raise ConfigError(f"there is no profile {name!r}; there is {', '.join(known)}")
    found = known[name]
    if seed is None and found is NIGHTLY:
        seed = secrets.randbelow(2**32)
    return replace(found, seed=seed)
