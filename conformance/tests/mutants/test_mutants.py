"""Every clause kills a mutant, and no mutant survives the clauses it is there for."""

from __future__ import annotations

import gc
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from mutant import Mutant
from steer.errors import SteerError
from steer_conformance.checking import suite_for
from steer_conformance.checks import Subject, check
from steer_conformance.contract import CLAUSES
from steer_conformance.profiles import PULL_REQUEST
from steer_conformance.running import perform
from steer_conformance.suites.policy.case import PolicyCase

MUTANTS: tuple[Mutant, ...] = tuple(
    mutant
    for file in sorted(Path(__file__).parent.glob("*_mutants.py"))
    if file.name != Path(__file__).name
    for mutant in import_module(file.stem).MUTANTS
)
# That it is killed is all that matters here, and not by how small an example.
PROFILE = replace(PULL_REQUEST, shrinks=False)
# Checks assert, and wait for no longer than they may; errors of steer's come from what is checked.
FAILURES: tuple[type[Exception], ...] = (AssertionError, TimeoutError, SteerError)
# One mutant shows that a clause sees something; what else it sees is for the full matrix, and so is
# all of the two ports whose checks take long.
LONG_PORTS = ("runtime", "storage")
TABLE = [
    pytest.param(
        clause,
        mutant,
        id=f"{clause}-{mutant.name.replace(' ', '-')}",
        marks=[pytest.mark.long] if number or CLAUSES[clause].port in LONG_PORTS else [],
    )
    for clause in CLAUSES
    for number, mutant in enumerate(each for each in MUTANTS if clause in each.clauses)
]


# What a mutant leaves open when it is killed is told in its own test, where nobody minds.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("clause", "mutant"), TABLE)
def test_a_clause_kills_its_mutant(clause: str, mutant: Mutant) -> None:
    killed = is_killed(clause, mutant)
    gc.collect()
    assert killed, f"{clause} lets pass: {mutant.name}"


def is_killed(clause: str, mutant: Mutant) -> bool:
    suite = suite_for(CLAUSES[clause].port)
    subject = Subject(plugin=mutant.plugin, factory=mutant.factory, profile=PROFILE)
    kills = (*FAILURES, *mutant.raises)
    killed = False
    for each in suite.checks:
        if each.clause == clause and not killed:
            try:
                with mutant.surroundings():
                    perform(suite, each, subject)
            except* kills:
                killed = True
    return killed


def test_an_error_of_a_check_kills_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    @check("PO-8")
    def it_is_mistaken(case: PolicyCase) -> None:
        raise TypeError("a check that cannot work")

    mistaken = replace(suite_for("policy"), checks=(it_is_mistaken,))
    monkeypatch.setattr("steer_conformance.suites.policy.SUITE", mistaken)
    (mutant,) = (each for each in MUTANTS if each.name == "is asynchronous and not declared so")
    with pytest.raises(TypeError, match="a check that cannot work"):
        is_killed("PO-8", mutant)
    assert is_killed("PO-8", replace(mutant, raises=(TypeError,)))


def test_every_clause_kills_a_mutant() -> None:
    killing = {clause for mutant in MUTANTS for clause in mutant.clauses}
    assert set(CLAUSES) - killing == set(), "no mutant is killed by these"
    assert killing - set(CLAUSES) == set(), "these are no clauses"


def test_no_two_mutants_have_one_name() -> None:
    names = [(mutant.plugin.kind, mutant.name) for mutant in MUTANTS]
    assert len(names) == len(set(names))
