"""What one decision on a tool call costs, beside Cedar's and the loop anyone would write first.

All look through the same rules about tools. Cedar is asked through cedarpy, with its policies and
entities parsed once; the loop matches every glob of every rule with ``fnmatch``. It fails where a
decision takes steer longer than Cedar. Run it as a script, with cedarpy installed; ``--rules`` and
``--decisions`` set the size.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import itertools
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from steer.context import ExecutionContext
from steer.policies import Condition, PolicySet, PolicyStack, ToolRule
from steer.ports.policy import Outcome, ToolQuestion

CONTEXT = ExecutionContext(scope_id="acme", principal_id="ann")
STRICTNESS = (Outcome.DENY, Outcome.ASK, Outcome.ALLOW)


def some_rules(number: int) -> list[ToolRule]:
    """Rules as operators write them: names, globs, principals and conditions, all mixed."""
    shapes: tuple[Callable[[int], ToolRule], ...] = (
        lambda n: ToolRule(tools=(f"service{n}_*",), outcome=Outcome.ALLOW),
        lambda n: ToolRule(tools=(f"get_{n}", f"list_{n}"), outcome=Outcome.ALLOW),
        lambda n: ToolRule(tools=(f"*_delete_{n}",), outcome=Outcome.DENY, reason="no deletions"),
        lambda n: ToolRule(tools=(f"admin{n}_*",), outcome=Outcome.ASK, principals=("ops-*",)),
        lambda n: ToolRule(
            tools=(f"pay_{n}_*",), outcome=Outcome.DENY, when={"amount": Condition(min=100)}
        ),
    )
    return [
        shape(n)
        for n, shape in itertools.islice(
            ((n, shape) for n in itertools.count() for shape in shapes), number
        )
    ]


def some_questions(number: int) -> list[ToolQuestion]:
    """Calls that hit every kind of rule, and some that no rule speaks of."""
    names = ("service{n}_read", "get_{n}", "x_delete_{n}", "admin{n}_reset", "pay_{n}_out", "no{n}")
    arguments = {"amount": 5, "to": {"name": "Ann"}, "note": "thanks"}
    return [
        ToolQuestion(
            context=CONTEXT,
            tool=names[n % len(names)].format(n=n % 20),
            arguments=arguments,
        )
        for n in range(number)
    ]


def naive(rules: Sequence[ToolRule], question: ToolQuestion) -> Outcome:
    """Ask every rule, matching every glob anew."""
    who = question.context.principal_id
    found = {
        rule.outcome
        for rule in rules
        if any(fnmatchcase(question.tool, glob) for glob in rule.tools)
        and (not rule.principals or any(fnmatchcase(who, glob) for glob in rule.principals))
        and all(
            condition.judge(question.arguments.get(path)) is not False
            for path, condition in rule.when.items()
        )
    }
    return next((outcome for outcome in STRICTNESS if outcome in found), Outcome.DENY)


def in_cedar(rule: ToolRule) -> str:
    """Say a rule in Cedar, which has no word for asking: a permit stands for it."""
    effect = "forbid" if rule.outcome is Outcome.DENY else "permit"
    tests = [" || ".join(f"context.tool like {json.dumps(glob)}" for glob in rule.tools)]
    if rule.principals:
        tests.append(
            " || ".join(f"context.who like {json.dumps(glob)}" for glob in rule.principals)
        )
    tests += [
        f"context.arguments has {path} && context.arguments.{path} >= {condition.min}"
        for path, condition in rule.when.items()
    ]
    joined = " && ".join(f"({test})" for test in tests)
    return f"{effect}(principal, action, resource) when {{ {joined} }};"


def cedar(cedarpy: Any, rules: Sequence[ToolRule]) -> Callable[[ToolQuestion], bool]:
    """Return what asks Cedar, with all that can be parsed in advance."""
    policies = cedarpy.PolicySet.from_str("\n".join(map(in_cedar, rules)))
    entities = cedarpy.Entities.from_json_str("[]")

    def allowed(question: ToolQuestion) -> bool:
        who = question.context.principal_id
        request = {
            "principal": {"type": "User", "id": who},
            "action": {"type": "Action", "id": "call"},
            "resource": {"type": "Tool", "id": question.tool},
            "context": {"tool": question.tool, "who": who, "arguments": question.arguments},
        }
        return bool(cedarpy.is_authorized(request, policies, entities).allowed)

    return allowed


async def measured(
    decide: Callable[[ToolQuestion], Awaitable[object]], questions: Sequence[ToolQuestion]
) -> tuple[float, float]:
    """Return the median and the 99th percentile of one decision, in microseconds."""
    took = []
    for question in questions:
        began = time.perf_counter_ns()
        await decide(question)
        took.append((time.perf_counter_ns() - began) / 1_000)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


async def compare(rules: int, decisions: int) -> int:
    """Measure and print; return whether the promise fails."""
    tool_rules = some_rules(rules)
    stack = PolicyStack([PolicySet(name="benchmark", rules=tool_rules)])
    questions = some_questions(decisions)

    async def by_loop(question: ToolQuestion) -> object:
        return naive(tool_rules, question)

    allowed = cedar(importlib.import_module("cedarpy"), tool_rules)

    async def by_cedar(question: ToolQuestion) -> object:
        return allowed(question)

    for question in questions[:200]:
        verdict = await stack.decide(question)
        assert verdict.outcome is naive(tool_rules, question)
        assert allowed(question) == (verdict.outcome is not Outcome.DENY), question
    # Names never seen before: what a call costs that finds nothing remembered.
    new = [
        ToolQuestion(context=CONTEXT, tool=f"{question.tool}_{n}", arguments=question.arguments)
        for n, question in enumerate(questions)
    ]
    gc.freeze()
    print(f"{rules} rules, {decisions} decisions, microseconds each")
    print(f"{'':24}{'p50':>8}{'p99':>8}{'p50 / cedar':>13}")
    medians: dict[str, float] = {}
    for label, decide, asked in (
        ("cedar, parsed once", by_cedar, questions),
        ("loop over fnmatch", by_loop, questions),
        ("steer, known names", stack.decide, questions),
        ("steer, new names", stack.decide, new),
    ):
        medians[label], p99 = await measured(decide, asked)
        share = medians[label] / medians["cedar, parsed once"]
        print(f"{label:24}{medians[label]:8.1f}{p99:8.1f}{share:13.3f}")
    return int(medians["steer, new names"] > medians["cedar, parsed once"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=100)
    parser.add_argument("--decisions", type=int, default=20_000)
    options = parser.parse_args()
    raise SystemExit(asyncio.run(compare(options.rules, options.decisions)))
