"""Keeping secrets out of what steer tells: events, sinks and logs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from steer.redaction.events import EventRedactor, Place
from steer.redaction.logs import OwnLogs, RedactingFilter
from steer.redaction.redactor import Redactor
from steer.redaction.spec import Redaction, RedactionRule, united

if TYPE_CHECKING:
    from steer.redaction.tables import parse_redaction

__all__ = [
    "EventRedactor",
    "OwnLogs",
    "Place",
    "RedactingFilter",
    "Redaction",
    "RedactionRule",
    "Redactor",
    "parse_redaction",
    "united",
]


def __getattr__(name: str) -> object:
    """Import the reading of tables once it is asked for: pydantic's models take long to come."""
    if name != "parse_redaction":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.tables").parse_redaction
