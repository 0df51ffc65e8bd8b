"""The suites as pytest tests: one parametrised test each, with a check as its parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from steer.plugin import Declaration

from steer_conformance.checking import suite_for
from steer_conformance.checks import Expectations, Subject, Suite
from steer_conformance.contract import CLAUSES
from steer_conformance.profiles import PULL_REQUEST, Profile, profile_named
from steer_conformance.running import Planned, perform, planned, shortfalls

__all__ = [
    "artifact_checks",
    "cache_checks",
    "executor_checks",
    "packaging_checks",
    "policy_checks",
    "runtime_checks",
    "signals_checks",
    "sink_checks",
    "storage_checks",
]

Test = Callable[..., None]
Reasons = Mapping[str, str]


def runtime_checks(
    plugin: Declaration,
    connect: Callable[..., Any],
    *,
    known_failures: Reasons | None = None,
    profile: str = PULL_REQUEST.name,
) -> Test:
    """Return a test of a runtime.

    ``connect(provider_url)`` returns the configuration with which the runtime talks to the
    scripted provider at that address. ``known_failures`` is by clause or check, with the reason.
    ``profile`` says how many examples are tried of a law where ``--steer-profile`` does not.
    """
    return _test(suite_for("runtime"), plugin, connect, known_failures, profile)


def storage_checks(
    plugin: Declaration, make_storage: Callable[..., Any], *, known_failures: Reasons | None = None
) -> Test:
    """Return a test of a storage.

    ``make_storage(folder)`` returns a context manager of a ``steer.plugin.FreshStore``.
    """
    return _test(suite_for("storage"), plugin, make_storage, known_failures)


def policy_checks(
    plugin: Declaration, make_policy: Callable[..., Any], *, known_failures: Reasons | None = None
) -> Test:
    """Return a test of a policy.

    ``make_policy(folder, rules)`` returns the configuration of one that has these rules, each a
    pair of a tool's name and an ``Outcome``. There are none for a policy that takes no rules.
    A policy about tools of its own returns a ``PolicySetup``, which names them.
    """
    return _test(suite_for("policy"), plugin, make_policy, known_failures)


def sink_checks(
    plugin: Declaration, make_sink: Callable[..., Any], *, known_failures: Reasons | None = None
) -> Test:
    """Return a test of a sink.

    ``make_sink(folder)`` returns a context manager of a ``SinkBench``: its configuration, and
    the destination in the author's hands.
    """
    return _test(suite_for("sink"), plugin, make_sink, known_failures)


def signals_checks(
    plugin: Declaration, make_signals: Callable[..., Any], *, known_failures: Reasons | None = None
) -> Test:
    """Return a test of a signal channel.

    ``make_signals(folder)`` returns a context manager of the URL of a channel of its own.
    """
    return _test(suite_for("signals"), plugin, make_signals, known_failures)


def artifact_checks(
    plugin: Declaration,
    make_artifacts: Callable[..., Any],
    *,
    known_failures: Reasons | None = None,
) -> Callable[..., None]:
    """Return a test of a store for files of jobs.

    ``make_artifacts(folder)`` returns a context manager of the URL of an empty store.
    """
    return _test(suite_for("artifact"), plugin, make_artifacts, known_failures)


def cache_checks(
    plugin: Declaration, make_cache: Callable[..., Any], *, known_failures: Reasons | None = None
) -> Test:
    """Return a test of a cache.

    ``make_cache(folder)`` returns a context manager of the URL of an empty cache.
    """
    return _test(suite_for("cache"), plugin, make_cache, known_failures)


def executor_checks(
    plugin: Declaration, make_executor: Callable[..., Any], *, known_failures: Reasons | None = None
) -> Test:
    """Return a test of an executor.

    ``make_executor(folder)`` returns a context manager of its configuration.
    """
    return _test(suite_for("executor"), plugin, make_executor, known_failures)


def packaging_checks(plugin: Declaration, *, known_failures: Reasons | None = None) -> Test:
    """Return a test of how the distribution that declares the plugin is packed."""
    return _test(suite_for("packaging"), plugin, _nothing, known_failures)


def _nothing() -> None:
    """The factory of what needs none."""


def _test(
    suite: Suite[Any],
    plugin: Declaration,
    factory: Callable[..., Any],
    known_failures: Reasons | None,
    usual: str = PULL_REQUEST.name,
) -> Test:
    subject = Subject(plugin=plugin, factory=factory)
    plans = planned(suite, subject, Expectations(known_failures=known_failures or {}))
    parameters = [pytest.param(plan, id=plan.check.id, marks=_marks(plan)) for plan in plans]
    # In the place of each check that the contract has and that is not among them, one that fails.
    missing = shortfalls(suite.port, [plan.check.clause for plan in plans])
    parameters += [pytest.param(problem, id=problem) for problem in missing]

    @pytest.mark.parametrize("plan", parameters)
    def test(plan: Planned | str, request: pytest.FixtureRequest) -> None:
        if isinstance(plan, str):
            pytest.fail(plan, pytrace=False)
        profile = _profile(request.config, usual)
        try:
            perform(
                plan.suite, plan.check, Subject(plugin=plugin, factory=factory, profile=profile)
            )
        except Exception as error:
            clause = CLAUSES[plan.check.clause]
            error.add_note(f"{clause.id}: {clause.text}")
            error.add_note(_reproduce(request, profile))
            raise

    return test


def _marks(plan: Planned) -> list[pytest.MarkDecorator]:
    if plan.skipped is not None:
        return [pytest.mark.skip(reason=plan.skipped)]
    if plan.expected is not None:
        return [pytest.mark.xfail(reason=plan.expected, strict=True)]
    return []


def _profile(config: pytest.Config, usual: str) -> Profile:
    name: str = config.getoption("--steer-profile") or usual
    seed: int | None = config.getoption("--steer-seed")
    # One seed for the whole session, which is told wherever one of its examples fails.
    profiles = config.stash.setdefault(_PROFILES, {})
    return profiles.setdefault(name, profile_named(name, seed=seed))


_PROFILES = pytest.StashKey[dict[str, Profile]]()


def _reproduce(request: pytest.FixtureRequest, profile: Profile) -> str:
    words = ["pytest", f"'{request.node.nodeid}'"]
    if profile.name != PULL_REQUEST.name:
        words.append(f"--steer-profile={profile.name}")
    if profile.seed is not None:
        words.append(f"--steer-seed={profile.seed}")
    return f"Again: {' '.join(words)}"
