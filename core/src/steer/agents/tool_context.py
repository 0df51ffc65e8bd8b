"""What a tool can ask for besides its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["ToolContext"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolContext:
    """The call a tool runs for; a parameter annotated with this type is given it.

    ``effect_key`` is the same whenever this call is run again, after a crash for example: hand it
    to whatever can refuse a repetition, such as a payment's idempotency key. ``user_context`` is
    the object that the run was started with, ``None`` where there was none.
    """

    job_id: str
    scope_id: str
    principal_id: str
    call_id: str
    effect_key: str
    user_context: Any = field(default=None, repr=False)
