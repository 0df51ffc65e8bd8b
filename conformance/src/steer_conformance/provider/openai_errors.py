"""Errors as OpenAI writes them, which its two dialects share.

Source: https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from steer_conformance.provider.replies import Failure

__all__ = ["error_object"]

# status → (type, code, message)
_KNOWN: Final[Mapping[int, tuple[str, str | None, str]]] = {
    400: ("invalid_request_error", None, "The request could not be understood."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", "access_denied", "The key may not use this model."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    409: ("invalid_request_error", "conflict", "The resource was changed by another request."),
    422: ("invalid_request_error", "unprocessable", "The request could not be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    503: ("server_error", "overloaded", "The engine is currently overloaded."),
}
_OTHER: Final = ("server_error", "server_error", "The server had an error. Please retry.")


def error_object(failure: Failure) -> dict[str, Any]:
    """The ``error`` of a failed request, with the vendor's own words where none were scripted."""
    kind, code, message = _KNOWN.get(failure.status, _OTHER)
    return {
        "message": failure.message if failure.message is not None else message,
        "type": failure.error_type or kind,
        "param": None,
        "code": failure.code or code,
    }
