"""The part of the kernel that is about questions to people."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta

from steer._engine.actions import listed, shown
from steer._engine.engine import Engine
from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE
from steer.errors import ConfigError
from steer.handle import RequiredAction
from steer.ports.gate import Asked
from steer.ports.records import ActionRecord, Page
from steer.values import ActionStatus, ActionType, Expiry, JsonValue

__all__ = ["KernelActions"]


class KernelActions(ABC):
    """Finds, asks, awaits, answers and withdraws actions, in whichever process their job runs."""

    @abstractmethod
    def _opened(self) -> Engine: ...

    async def actions(
        self,
        *,
        scope_id: str = DEFAULT_SCOPE,
        job_id: str | None = None,
        status: ActionStatus | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ActionRecord]:
        """Return actions, oldest first; ``Page.cursor`` asks for the next part.

        Secrets that were given as answers are hidden; ``action`` and ``wait_action`` return them to
        who asked, and those that a run asked for are forgotten once its job has ended.
        """
        page = await self._opened().storage.actions.list(
            scope_id, job_id=job_id, status=status, limit=limit, cursor=cursor
        )
        return Page(items=tuple(map(listed, page.items)), cursor=page.cursor)

    async def action(self, action_id: str, *, scope_id: str = DEFAULT_SCOPE) -> ActionRecord:
        """Return an action. Raises ``NotFound``."""
        return shown(await self._opened().storage.actions.get(scope_id, action_id))

    async def require_action(
        self,
        job_id: str,
        asked: Asked | ActionType | str,
        payload: JsonValue = None,
        *,
        scope_id: str = DEFAULT_SCOPE,
        expires_in: float | None = None,
        on_expiry: Expiry | str = Expiry.DENY,
        default: JsonValue = None,
        approvers: tuple[str, ...] = (),
    ) -> RequiredAction:
        """Ask a person in the name of a job; it is durable when this returns.

        What is asked is a value such as ``steer.actions.Confirm(message=...)``, or a type of action
        with its payload. The job does not wait for the answer: ``wait_action`` does. ``expires_in``
        is in seconds, the job's own ``ApprovalSpec`` where it is ``None``. Raises ``NotFound``,
        ``Conflict`` where another process runs the job, ``InvalidTransition`` where it has ended,
        and ``InvalidQuestion``.
        """
        action, token = await self._opened().require_action(
            scope_id,
            job_id,
            asked,
            payload,
            expires_in=expires_in,
            on_expiry=Expiry(on_expiry),
            default=default,
            approvers=approvers,
        )
        return RequiredAction(action=shown(action), token=token)

    async def wait_action(
        self, action_id: str, *, scope_id: str = DEFAULT_SCOPE, seconds: float | None = None
    ) -> ActionRecord:
        """Return the action once it was answered, withdrawn or expired.

        After ``seconds`` it is returned as it then stands, pending. Raises ``NotFound``.
        """
        engine = self._opened()
        if seconds is not None and not 0 <= seconds < float("inf"):
            raise ConfigError(f"seconds is {seconds}, it must be a finite number of 0 or more")
        until = None if seconds is None else engine.clock.now() + timedelta(seconds=seconds)
        action = await engine.storage.actions.get(scope_id, action_id)
        return shown(await engine.actions.wait(scope_id, action, until=until))

    async def resolve_action(
        self,
        action_id: str,
        resolution: JsonValue,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str = DEFAULT_PRINCIPAL,
        token: str | None = None,
        via: str = "application",
    ) -> ActionRecord:
        """Answer an action as ``principal_id``, or by the token that was given to who asked.

        The first answer holds, whatever process it comes from. Without a token, the policies of
        the job and the action's ``approvers`` say who may answer; ``via`` is recorded as how the
        answer came. Raises ``NotFound`` for an action that this scope does not have,
        ``PolicyDenied``, ``WrongToken``, ``ActionClosed`` where it was answered or withdrawn
        before, ``ActionExpired``, and ``InvalidAnswer`` for what is no answer.
        """
        if token is None:
            return shown(
                await self._opened().answering.by_principal(
                    action_id, resolution, scope_id=scope_id, principal_id=principal_id, via=via
                )
            )
        return shown(
            await self._opened().answering.by_token(
                token,
                resolution,
                scope_id=scope_id,
                principal_id=principal_id,
                action_id=action_id,
            )
        )

    async def resolve_token(
        self,
        token: str,
        resolution: JsonValue,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str | None = None,
    ) -> ActionRecord:
        """Answer the action that a token is of; ``principal_id`` is recorded as who did, if known.

        Raises what ``resolve_action`` raises, but ``PolicyDenied``: the token is the permission.
        """
        return shown(
            await self._opened().answering.by_token(
                token, resolution, scope_id=scope_id, principal_id=principal_id
            )
        )

    async def cancel_action(
        self,
        action_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str = DEFAULT_PRINCIPAL,
        reason: str = "",
        via: str = "application",
    ) -> ActionRecord:
        """Withdraw a question, as somebody who may answer it; a call it is about is denied.

        Raises what ``resolve_action`` raises.
        """
        return shown(
            await self._opened().answering.withdraw(
                action_id, scope_id=scope_id, principal_id=principal_id, via=via, reason=reason
            )
        )
