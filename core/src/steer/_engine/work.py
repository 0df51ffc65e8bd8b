"""What runs a job: at hand, or yet to be built again from the job's record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from steer.policies import PolicyStack
from steer.ports.runtime import Prepared, Runtime
from steer.redaction import Redactor
from steer.request import StoredRequest

__all__ = ["Rebuild", "Work"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What runs a job: a runtime, the prepared agent, the policies, the author's context.

    ``redactor`` keeps secrets out of its events. ``resumable`` says that another process could
    build the same from the job's record, for which there must be no ``user_context``.
    """

    runtime: Runtime
    prepared: Prepared
    policies: PolicyStack
    request: StoredRequest
    user_context: object = None
    redactor: Redactor | None = None
    resumable: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuild:
    """The same, built once the job is claimed, so that of several claimants only one builds it.

    What keeps it from being built is what the job then ends with.
    """

    request: StoredRequest
    build: Callable[[], Awaitable[Work]]
