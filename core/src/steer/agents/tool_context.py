"""What a tool can ask for besides its arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from anyio import from_thread

from steer.errors import ConfigError
from steer.ports.gate import Ask, Keep
from steer.ports.records import ArtifactRecord
from steer.values import ActionType, Expiry, JsonValue

__all__ = ["ToolContext"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolContext:
    """The call a tool runs for; a parameter annotated with this type is given it.

    ``effect_key`` is the same whenever this call is run again, after a crash for example: hand it
    to whatever can refuse a repetition, such as a payment's idempotency key. ``user_context`` is
    the object that the run was started with, ``None`` where there was none. ``ask`` and
    ``keep`` are the gate's own, from ``EffectRun``.
    """

    job_id: str
    scope_id: str
    principal_id: str
    call_id: str
    effect_key: str
    user_context: Any = field(default=None, repr=False)
    ask: Ask | None = field(default=None, repr=False, compare=False)
    keep: Keep | None = field(default=None, repr=False, compare=False)

    async def require_action(
        self,
        action_type: ActionType | str,
        payload: JsonValue,
        *,
        expires_in: float | None = None,
        on_expiry: Expiry | str = Expiry.DENY,
        default: JsonValue = None,
    ) -> JsonValue:
        """Ask a person, wait in the middle of the tool, and return the answer.

        ``expires_in`` is in seconds, the run's own ``ApprovalSpec`` where it is ``None``. Nobody
        answering in time raises ``ActionExpired``; ``on_expiry="fail"`` ends the job with it, and
        ``"default"`` returns ``default`` instead. Raises ``ActionClosed`` where the question is
        withdrawn. The wait is part of the tool's time: give such a tool no short ``timeout``.

        If the process dies meanwhile, an ``idempotent`` tool is run again and finds the same
        question, answered or not; of any other nobody knows how far it came.
        """
        if self.ask is None:
            raise ConfigError("this runtime gives its tools no way to ask a person")
        return await self.ask(
            ActionType(action_type),
            payload,
            expires_in=expires_in,
            on_expiry=Expiry(on_expiry),
            default=default,
        )

    def require_action_sync(
        self,
        action_type: ActionType | str,
        payload: JsonValue,
        *,
        expires_in: float | None = None,
        on_expiry: Expiry | str = Expiry.DENY,
        default: JsonValue = None,
    ) -> JsonValue:
        """Do the same as ``require_action`` from a sync tool, in the thread that it runs in."""
        ask = partial(
            self.require_action,
            action_type,
            payload,
            expires_in=expires_in,
            on_expiry=on_expiry,
            default=default,
        )
        return from_thread.run(ask)

    async def put_artifact(
        self, content: bytes, *, name: str, media_type: str = "application/octet-stream"
    ) -> ArtifactRecord:
        """Keep a file of the job, and tell of it; it is durable when this returns.

        ``name`` is a label for people. If the call is run again after a crash, the same content
        under the same name is kept once. Raises ``BudgetExceeded`` where it is larger than a file
        may be, ``ConfigError`` for a name or a media type that is none.
        """
        if self.keep is None:
            raise ConfigError("this runtime gives its tools no way to keep a file")
        return await self.keep(content, name=name, media_type=media_type)

    def put_artifact_sync(
        self, content: bytes, *, name: str, media_type: str = "application/octet-stream"
    ) -> ArtifactRecord:
        """Do the same as ``put_artifact`` from a sync tool, in the thread that it runs in."""
        return from_thread.run(
            partial(self.put_artifact, content, name=name, media_type=media_type)
        )
