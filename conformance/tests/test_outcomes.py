"""Every row of the table of outcomes, as the report has it and as pytest shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import packaging_mutants
import policy_mutants
import pytest
from junitparser import JUnitXml
from steer.errors import ConfigError
from steer.plugin import PluginKind, RuntimePlugin
from steer.plugins import PluginRegistry
from steer_conformance import CheckOutcome, Report, Result, policy_checks, run
from steer_conformance.checking import suite_for
from steer_conformance.checks import Expectations, Subject, Suite
from steer_conformance.profiles import profile_named
from steer_conformance.running import Planned, planned

SECONDS = 120
REFERENCE = policy_mutants.REFERENCE
(BROKEN,) = [
    mutant for mutant in policy_mutants.MUTANTS if mutant.name == "lets the last rule hold"
]
HEAD = """
from policy_mutants import MUTANTS, REFERENCE
from steer_conformance import policy_checks
(BROKEN,) = [each for each in MUTANTS if each.name == "lets the last rule hold"]
"""


def report(which: object, select: str, **known_failures: str) -> Report:
    subject = REFERENCE if which is REFERENCE else BROKEN
    known = {key.replace("_", "-"): reason for key, reason in known_failures.items()}
    return run(subject.plugin, subject.factory, select=select, known_failures=known)


def parameters(test: Any) -> list[Any]:
    """What the test that a function of the kit returned is parametrised with."""
    (mark,) = test.pytestmark
    return list(mark.args[1])


def shown_by_pytest(folder: Path, source: str, *options: str) -> tuple[str, dict[str, str]]:
    """What pytest prints, and the outcome of each test by name."""
    file, junit = folder / "test_acme.py", folder / "junit.xml"
    file.write_text(HEAD + source)
    # Wherever files are put for a while, it is a project of its own.
    (folder / "pytest.ini").write_text("[pytest]\n")
    path = f"pythonpath={Path(policy_mutants.__file__).parent}"
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-o", path, f"--junit-xml={junit}",
         "-p", "no:cacheprovider", *options, str(file)],
        cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    cases = [case for suite in JUnitXml.fromfile(str(junit)) for case in suite]
    return finished.stdout, {
        case.name: type(case.result[0]).__name__ if case.result else "Passed" for case in cases
    }


def test_a_clause_that_is_kept_passes(tmp_path: Path) -> None:
    kept = report(REFERENCE, "PO-9")
    assert [(each.clause, each.outcome) for each in kept.results] == [("PO-9", CheckOutcome.PASSED)]
    assert kept.ok
    source = "test_acme = policy_checks(REFERENCE.plugin, REFERENCE.factory)"
    _, outcomes = shown_by_pytest(tmp_path, source, "-k", "PO-9")
    assert outcomes == {"test_acme[PO-9/of_the_rules_that_apply_the_strictest_holds]": "Passed"}


def test_a_claim_that_is_broken_fails_by_clause_with_the_smallest_example(tmp_path: Path) -> None:
    broken = report(BROKEN, "PO-9")
    (failure,) = broken.failures
    assert not broken.ok
    assert failure.clause == "PO-9"
    example = failure.message.partition("Failing test case:")[2]
    assert re.findall(r"<Outcome\.(\w+)", example) == ["ASK", "ALLOW"], "two rules are enough"
    assert failure.reproduce == (
        "steer check strict -k PO-9/of_the_rules_that_apply_the_strictest_holds"
    )
    source = "test_acme = policy_checks(BROKEN.plugin, BROKEN.factory)"
    text, outcomes = shown_by_pytest(tmp_path, source, "-k", "PO-9")
    assert set(outcomes.values()) == {"Failure"}
    assert "PO-9: Of the rules that apply to a tool the strictest holds" in text
    assert "Again: pytest 'test_acme.py::test_acme[PO-9/" in text


def test_what_repeats_a_failure_names_the_kind_where_others_have_the_name() -> None:
    def repeated() -> str:
        plugin = PluginRegistry.discover().policy("policy-file")
        passes = run(plugin, list, select="PK-5", known_failures={"PK-5": "it was so once"})
        return passes.failures[0].reproduce

    assert repeated().startswith("steer check policy-file -k PK-5/")
    with packaging_mutants.installed(
        module=packaging_mutants.MODULE.replace('name="packed"', 'name="policy-file"')
    ):
        assert repeated().startswith("steer check policy:policy-file -k PK-5/")


def test_what_was_found_at_random_names_the_seed_that_finds_it_again() -> None:
    def failure(seed: int | None) -> Result:
        profile = replace(profile_named("nightly", seed=seed), examples=50)
        found = run(BROKEN.plugin, BROKEN.factory, select="PO-9", profile=profile)
        return found.failures[0]

    first = failure(None)
    words = first.reproduce.split()
    assert words[-4:-1] == ["--profile", "nightly", "--seed"]
    again = failure(int(words[-1]))
    example = first.message.partition("Failing test case:")[2]
    assert example
    assert again.message.endswith(example)


def test_what_is_not_claimed_is_skipped_with_the_reason() -> None:
    registry = PluginRegistry.discover()
    plugin = registry.policy("author-declared")
    factory = registry.testing(PluginKind.POLICY, "author-declared")
    skipped = run(plugin, factory, select="PO-9")
    assert [(each.outcome, each.message) for each in skipped.results] == [
        (CheckOutcome.SKIPPED, "author-declared does not claim rules")
    ]
    assert skipped.ok
    marks = [mark for each in parameters(policy_checks(plugin, factory)) for mark in each.marks]
    assert {(mark.name, mark.kwargs["reason"]) for mark in marks} == {
        ("skip", "author-declared does not claim rules")
    }


def test_a_known_failure_is_expected_and_told_with_its_reason(tmp_path: Path) -> None:
    known = report(BROKEN, "PO-9 or PO-12", PO_9="acme#12: the last rule holds")
    assert [(each.clause, each.outcome) for each in known.results] == [
        ("PO-9", CheckOutcome.EXPECTED),
        ("PO-12", CheckOutcome.PASSED),
    ]
    assert known.results[0].message == "acme#12: the last rule holds"
    assert known.ok
    source = "test_acme = policy_checks(BROKEN.plugin, BROKEN.factory, "
    text, outcomes = shown_by_pytest(
        tmp_path, source + "known_failures={'PO-9': 'acme#12: last'})", "-k", "PO-9"
    )
    assert set(outcomes.values()) == {"Skipped"}, "as JUnit has what is expected to fail"
    assert "XFAIL" in text
    assert "acme#12: last" in text


def test_a_known_failure_that_passes_again_fails(tmp_path: Path) -> None:
    again = report(REFERENCE, "PO-9", PO_9="acme#12: the last rule holds")
    (failure,) = again.failures
    assert failure.message == "it passes, and is known to fail: acme#12: the last rule holds"
    source = "test_acme = policy_checks(REFERENCE.plugin, REFERENCE.factory, "
    text, outcomes = shown_by_pytest(
        tmp_path, source + "known_failures={'PO-9': 'acme#12: last'})", "-k", "PO-9"
    )
    assert set(outcomes.values()) == {"Failure"}
    assert "[XPASS(strict)] acme#12: last" in text


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"PO-99": "why"}, "known_failures names PO-99"),
        ({"ST-1": "of another port"}, "known_failures names ST-1"),
        ({"PO-9/no_such_check": "why"}, "known_failures names PO-9/no_such_check"),
        ({"PO-9": " "}, "gives no reason for PO-9"),
    ],
)
def test_a_known_failure_that_names_no_clause_is_an_error_of_collection(
    known: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        policy_checks(REFERENCE.plugin, REFERENCE.factory, known_failures=known)
    with pytest.raises(ConfigError, match=said):
        run(REFERENCE.plugin, REFERENCE.factory, known_failures=known)


def test_a_known_failure_of_what_is_not_claimed_is_an_error_of_collection() -> None:
    registry = PluginRegistry.discover()
    with pytest.raises(ConfigError, match="PO-9, which is not run: author-declared"):
        policy_checks(
            registry.policy("author-declared"), REFERENCE.factory, known_failures={"PO-9": "why"}
        )


def test_a_clause_is_known_to_fail_in_those_of_its_checks_that_are_run() -> None:
    plugin = RuntimePlugin(name="acme", summary="x", contract=1, open="acme:open")
    suite, subject = suite_for("runtime"), Subject(plugin=plugin, factory=dict)
    plans = planned(suite, subject, Expectations(known_failures={"RT-4": "acme#12: no way to"}))
    mine = [plan for plan in plans if plan.check.clause == "RT-4"]
    assert {bool(plan.expected) for plan in mine} == {True, False}
    assert all(bool(plan.expected) != bool(plan.skipped) for plan in mine)


SHORT = "PO-1: 0 of the 1 checks that the contract has"


def test_fewer_checks_than_the_contract_pins_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = suite_for("policy")
    fewer = replace(suite, checks=suite.checks[1:])
    monkeypatch.setattr("steer_conformance.suites.policy.SUITE", fewer)
    short = report(REFERENCE, "PO-9")
    assert short.shortfalls == (SHORT,)
    assert not short.failures
    assert not short.ok
    made = parameters(policy_checks(REFERENCE.plugin, REFERENCE.factory))
    assert [each.id for each in made if isinstance(each.values[0], str)] == [SHORT]


def test_a_check_that_the_runner_loses_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def losing(suite: Suite[Any], *rest: Any) -> tuple[Planned, ...]:
        return tuple(plan for plan in planned(suite, *rest) if plan.check.clause != "PO-1")

    monkeypatch.setattr("steer_conformance.checking.planned", losing)
    monkeypatch.setattr("steer_conformance.pytest_checks.planned", losing)
    assert report(REFERENCE, "PO-9").shortfalls == (SHORT,)
    made = parameters(policy_checks(REFERENCE.plugin, REFERENCE.factory))
    assert [each.id for each in made if isinstance(each.values[0], str)] == [SHORT]
