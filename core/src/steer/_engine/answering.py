"""Who may answer or withdraw a question, and with what; then it is done."""

from __future__ import annotations

from collections.abc import Callable

from steer._engine.actions import Actions
from steer._engine.budget_questions import about_a_budget
from steer._engine.raising import Raising
from steer._engine.tokens import action_of, fits
from steer.actions import check_resolution, check_upload
from steer.context import ExecutionContext
from steer.errors import ConfigError, PolicyDenied, WrongToken
from steer.policies import PolicyStack
from steer.ports.artifact import ArtifactStore
from steer.ports.changes import ActionMoved
from steer.ports.policy import ActionQuestion, Outcome
from steer.ports.records import ActionRecord, JobRecord
from steer.ports.storage import Storage
from steer.values import ActionStatus, ActionType, JsonValue

__all__ = ["TOKEN", "Answering"]

TOKEN = "token"  # noqa: S105 - how an answer came, and no secret
"""How an answer came that was given by token."""

_NOBODY = "the holder of its token"


class Answering:
    """Takes answers by token, or from principals whom the policies of the job allow to answer."""

    def __init__(
        self,
        *,
        storage: Storage,
        actions: Actions,
        policies_of: Callable[[JobRecord], PolicyStack],
        artifacts: ArtifactStore,
        raising: Raising,
    ) -> None:
        self._storage = storage
        self._raising = raising
        self._actions = actions
        self._policies_of = policies_of
        self._artifacts = artifacts

    async def by_token(
        self,
        token: str,
        resolution: JsonValue,
        *,
        scope_id: str,
        principal_id: str | None,
        action_id: str | None = None,
    ) -> ActionRecord:
        """Answer the action that the token is of: see ``RuntimeKernel.resolve_token``.

        With ``action_id`` it has to be the token of that one.
        """
        action = await self._storage.actions.get(scope_id, action_id or action_of(token))
        if not fits(token, action.token_hash):
            raise WrongToken(f"this is not the token that answers action {action.action_id}")
        return await self._answer(
            action, resolution, scope_id=scope_id, by=principal_id or _NOBODY, via=TOKEN
        )

    async def by_principal(
        self, action_id: str, resolution: JsonValue, *, scope_id: str, principal_id: str, via: str
    ) -> ActionRecord:
        """Answer an action as somebody: see ``RuntimeKernel.resolve_action``."""
        action = await self._storage.actions.get(scope_id, action_id)
        await self._check_allowed(action, scope_id, principal_id)
        return await self._answer(
            action, resolution, scope_id=scope_id, by=principal_id, via=_way(via)
        )

    async def withdraw(
        self, action_id: str, *, scope_id: str, principal_id: str, via: str, reason: str
    ) -> ActionRecord:
        """Take a question back: see ``RuntimeKernel.cancel_action``."""
        action = await self._storage.actions.get(scope_id, action_id)
        await self._check_allowed(action, scope_id, principal_id)
        moved = ActionMoved(
            action_id=action_id, status=ActionStatus.CANCELLED, by=principal_id, via=_way(via)
        )
        return await self._actions.move(scope_id, action, moved, reason=reason)

    async def _answer(
        self, action: ActionRecord, resolution: JsonValue, *, scope_id: str, by: str, via: str
    ) -> ActionRecord:
        await check_upload(action, resolution, scope_id=scope_id, artifacts=self._artifacts)
        moved = ActionMoved(
            action_id=action.action_id,
            status=ActionStatus.RESOLVED,
            resolution=check_resolution(action.type, action.payload, resolution),
            by=by,
            via=via,
        )
        also = None
        if about_a_budget(action):
            also = self._raising.by_answer(scope_id, action, moved.resolution, by=by)
        return await self._actions.move(scope_id, action, moved, also=also)

    async def _check_allowed(self, action: ActionRecord, scope_id: str, principal_id: str) -> None:
        job = await self._storage.jobs.get(scope_id, action.job_id)
        payload = action.payload if action.type is ActionType.APPROVAL else {}
        verdict = await self._policies_of(job).decide(
            ActionQuestion(
                context=ExecutionContext(
                    scope_id=scope_id,
                    principal_id=principal_id,
                    session_id=job.session_id,
                    job_id=job.job_id,
                ),
                action_type=action.type,
                tool=payload.get("tool"),
                agent=payload.get("agent") or job.agent,
                asked_by=action.asked_by,
                approvers=action.approvers,
            )
        )
        if verdict.outcome is not Outcome.ALLOW:
            rule = f" by rule {verdict.rule!r}" if verdict.rule else ""
            policy = f" of {verdict.policy}" if verdict.policy else ""
            raise PolicyDenied(
                f"{principal_id} may not answer action {action.action_id}{rule}{policy}:"
                f" {verdict.reason or 'policy does not allow it'}"
            )


def _way(via: str) -> str:
    if not via or via == TOKEN:
        raise ConfigError(
            f"an answer without a token cannot come via {via!r}",
            fix="Name where it comes from, for example terminal",
        )
    return via
