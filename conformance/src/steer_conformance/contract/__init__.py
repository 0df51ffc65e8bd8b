"""The contract as data: what a plugin of each port has to make true.

To add a clause: one entry in its port's file, one check in the port's suite, one mutant in
``conformance/tests/mutants`` that the check kills.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from steer_conformance.contract.artifact import ARTIFACT_CLAUSES
from steer_conformance.contract.cache import CACHE_CLAUSES
from steer_conformance.contract.clause import Clause
from steer_conformance.contract.executor import EXECUTOR_CLAUSES
from steer_conformance.contract.packaging import PACKAGING_CLAUSES
from steer_conformance.contract.policy import POLICY_CLAUSES
from steer_conformance.contract.runtime import RUNTIME_CLAUSES
from steer_conformance.contract.signals import SIGNALS_CLAUSES
from steer_conformance.contract.sink import SINK_CLAUSES
from steer_conformance.contract.storage import STORAGE_CLAUSES
from steer_conformance.contract.storage_money import STORAGE_MONEY_CLAUSES

__all__ = ["CLAUSES", "Clause", "pinned"]

CLAUSES: Mapping[str, Clause] = MappingProxyType(
    {
        clause.id: clause
        for clauses in (
            RUNTIME_CLAUSES,
            STORAGE_CLAUSES,
            STORAGE_MONEY_CLAUSES,
            POLICY_CLAUSES,
            SINK_CLAUSES,
            SIGNALS_CLAUSES,
            CACHE_CLAUSES,
            ARTIFACT_CLAUSES,
            EXECUTOR_CLAUSES,
            PACKAGING_CLAUSES,
        )
        for clause in clauses
    }
)
"""Every clause by its id, port by port."""


def pinned(port: str) -> Counter[str | None]:
    """Return how many checks the contract has for each capability of the port.

    Under ``None`` are those that every plugin of the port is given.
    """
    counts: Counter[str | None] = Counter()
    for clause in CLAUSES.values():
        if clause.port == port:
            counts[clause.capability] += clause.checks
    return counts
