"""A turn as bytes, without a server: to know a wire's length, or to compare it."""

from __future__ import annotations

from steer_conformance.provider.dialect import Dialect
from steer_conformance.provider.replies import Turn
from steer_conformance.provider.request import Request
from steer_conformance.provider.side_routes import MODEL

__all__ = ["render"]


def render(turn: Turn, dialect: Dialect, *, stream: bool, request: Request | None = None) -> bytes:
    """The body that answers with ``turn``, undisturbed by its marks.

    An answer repeats some of its request (the model at least): with ``request`` the bytes are
    exactly those that are served for it. Without, the request is the first one of a provider
    for the model ``scripted`` with nothing else in it.
    """
    asked = request or Request(model=MODEL, stream=stream, dialect=dialect.name)
    if stream:
        return b"".join(frame.data for frame in dialect.stream(turn, asked))
    return dialect.plain(turn, asked).data
