"""Errors as Anthropic writes them.

Source: https://docs.anthropic.com/en/api/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from steer_conformance.provider.replies import Failure

__all__ = ["error_object"]

# status → (type, message)
_KNOWN: Final[Mapping[int, tuple[str, str]]] = {
    400: ("invalid_request_error", "The request could not be understood."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low."),
    403: ("permission_error", "The key may not use this model."),
    404: ("not_found_error", "The model does not exist."),
    413: ("request_too_large", "The request exceeds the maximum size."),
    429: ("rate_limit_error", "This request would exceed your rate limit."),
    504: ("timeout_error", "The request timed out."),
    529: ("overloaded_error", "Overloaded"),
}


def error_object(failure: Failure) -> dict[str, Any]:
    """The ``error`` of a failed request, with the vendor's own words where none were scripted."""
    other = "api_error" if failure.status in range(500, 600) else "invalid_request_error"
    kind, message = _KNOWN.get(failure.status, (other, "Internal server error"))
    error: dict[str, Any] = {
        "type": failure.error_type or kind,
        "message": failure.message if failure.message is not None else message,
    }
    if failure.code is not None:
        error["details"] = {"error_code": failure.code}
    return error
