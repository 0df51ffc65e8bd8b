"""What kind of failure it was, whichever vendor failed, and what follows from the kind."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ErrorCategory"]


class ErrorCategory(StrEnum):
    """What kind of failure it was, independent of the vendor."""

    AUTHENTICATION = "authentication"
    PERMISSION_DENIED = "permission_denied"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    VALIDATION = "validation"
    SCHEMA = "schema"
    CONTENT_FILTER = "content_filter"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER_ERROR = "server_error"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @classmethod
    def of_status(cls, status: int) -> ErrorCategory:
        """Return what the HTTP status of a refused request stands for, ``UNKNOWN`` if for nothing.

        A vendor's own code or type often says more: ask the status where it does not.
        """
        known = _BY_STATUS.get(status)
        if known is not None:
            return known
        return cls.SERVER_ERROR if status >= _SERVER_ERRORS else cls.UNKNOWN

    @property
    def retryable(self) -> bool:
        """Whether a failure of this kind is likely to pass by itself: asking again may help."""
        return self in _PASSING


_SERVER_ERRORS = 500
# https://www.rfc-editor.org/rfc/rfc9110#section-15, and how providers use it.
_BY_STATUS = {
    400: ErrorCategory.VALIDATION,
    401: ErrorCategory.AUTHENTICATION,
    402: ErrorCategory.QUOTA,
    403: ErrorCategory.PERMISSION_DENIED,
    404: ErrorCategory.NOT_FOUND,
    408: ErrorCategory.TIMEOUT,
    409: ErrorCategory.CONFLICT,
    413: ErrorCategory.VALIDATION,
    422: ErrorCategory.VALIDATION,
    429: ErrorCategory.RATE_LIMIT,
    504: ErrorCategory.TIMEOUT,
}
_PASSING = frozenset(
    {
        ErrorCategory.RATE_LIMIT,
        ErrorCategory.CONFLICT,
        ErrorCategory.TIMEOUT,
        ErrorCategory.NETWORK,
        ErrorCategory.SERVER_ERROR,
    }
)
