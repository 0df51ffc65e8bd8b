"""A process that stands still, as far as its leases go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
from kernels import open_kernel


def without_heartbeat(**fields: Any) -> Any:
    """A kernel that extends no lease; ``storage`` is a URL."""
    fields["registry"] = _StalledRegistry(fields.pop("registry"))
    return open_kernel(**fields)


class Stalled:
    """A storage that extends no lease until its process is ``awake``; ``renewed`` counts since."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.jobs = _StalledJobs(inner.jobs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _StalledJobs:
    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.awake = False
        self.renewed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def renew(self, held: Any, /, **how: Any) -> Sequence[Any]:
        if not self.awake:
            await anyio.sleep_forever()
        self.renewed += 1
        lost: Sequence[Any] = await self._inner.renew(held, **how)
        return lost


class _StalledRegistry:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def open_storage(self, url: str, clock: Any) -> Any:
        return Stalled(self._inner.open_storage(url, clock))
