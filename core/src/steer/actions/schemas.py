"""The JSON schemas of payloads and resolutions, for those who build forms or write them by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from steer.actions.checking import ANSWERS, QUESTIONS, known_type
from steer.agents.schema import JsonSchema, json_schema
from steer.values import ActionType

__all__ = ["ActionSchemas", "schema_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionSchemas:
    """What a type of action asks and is answered with, each as a JSON schema (draft 2020-12)."""

    payload: JsonSchema
    resolution: JsonSchema


def schema_of(kind: ActionType | str) -> ActionSchemas:
    """Return the schemas of a type of action. Raises ``InvalidQuestion`` for no such type.

    What fits them can still be refused: for what one field says of another, or for what the
    question allows.
    """
    known = known_type(kind)
    return ActionSchemas(payload=_schema(QUESTIONS[known]), resolution=_schema(ANSWERS[known]))


def _schema(kind: type[Any]) -> JsonSchema:
    return json_schema(TypeAdapter(kind))
