"""Which reply a request gets, and what of a script is left."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from steer_conformance.provider.replies import Reply, brief
from steer_conformance.provider.request import Request
from steer_conformance.provider.script import Rule, Script

__all__ = ["ScriptUsedUp", "Stage"]


class ScriptUsedUp(Exception):
    """A request came for which the script has no reply left."""


class Stage:
    """A script in the course of being played. Each reply is handed out once, in any thread."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._lock = threading.Lock()
        self._taken = 0
        self._served = [0] * len(script.rules)

    def take(self, request: Request) -> Reply:
        """The reply for this request, which is then used up.

        Raises:
            ScriptUsedUp: if no rule holds and no turn is left.
        """
        for position, rule in enumerate(self._script.rules):
            # The author's function runs outside the lock; the claim on the rule is what counts.
            if rule.when(request) and self._claim(position, rule):
                return rule.then(request) if callable(rule.then) else rule.then
        with self._lock:
            turns = self._script.turns
            if not turns or (self._taken >= len(turns) and not self._script.repeat):
                raise ScriptUsedUp(
                    f"The script is used up: request {request.index} came, all "
                    f"{len(turns)} turns were taken and no rule holds for it."
                )
            reply = turns[self._taken % len(turns)]
            self._taken += 1
            return reply

    @property
    def turns_left(self) -> tuple[Reply, ...]:
        """The turns nobody asked for; of a repeating script those left of the present round."""
        turns = self._script.turns
        with self._lock:
            taken = self._taken
        if self._script.repeat and taken and turns:
            taken = (taken - 1) % len(turns) + 1
        return tuple(turns[taken:])

    def leftovers(self) -> list[str]:
        """What is left, a phrase for each: turns, and rules that have yet to serve."""
        left = self.turns_left
        first = len(self._script.turns) - len(left) + 1
        phrases = [f"turn {first + n}: {brief(reply)}" for n, reply in enumerate(left)]
        phrases += [
            f"rule {position + 1} served {served} of {rule.times} times"
            for position, rule, served in self._unfinished_rules()
        ]
        return phrases

    def _claim(self, position: int, rule: Rule) -> bool:
        with self._lock:
            if rule.times is not None and self._served[position] >= rule.times:
                return False
            self._served[position] += 1
            return True

    def _unfinished_rules(self) -> Iterator[tuple[int, Rule, int]]:
        with self._lock:
            counts = list(self._served)
        for position, (rule, served) in enumerate(zip(self._script.rules, counts, strict=True)):
            if rule.times is not None and served < rule.times:
                yield position, rule, served
