"""Whether a failed model request is made again, and after how long."""

from __future__ import annotations

import random

from steer.context import RetrySpec
from steer.errors import ProviderError, SteerError

__all__ = ["wait_before_retry"]


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
        # Beyond the largest float's exponent the cap has long decided.
        doubled = spec.first_wait_seconds * 2.0 ** min(failures - 1, 64)
        # Runs that failed together are not to come back together.
        wait = min(doubled, spec.max_wait_seconds) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return None if left is not None and wait >= left else wait
