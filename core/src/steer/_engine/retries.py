"""Whether what failed is tried again, a model request or a whole job, and after how long."""

from __future__ import annotations

import math
import random

from steer.context import JobRetrySpec, RetrySpec
from steer.errors import ErrorInfo, ProviderError, RuntimeFailure, SteerError

__all__ = ["wait_before_next_try", "wait_before_retry"]

# What else ends a job (a limit, a denial, a divergence) would end it again.
_RETRIED = frozenset({ProviderError.code, RuntimeFailure.code})
_HUGE = 700.0


def wait_before_retry(
    error: SteerError, failures: int, spec: RetrySpec, *, left: float | None
) -> float | None:
    """Return the seconds to wait after this many failures in a row, ``None`` to give up.

    ``left`` is how many seconds the run has left. A wait that would use them up is not begun:
    the provider's error then says more than a time-out.
    """
    if not isinstance(error, ProviderError) or not error.retryable or failures > spec.max_retries:
        return None
    if error.retry_after is not None:
        wait = error.retry_after
        if wait > spec.max_wait_seconds:
            return None
    else:
        wait = _grown(spec.first_wait_seconds, 2.0, failures, spec.max_wait_seconds)
    return None if left is not None and wait >= left else wait


def wait_before_next_try(
    error: ErrorInfo, retries: int, spec: JobRetrySpec, *, left: float | None
) -> float | None:
    """Return the seconds until a job that failed is tried again, ``None`` to give up.

    ``retries`` is how often it was tried again before, ``left`` how many seconds it has left.
    """
    if error.code not in _RETRIED or error.category not in spec.categories:
        return None
    if retries >= spec.attempts:
        return None
    wait = error.retry_after
    if wait is None:
        wait = _grown(spec.first_wait_seconds, spec.factor, retries + 1, spec.max_wait_seconds)
    if wait > spec.max_wait_seconds or (left is not None and wait >= left):
        return None
    return wait


def _grown(first: float, factor: float, failures: int, most: float) -> float:
    # Counted in logarithms, because the power may be larger than any float.
    exponent = (failures - 1) * math.log(factor)
    grown = first * math.exp(exponent) if exponent < _HUGE else math.inf if first else 0.0
    # What failed together is not to come back together.
    return min(grown, most) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
