"""The clauses of runtimes."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["RUNTIME_CLAUSES"]

RUNTIME_CLAUSES: tuple[Clause, ...] = ()
