"""Lines of the ledger about what people did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from steer.ports.records import LedgerEntry, LedgerKind
from steer.values import JsonValue

__all__ = ["audit_line"]


def audit_line(key: str, *, by: str, at: datetime, details: Mapping[str, JsonValue]) -> LedgerEntry:
    """Return the line about something that somebody did, written once per ``key``."""
    return LedgerEntry(
        key=key, job_id="", principal_id=by, kind=LedgerKind.AUDIT, at=at, details=details
    )
