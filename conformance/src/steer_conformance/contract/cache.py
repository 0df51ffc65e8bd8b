"""The clauses of caches."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["CACHE_CLAUSES"]

CACHE_CLAUSES = (
    Clause(
        id="CA-1",
        port="cache",
        text="What was put is what is got, or nothing: the newest value under the key, byte by "
        "byte, and never an older one.",
    ),
    Clause(
        id="CA-2",
        port="cache",
        text="What was never put is None.",
    ),
    Clause(
        id="CA-3",
        port="cache",
        checks=2,
        text="A value is gone once the seconds that it was last put with have passed.",
    ),
    Clause(
        id="CA-4",
        port="cache",
        text="No scope is given another's values, also where scope and key, joined, read alike.",
    ),
    Clause(
        id="CA-5",
        port="cache",
        text="It keeps: of a few small values that were just put, not all are missing.",
    ),
    Clause(
        id="CA-6",
        port="cache",
        text="Puts and gets at the same time neither fail nor mix values.",
    ),
)
