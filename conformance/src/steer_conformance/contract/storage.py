"""The clauses of storages."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["STORAGE_CLAUSES"]

STORAGE_CLAUSES: tuple[Clause, ...] = ()
