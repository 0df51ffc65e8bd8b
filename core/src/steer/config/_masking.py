"""Showing settings without showing secrets."""

from __future__ import annotations

import re

from steer.values import JsonValue

__all__ = ["MASK", "masked"]

MASK = "***"

_WORDS = "key|token|secret|password|passwd|credential|authorization"
_SECRET_NAME = re.compile(_WORDS, re.IGNORECASE)
# Up to the last @, since a password that nobody escaped may hold one.
_PASSWORD = re.compile(r"(?P<before>://[^/?#:@]*:).*@", re.DOTALL)
_PARAMETER = re.compile(rf"(?P<before>[?&;][^=&;]*(?:{_WORDS})[^=&;]*=)[^&;#]*", re.IGNORECASE)


def masked(name: str, value: JsonValue) -> JsonValue:
    """Return ``value`` as it may be shown.

    Text under a name such as ``api_key`` is hidden, and in any text that is a URL the password
    and the parameters with such a name.
    """
    if isinstance(value, dict):
        # Whatever is inside a table called secrets is one.
        return {key: masked(f"{name}.{key}", each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(name, each) for each in value]
    if not isinstance(value, str):
        return value
    if _is_secret(name):
        return MASK
    return _PARAMETER.sub(rf"\g<before>{MASK}", _PASSWORD.sub(rf"\g<before>{MASK}@", value))


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None
