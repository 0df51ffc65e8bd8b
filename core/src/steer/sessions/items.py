"""The items of a session, one for each append, as values and as JSON text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from steer.errors import ConfigError
from steer.ports.runtime import PastRun
from steer.values import encode_json

__all__ = ["Compacted", "Item", "SessionItem", "decode_item", "encode_item"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionItem:
    """What one run added: its question, and all that came of it."""

    run: PastRun
    job_id: str
    at: datetime
    type: Literal["run"] = "run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compacted:
    """What runs are shown from here on in the place of all items before.

    ``job_id`` is the run that was shown it first.
    """

    runs: tuple[PastRun, ...]
    job_id: str
    at: datetime
    type: Literal["compacted"] = "compacted"


Item: TypeAlias = SessionItem | Compacted


def encode_item(item: Item) -> str:
    """Return an item as JSON text."""
    return encode_json(item).decode()


def decode_item(text: str) -> Item:
    """Return the item that ``encode_item`` wrote. Raises ``ConfigError`` for another form."""
    try:
        return _adapter().validate_json(text)
    except ValidationError as error:
        raise ConfigError(
            f"an item of the session cannot be read: {error.errors()[0]['msg']}",
            fix="Use the version of steer that wrote it, or a newer one",
        ) from error


@cache
def _adapter() -> TypeAdapter[Item]:
    return TypeAdapter(Annotated[SessionItem | Compacted, Field(discriminator="type")])
