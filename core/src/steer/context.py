"""Who runs what, for whom and within which bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal

from steer.errors import ConfigError, ErrorCategory
from steer.values import Expiry

__all__ = [
    "DEFAULT_PRINCIPAL",
    "DEFAULT_SCOPE",
    "ONE_TRY",
    "ApprovalSpec",
    "BudgetSpec",
    "ChildSpec",
    "ExecutionContext",
    "JobRetrySpec",
    "PolicyRef",
    "RetrySpec",
]

DEFAULT_SCOPE = "default"
DEFAULT_PRINCIPAL = "local"


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetSpec:
    """The bounds of one run; ``None`` leaves a thing unbounded.

    ``max_tokens`` counts input and output tokens of all model calls together, ``max_cost`` is
    in US dollars, ``max_turns`` counts model calls on the outermost path, ``max_tool_calls``
    counts tool calls that were allowed, ``max_runtime_seconds`` counts from admission and
    includes waiting.
    """

    max_tokens: int | None = None
    max_cost: Decimal | None = None
    max_tool_calls: int | None = None
    max_turns: int | None = None
    max_runtime_seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse bounds below zero: they would refuse every run without saying why."""
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ConfigError(f"budget {name} is {value}, it must be 0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrySpec:
    """How often a failed model request is made again, and after how long.

    Only what may go better the next time is (``ProviderError.retryable``), and each try is
    reserved, booked and told like any request. The wait doubles from ``first_wait_seconds`` on, up
    to ``max_wait_seconds``, less a random part of up to a half. Where the provider says how long,
    it is that long. Nobody waits beyond ``max_wait_seconds``, nor beyond the end of the run's time.

    It is the most that is asked for: where the agent's author decided on fewer tries, as with a
    client made with ``max_retries=0``, it is these.
    """

    max_retries: int = 2
    first_wait_seconds: float = 0.5
    max_wait_seconds: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what is no number, has no end, or is below zero."""
        for name in self.__slots__:
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ConfigError(
                    f"retries: {name} is {value}, it must be a finite number of 0 or more"
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalSpec:
    """How a run waits for people.

    ``inline_seconds`` is how long its process stays with a question before the job is parked: as
    long as it lives with ``None``, not at all with 0. Where a call cannot be parked it is held in
    the process. ``expires_in_seconds`` is how long a question stands that does not say so itself,
    for ever with ``None``; after that ``on_expiry`` holds: ``deny``, which the model is told, or
    ``fail``, which ends the job. With ``unattended`` nobody is asked: what needs a person's leave
    is denied, with a reason that says so.
    """

    inline_seconds: float | None = None
    expires_in_seconds: float | None = 7 * 24 * 3600.0
    on_expiry: Expiry = Expiry.DENY
    unattended: bool = False

    def __post_init__(self) -> None:
        """Refuse times that are none, and an approval by silence."""
        for name, least in (("inline_seconds", 0.0), ("expires_in_seconds", 0.001)):
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                raise ConfigError(
                    f"approvals: {name} is {value}, it must be a finite number of {least:g} or more"
                )
        object.__setattr__(self, "on_expiry", Expiry(self.on_expiry))
        if self.on_expiry is Expiry.DEFAULT:
            raise ConfigError(
                "approvals: on_expiry is default, and a call is never approved by silence",
                fix="Use deny or fail",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRef:
    """A policy set by name and, where it matters, by version."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionContext:
    """The identity of one run, handed to everything that acts for it.

    ``scope_id`` is the tenant: nothing crosses it. ``principal_id`` is who asked, ``team_id`` on
    whose account, where that matters.
    ``run_id`` names one attempt of the job, so it is new after a recovery while ``job_id`` is not.
    """

    scope_id: str = DEFAULT_SCOPE
    principal_id: str = DEFAULT_PRINCIPAL
    team_id: str | None = None
    session_id: str | None = None
    job_id: str = ""
    run_id: str = ""
    parent_job_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None

    def child(self, *, job_id: str, run_id: str) -> ExecutionContext:
        """Return the context of a job that this one starts: same scope, principal and trace."""
        return replace(self, job_id=job_id, run_id=run_id, parent_job_id=self.job_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRetrySpec:
    """How often a whole job that failed is tried again, and after how long; by default never.

    ``attempts`` counts the tries after the first. A ``RetrySpec`` is about one model request and
    keeps the run waiting; this is about the job: it is queued meanwhile, survives its process, and
    goes on from its last record. Only failures of the provider or of the agent's SDK are retried,
    and of those the ``categories``. The wait grows by ``factor`` from ``first_wait_seconds`` on, up
    to ``max_wait_seconds``, less a random part of up to a half; where the provider says how long,
    it is that long. A job that could not wait so long, within ``max_wait_seconds`` and its own
    time, fails at once.
    """

    attempts: int = 0
    first_wait_seconds: float = 5.0
    max_wait_seconds: float = 3600.0
    factor: float = 2.0
    categories: tuple[ErrorCategory, ...] = tuple(each for each in ErrorCategory if each.retryable)

    def __post_init__(self) -> None:
        """Refuse what is no number, has no end, or is too small to mean anything."""
        for name, least in (
            ("attempts", 0),
            ("first_wait_seconds", 0),
            ("max_wait_seconds", 0),
            ("factor", 1),
        ):
            value = getattr(self, name)
            if not least <= value < math.inf:
                raise ConfigError(
                    f"job retries: {name} is {value}, it must be a finite number of {least} or more"
                )
        object.__setattr__(self, "categories", tuple(map(ErrorCategory, self.categories)))


@dataclass(frozen=True, kw_only=True, slots=True)
class ChildSpec:
    """How far jobs may start jobs: ``max_depth`` below the first, ``max_children`` of each."""

    max_depth: int = 5
    max_children: int = 10

    def __post_init__(self) -> None:
        """Refuse numbers below zero."""
        for name in self.__slots__:
            value = getattr(self, name)
            if value < 0:
                raise ConfigError(f"children: {name} is {value}, it must be 0 or more")


ONE_TRY = JobRetrySpec()
