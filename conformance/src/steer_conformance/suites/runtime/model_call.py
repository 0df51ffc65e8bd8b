"""One model request that a bare gate admitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from steer.errors import SteerError
from steer.ports.gate import ModelRequest, Sent
from steer.ports.records import ModelRecord
from steer.values import JsonValue, Usage

from steer_conformance.suites.runtime.narration import Narration
from steer_conformance.suites.runtime.records import Records

__all__ = ["NOW", "BareModelCall", "Ledger"]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""When everything is recorded: no check asks what time it is."""


class Ledger(Protocol):
    """What a request needs of the gate that admitted it."""

    records: Records
    usages: list[Usage | None]
    failures: list[tuple[SteerError, Sent, Usage | None]]
    retries: int
    narration: Narration

    def complain(self, clause: str, what: str) -> None: ...
    def reach(self, moment: str, /) -> None: ...


@dataclass
class BareModelCall:
    """Implements ``steer.ports.gate.ModelCall``."""

    gate: Ledger
    request: ModelRequest
    id: str
    message: int
    recorded: ModelRecord | None
    model: str
    max_output_tokens: int | None
    ended: bool = False
    completed: bool = False
    left: bool = False

    def complete(
        self,
        response: bytes,
        usage: Usage | None,
        /,
        *,
        model: str | None = None,
        response_id: str | None = None,
        finish_reason: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,  # noqa: ARG002 - only events have it
    ) -> None:
        if not self._ends("completed"):
            return
        self.completed = True
        self.gate.usages.append(usage)
        self.gate.records.add(
            ModelRecord(
                path=self.request.path,
                index=self.message,
                call=self.id,
                request_digest=self.request.digest,
                response=response,
                usage=usage or Usage(),
                model=model,
                response_id=response_id,
                finish_reason=finish_reason,
                recorded_at=NOW,
            )
        )
        self.gate.reach(f"completed {self.id}")

    def fail(self, error: SteerError, /, *, sent: Sent, usage: Usage | None = None) -> None:
        if self._ends("failed"):
            self.gate.failures.append((error, sent, usage))

    async def retry(self, error: SteerError, /, *, sent: Sent, usage: Usage | None = None) -> bool:
        """Fail, and say whether the same request may be made anew."""
        self.fail(error, sent=sent, usage=usage)
        self.gate.retries -= 1
        return self.gate.retries >= 0

    def _ends(self, how: str) -> bool:
        if self.recorded is not None:
            self.gate.complain("RT-40", f"{how} the request {self.id}, which was answered before")
        elif self.ended:
            self.gate.complain("RT-5", f"{how} the request {self.id}, which had ended")
        elif self.left:
            self.gate.complain("RT-5", f"{how} the request {self.id} outside of its context")
        else:
            self.ended = True
            self.gate.narration.closes(self.id)
            return True
        return False
