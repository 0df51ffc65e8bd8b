"""The suite of storages: every one does the same, whatever it is made of."""

from __future__ import annotations

from steer_conformance.checks import Suite, checks_in
from steer_conformance.suites.storage import (
    agents,
    artifacts,
    budgets,
    caps,
    closing,
    commits,
    concurrency,
    exactness,
    golden,
    jobs,
    journal,
    listing,
    model,
    money,
    people,
    processes,
    records,
    scopes,
    sessions,
    totals,
    waiting,
)
from steer_conformance.suites.storage.case import StorageCase, storage_case

__all__ = ["SUITE", "StorageCase"]

SUITE = Suite(
    port="storage",
    checks=checks_in(
        scopes,
        commits,
        model,
        jobs,
        journal,
        records,
        money,
        budgets,
        caps,
        totals,
        sessions,
        agents,
        people,
        waiting,
        artifacts,
        listing,
        exactness,
        concurrency,
        closing,
        processes,
        golden,
    ),
    case=storage_case,
)
"""The suite of the port ``storage``; its factory takes a folder and gives a ``FreshStore``."""
