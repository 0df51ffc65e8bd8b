"""The contract as data, and what the suites make of it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from steer_conformance.checking import suite_for
from steer_conformance.contract import CLAUSES, pinned
from steer_conformance.contract_page import contract_page
from steer_conformance.running import shortfalls

ROOT = Path(__file__).resolve().parents[2]
PORTS = tuple(dict.fromkeys(clause.port for clause in CLAUSES.values()))
PREFIXES = {
    "runtime": "RT",
    "storage": "ST",
    "policy": "PO",
    "sink": "SK",
    "signals": "SG",
    "cache": "CA",
    "artifact": "AR",
    "executor": "EX",
    "packaging": "PK",
}

each_port = pytest.mark.parametrize("port", PORTS)


def test_a_clause_is_named_for_its_port_and_is_a_sentence() -> None:
    for clause in CLAUSES.values():
        assert re.fullmatch(rf"{PREFIXES[clause.port]}-[1-9]\d*", clause.id), clause.id
        assert clause.text.endswith("."), clause.id


@each_port
def test_every_clause_has_the_checks_that_it_pins(port: str) -> None:
    assert shortfalls(port, [check.clause for check in suite_for(port).checks]) == ()


@each_port
def test_every_check_is_of_a_clause_and_is_pinned(port: str) -> None:
    checks = suite_for(port).checks
    assert {check.clause for check in checks} <= set(CLAUSES)
    there = Counter(check.clause for check in checks)
    pins = {clause.id: clause.checks for clause in CLAUSES.values() if clause.port == port}
    assert dict(there) == pins, "a check more is a clause's `checks` more"


@each_port
def test_a_check_requires_what_its_clause_is_about(port: str) -> None:
    for check in suite_for(port).checks:
        capability = CLAUSES[check.clause].capability
        # To require more of a graded capability, "suspend=many", is to require it.
        required = {name for each in check.requires for name in (each, each.partition("=")[0])}
        assert capability is None or capability in required, check.id


@each_port
def test_a_clause_for_every_plugin_has_a_check_for_every_plugin(port: str) -> None:
    for_all = {check.clause for check in suite_for(port).checks if not check.requires}
    base = {c.id for c in CLAUSES.values() if c.port == port and c.capability is None}
    assert base <= for_all


@each_port
def test_no_two_checks_of_a_suite_have_one_id(port: str) -> None:
    ids = [check.id for check in suite_for(port).checks]
    assert len(ids) == len(set(ids))


def test_the_checks_of_each_port_and_capability_are_as_many_as_is_known() -> None:
    counts = {port: dict(pinned(port)) for port in PORTS if port not in ("runtime", "storage")}
    assert counts == {
        "policy": {None: 9, "rules": 5},
        "sink": {None: 9},
        "signals": {None: 11},
        "cache": {None: 7},
        "artifact": {None: 12},
        "executor": {None: 5},
        "packaging": {None: 8},
    }


def test_the_page_is_current() -> None:
    page = ROOT / "docs/reference/contract.md"
    assert page.read_text() == contract_page(), "python -m steer_conformance.contract_page > it"


def test_the_clauses_that_ports_mention_are_there() -> None:
    mentioned = {
        found
        for file in (ROOT / "core/src/steer/ports").glob("*.py")
        for found in re.findall(r"\b[A-Z]{2}-\d+\b", file.read_text())
        if found[:2] in PREFIXES.values()
    }
    assert mentioned
    assert mentioned <= set(CLAUSES)
