"""What redacts the jobs of one kernel, made once for each thing that is to be kept out."""

from __future__ import annotations

from collections.abc import Iterable

import anyio.to_thread

from steer.policies import PolicyStack
from steer.redaction import OwnLogs, Redaction, Redactor, united

__all__ = ["Redactors"]


class Redactors:
    """Makes redactors and keeps them; ``logs`` redacts what steer logs with each of them.

    ``wanted`` is what every job of the kernel keeps out, beside what its policies do. Whatever
    makes one raises ``ConfigError`` for a pattern that cannot load.
    """

    def __init__(self, wanted: Redaction | None) -> None:
        self.logs = OwnLogs()
        self._wanted = wanted
        self._made: dict[Redaction, Redactor] = {}

    async def prepare(self, stacks: Iterable[PolicyStack]) -> None:
        """Make those of all these policies."""
        for policies in stacks:
            await self.made(policies)

    async def made(self, policies: PolicyStack) -> Redactor | None:
        """Return what ``of`` returns; where it is yet to be made, in a thread.

        The first one loads the libraries with the patterns: up to a second of blocking work.
        """
        redaction = united((self._wanted, policies.redaction))
        if redaction is None or redaction in self._made:
            return self.of(policies)
        return await anyio.to_thread.run_sync(self.of, policies)

    def of(self, policies: PolicyStack) -> Redactor | None:
        """Return what redacts a job under these policies, ``None`` where nothing is kept out."""
        redaction = united((self._wanted, policies.redaction))
        if redaction is None:
            return None
        redactor = self._made.get(redaction)
        if redactor is None:
            redactor = self._made[redaction] = Redactor(redaction)
            self.logs.cover(redactor)
        return redactor
