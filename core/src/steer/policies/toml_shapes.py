"""What the tables of a policy file are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict

__all__ = ["Seconds", "Table", "Texts", "listed"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Table(BaseModel):
    """A table that may hold what it names and nothing else."""

    # Built on first use: most processes never read a policy file.
    model_config = ConfigDict(extra="forbid", defer_build=True)


def listed(value: object) -> object:
    """Let one text stand for a list of one."""
    return [value] if isinstance(value, str) else value


def _seconds(value: object) -> object:
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        if found is None:
            raise ValueError("must be seconds, or text such as 30s, 15m, 4h or 2d")
        value = float(found[1]) * _UNITS[found[2]]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be seconds, or text such as 30s, 15m, 4h or 2d")  # noqa: TRY004 - pydantic reports a ValueError
    return value


Texts: TypeAlias = Annotated[
    list[str], BeforeValidator(listed, json_schema_input_type=str | list[str])
]
Seconds: TypeAlias = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=Any)]
