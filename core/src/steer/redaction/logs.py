"""Keeping secrets out of log records."""

from __future__ import annotations

import logging
from typing import Any

from steer.redaction.redactor import ERROR, Redactor
from steer.redaction.spec import Redaction

__all__ = ["OWN_LOGGERS", "OwnLogs", "RedactingFilter"]

OWN_LOGGERS = ("steer.engine", "steer.policies", "steer.sinks")
"""The loggers that steer writes to. A filter on one holds for none of the others."""

_STANDARD = frozenset(
    (*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "relativeCreated")
)


class RedactingFilter(logging.Filter):
    """Redacts the message, the traceback and the extra attributes of each log record.

    Add it to your handlers, so that it sees the records of every logger. It drops none; a record
    is changed in place, so handlers that come later get it redacted too.
    """

    def __init__(self, redaction: Redaction | Redactor) -> None:
        super().__init__()
        self._redactor = redaction if isinstance(redaction, Redactor) else Redactor(redaction)

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record; always true."""
        try:
            record.args = self._arguments(record.args)
            record.msg = self._redactor.text(record.getMessage())
            if record.exc_info:
                record.exc_text = logging.Formatter().formatException(record.exc_info)
                # A handler would format the exception anew, or send it elsewhere as it is.
                record.exc_info = None
            for name, value in vars(record).items():
                if value and (name in {"exc_text", "stack_info"} or name not in _STANDARD):
                    setattr(record, name, self._redactor.value(value))
        except Exception:
            record.msg, record.exc_info, record.exc_text, record.stack_info = (
                ERROR,
                None,
                None,
                None,
            )
        record.args = None
        return True

    def _arguments(self, arguments: Any) -> Any:
        """Redact objects and lists by their keys, before they become text."""
        if isinstance(arguments, tuple):
            return tuple(map(self._arguments, arguments))
        return self._redactor.value(arguments) if isinstance(arguments, dict | list) else arguments


class OwnLogs:
    """Filters on steer's own loggers, for as long as a kernel is open."""

    def __init__(self) -> None:
        self._filters: dict[Redactor, RedactingFilter] = {}
        self._open = False

    def cover(self, redactor: Redactor) -> None:
        """Redact what steer logs with this one too."""
        if redactor not in self._filters:
            added = self._filters[redactor] = RedactingFilter(redactor)
            if self._open:
                _add(added)

    def open(self) -> None:
        """Begin to redact."""
        self._open = True
        for each in self._filters.values():
            _add(each)

    def close(self) -> None:
        """Leave the loggers as they were."""
        self._open = False
        for each in self._filters.values():
            for name in OWN_LOGGERS:
                logging.getLogger(name).removeFilter(each)


def _add(added: RedactingFilter) -> None:
    for name in OWN_LOGGERS:
        logging.getLogger(name).addFilter(added)
