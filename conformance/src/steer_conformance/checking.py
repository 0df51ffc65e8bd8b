"""Checking a whole plugin: the suite of its port, then how it is packed, into one report."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from steer.errors import ConfigError
from steer.plugin import Declaration, PluginKind
from steer.plugins import PluginRegistry

from steer_conformance.checks import Expectations, Subject, Suite
from steer_conformance.profiles import PULL_REQUEST, Profile
from steer_conformance.report import Report, Result
from steer_conformance.running import Planned, outcome_of, planned, shortfalls
from steer_conformance.selecting import selector

__all__ = ["plans_for", "run", "suite_for", "suites_for"]


def run(
    plugin: Declaration,
    factory: Callable[..., Any],
    *,
    known_failures: Mapping[str, str] | None = None,
    select: str | None = None,
    profile: Profile = PULL_REQUEST,
    told: Callable[[Result], None] = lambda _: None,
) -> Report:
    """Check a plugin and return what came of it; ``told`` is given each result as it comes.

    ``select`` is an expression as for ``-k``. Raises ``ConfigError`` for known failures that name
    no check, and for a selection that leaves none.
    """
    suites = suites_for(plugin)
    subject = Subject(plugin=plugin, factory=factory, profile=profile)
    plans = plans_for(suites, subject, Expectations(known_failures=known_failures or {}))
    chosen, left_out = (plans, ()) if select is None else _chosen(plans, select)
    called = _called(plugin)
    results = []
    for plan in chosen:
        results.append(outcome_of(plan, _command(plan, called)))
        told(results[-1])
    # What came out, not what went in: a check that got lost on the way is missed here.
    accounted = [*(each.clause for each in results), *(plan.check.clause for plan in left_out)]
    return Report(
        plugin=plugin.name,
        profile=profile.name,
        results=tuple(results),
        shortfalls=tuple(
            problem for suite in suites for problem in shortfalls(suite.port, accounted)
        ),
        left_out=len(left_out),
    )


def suite_for(port: str) -> Suite[Any]:
    """Return the suite of a port; only its own modules are imported."""
    suite: Suite[Any] = import_module(f"steer_conformance.suites.{port}").SUITE
    return suite


def suites_for(plugin: Declaration) -> tuple[Suite[Any], ...]:
    """Return what a plugin is checked with. Commands have no port, so they are only packed."""
    ports = ["packaging"] if plugin.kind is PluginKind.COMMAND else [plugin.kind, "packaging"]
    return tuple(map(suite_for, ports))


def plans_for(
    suites: tuple[Suite[Any], ...], subject: Subject, expectations: Expectations
) -> tuple[Planned, ...]:
    """Return the plans of several suites, to all of which the expectations belong together."""
    expectations.refuse_strangers([check for suite in suites for check in suite.checks])
    return tuple(
        plan for suite in suites for plan in planned(suite, subject, expectations.about(suite))
    )


def _chosen(
    plans: tuple[Planned, ...], select: str
) -> tuple[tuple[Planned, ...], tuple[Planned, ...]]:
    """Return those that are selected, and the others."""
    wanted = selector(select)
    chosen = tuple(plan for plan in plans if wanted(plan.check))
    if not chosen:
        raise ConfigError(f"-k {select!r} chooses none of the {len(plans)} checks")
    return chosen, tuple(plan for plan in plans if not wanted(plan.check))


def _called(plugin: Declaration) -> str:
    """What ``steer check`` is told: the name, and its kind where others have that name too."""
    rows = PluginRegistry.discover().explain()
    others = any(row.name == plugin.name and row.kind is not plugin.kind for row in rows)
    return f"{plugin.kind}:{plugin.name}" if others else plugin.name


def _command(plan: Planned, called: str) -> str:
    words = ["steer", "check", called, "-k", plan.check.id]
    profile = plan.subject.profile
    if profile.name != PULL_REQUEST.name:
        words += ["--profile", profile.name]
    if profile.seed is not None:
        words += ["--seed", str(profile.seed)]
    return shlex.join(words)
