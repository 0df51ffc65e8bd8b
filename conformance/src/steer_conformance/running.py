"""Running checks: each by itself, in an event loop of its own, and never longer than it may."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
import time
import traceback
import unittest
from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from steer.errors import ConfigError

from steer_conformance.checks import Check, Expectations, Subject, Suite, lacking
from steer_conformance.contract import CLAUSES, pinned
from steer_conformance.explaining import explained
from steer_conformance.report import CheckOutcome, Result

__all__ = ["Planned", "outcome_of", "perform", "planned", "shortfalls"]

C = TypeVar("C")

_GRACE = 10.0
"""Seconds that a check which ran out of time is given to end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A check that is about to be run on a plugin, or not.

    ``skipped`` says which capability is not claimed, ``expected`` why it is known to fail.
    """

    suite: Suite[Any]
    check: Check[Any]
    subject: Subject
    skipped: str | None = None
    expected: str | None = None


def planned(suite: Suite[Any], subject: Subject, expectations: Expectations) -> tuple[Planned, ...]:
    """Return every check of the suite with what is known beforehand.

    Raises ``ConfigError`` for a known failure that is about none of them, or about one that is
    not run because its capability is not claimed.
    """
    expectations.refuse_strangers(suite.checks)
    name = subject.plugin.name
    missing = {check.id: lacking(check.requires, claimed(subject)) for check in suite.checks}
    run = {key for check in suite.checks if not missing[check.id] for key in _keys(check)}
    plans = []
    for check in suite.checks:
        lacks = ", ".join(missing[check.id])
        # A clause is expected to fail where some of its checks are run, a check where it is.
        idle = [
            key for key in _keys(check) if key in expectations.known_failures and key not in run
        ]
        if idle:
            raise ConfigError(
                f"known_failures names {idle[0]}, which is not run: {name} does not claim {lacks}",
                fix="Take it out",
            )
        plans.append(
            Planned(
                suite=suite,
                check=check,
                subject=subject,
                skipped=f"{name} does not claim {lacks}" if lacks else None,
                expected=None if lacks else expectations.reason(check),
            )
        )
    return tuple(plans)


def _keys(check: Check[Any]) -> tuple[str, str]:
    return check.clause, check.id


def claimed(subject: Subject) -> object:
    """What the plugin says it can do; ``None`` for a kind that claims nothing."""
    return getattr(subject.plugin, "capabilities", None)


def shortfalls(port: str, accounted: Iterable[str]) -> tuple[str, ...]:
    """Say which clauses of a port have fewer checks than the contract pins.

    ``accounted`` has the clause of each check that was run, skipped for what is not claimed, or
    left out by choice: whatever else became of a check, it was lost.
    """
    there = Counter(accounted)
    problems = [
        f"{clause.id}: {there[clause.id]} of the {clause.checks} checks that the contract has"
        for clause in CLAUSES.values()
        if clause.port == port and there[clause.id] < clause.checks
    ]
    if not pinned(port):
        problems.append(f"the contract has no clause for {port}")
    return tuple(problems)


def outcome_of(plan: Planned, reproduce: str) -> Result:
    """Run a check and say what came of it; raises nothing that a check can raise."""
    began = time.perf_counter()
    outcome, message = _outcome(plan)
    return Result(
        port=plan.suite.port,
        clause=plan.check.clause,
        check=plan.check.name,
        outcome=outcome,
        seconds=time.perf_counter() - began,
        message=message,
        reproduce=reproduce if outcome is CheckOutcome.FAILED else "",
    )


def _outcome(plan: Planned) -> tuple[CheckOutcome, str]:
    if plan.skipped is not None:
        return CheckOutcome.SKIPPED, plan.skipped
    try:
        perform(plan.suite, plan.check, plan.subject)
    except Exception as error:
        if plan.expected is not None:
            return CheckOutcome.EXPECTED, plan.expected
        # A vendor may cut a text inside of an emoji, and no file takes the half of one.
        said = explained(error).encode("utf-8", "backslashreplace").decode()
        return CheckOutcome.FAILED, said
    if plan.expected is not None:
        return CheckOutcome.FAILED, f"it passes, and is known to fail: {plan.expected}"
    return CheckOutcome.PASSED, ""


def perform(suite: Suite[C], check: Check[C], subject: Subject) -> None:
    """Run a check to its end; raise what it raised.

    It runs in a thread of its own, so that one that hangs can be given up. Raises
    ``AssertionError`` where it has not ended within its seconds times the profile's patience, and
    where it was ended by what is no ``Exception``, such as ``SystemExit``, or by a skip.
    """
    seconds = check.seconds * subject.profile.patience
    failures: list[BaseException] = []

    def body() -> None:
        try:
            with suite.case(subject) as case:
                _call(check, case, seconds)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body, name=f"check {check.id}", daemon=True)
    thread.start()
    # An async check is bounded from inside, where it can be said what it waits for.
    thread.join(seconds + _GRACE if inspect.iscoroutinefunction(check.function) else seconds)
    if thread.is_alive():
        raise AssertionError(f"{_late(check, seconds)}; it stands at\n{_standing(thread)}")
    for error in failures:
        # A skip of unittest's is an Exception, and pytest would take it for one of its own.
        if isinstance(error, Exception) and not isinstance(error, unittest.SkipTest):
            raise error
        raise AssertionError(f"{check.id} was ended by {type(error).__name__}") from error


def _call(check: Check[Any], case: object, seconds: float) -> None:
    if inspect.iscoroutinefunction(check.function):
        with asyncio.Runner() as runner:
            runner.run(_bounded(check, check.function(case), seconds))
    elif check.function(case) is not None:
        raise TypeError(f"{check.id} returns something; a check asserts, or is an async function")


async def _bounded(check: Check[Any], call: Awaitable[None], seconds: float) -> None:
    bound = asyncio.timeout(seconds)
    try:
        async with bound:
            await call
    except TimeoutError as error:
        if not bound.expired():
            raise
        raise AssertionError(_late(check, seconds)) from error
    # What swallows the cancellation, and then ends well, has taken too long all the same.
    if bound.expired():
        raise AssertionError(_late(check, seconds))


def _late(check: Check[Any], seconds: float) -> str:
    return f"{check.id} did not end within {seconds:g} seconds"


def _standing(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - documented, and the only way
    return "".join(traceback.format_stack(frame)[-3:]).rstrip() if frame else "an unknown place"
