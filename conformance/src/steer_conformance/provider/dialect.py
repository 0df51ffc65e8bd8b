"""What it takes to speak a vendor's wire format: one object with pure methods."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from steer_conformance.provider.replies import Failure, Turn
from steer_conformance.provider.request import Conversation, Request

__all__ = ["Dialect", "Frame", "Plain"]


class Frame(NamedTuple):
    """Bytes that go out together; ``delta`` says whether they carry a delta of the turn."""

    data: bytes
    delta: bool = False


class Plain(NamedTuple):
    """A reply that is not streamed."""

    data: bytes
    status: int = 200


class Dialect(Protocol):
    """A wire format. Every method is a pure function of what it is given.

    ``stream`` yields one frame with ``delta=True`` for each of ``turn.deltas``, and its bytes
    depend on nothing but the turn and the request: the same script gives the same bytes.
    """

    @property
    def name(self) -> str:
        """What requests and scripts call it."""
        ...

    @property
    def paths(self) -> Collection[str]:
        """A POST to one of these asks for a turn."""
        ...

    @property
    def stream_type(self) -> str:
        """The media type of a stream, such as ``text/event-stream``."""
        ...

    @property
    def request_id_header(self) -> str:
        """The header that carries the id of the request back."""
        ...

    def decode(self, body: Mapping[str, Any], /) -> Conversation:
        """What a request says.

        Raises:
            Unacceptable: where the vendor would refuse with status 400.
        """
        ...

    def stream(self, turn: Turn, request: Request, /) -> Iterator[Frame]:
        """The turn, streamed from beginning to end."""
        ...

    def plain(self, turn: Turn, request: Request, /) -> Plain:
        """The turn as one JSON body."""
        ...

    def failure(self, failure: Failure, request_id: str, /) -> bytes:
        """The JSON body of an HTTP error."""
        ...

    def stream_error(self, failure: Failure, sequence: int, /) -> bytes:
        """An error inside a stream, after ``sequence`` frames."""
        ...
