"""A storage whose commits a test can hold back, to have something else happen first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anyio
from kernels import PATIENCE
from steer.ports.changes import Change
from steer.ports.storage import Committed, Storage


class HeldStorage:
    """Holds back the first commit that ``which`` says, until the test lets it go.

    With ``after`` it is made first, and only its caller does not hear of it.
    """

    def __init__(
        self, inner: Storage, which: Callable[[Sequence[Change]], bool], *, after: bool = False
    ) -> None:
        self._inner = inner
        self._which = which
        self._after = after
        self.reached = anyio.Event()
        self.go = anyio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Sequence[Change], /
    ) -> Committed:
        held = not self.reached.is_set() and self._which(changes)
        if held and not self._after:
            await self._hold()
        committed = await self._inner.commit(scope_id, job_id, fence, changes)
        if held and self._after:
            await self._hold()
        return committed

    async def _hold(self) -> None:
        self.reached.set()
        await self.go.wait()

    async def arrive(self) -> None:
        """Wait until the commit is about to be made."""
        with anyio.fail_after(PATIENCE):
            await self.reached.wait()
