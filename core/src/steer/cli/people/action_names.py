"""Which action a user means: by its id, by a part of it, or by the one job that waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from steer.cli.job_names import LATEST, SHORTEST, WHOLE, all_jobs
from steer.errors import ConfigError, NotFound
from steer.kernel import RuntimeKernel
from steer.ports.records import ActionRecord, JobQuery
from steer.ports.storage import MAX_PAGE
from steer.values import ActionStatus

__all__ = ["all_actions", "find_action"]

_SEE = "See: steer actions list"
_NAMED = 5


async def find_action(
    kernel: RuntimeKernel, name: str, *, scope_id: str, to_answer: bool = False
) -> ActionRecord:
    """Return the action that ``name`` means: an id, its beginning or end, or a job's.

    A job stands for the only question that it waits for; ``latest`` is the newest question, but
    not where it is ``to_answer``. Raises ``NotFound``, and ``ConfigError`` where the name is too
    short or fits several.
    """
    if name == LATEST:
        return await _latest(kernel, scope_id=scope_id, to_answer=to_answer)
    part = name.casefold()
    if len(part) < SHORTEST:
        raise ConfigError(
            f"{name!r} is too short for an action",
            fix=f"Give at least {SHORTEST} characters of its id",
        )
    if len(part) >= WHOLE:
        try:
            return await kernel.action(part, scope_id=scope_id)
        except NotFound:
            return await _of_job(kernel, name, scope_id=scope_id)
    found = [
        action
        async for action in all_actions(kernel, scope_id=scope_id)
        if action.action_id.endswith(part) or action.action_id.startswith(part)
    ]
    if not found:
        return await _of_job(kernel, name, scope_id=scope_id)
    return _only(found, f"{name!r} fits")


async def _latest(kernel: RuntimeKernel, *, scope_id: str, to_answer: bool) -> ActionRecord:
    if to_answer:
        raise ConfigError(
            f"{LATEST} may be a question that you have not seen",
            fix=f"Give the id of the one that you answer. {_SEE}",
        )
    newest = None
    async for action in all_actions(kernel, scope_id=scope_id):
        newest = action
    if newest is None:
        raise NotFound("nobody was asked anything yet")
    return newest


async def _of_job(kernel: RuntimeKernel, name: str, *, scope_id: str) -> ActionRecord:
    """Return the only question that the job of this name waits for."""
    part = name.casefold()
    waiting: list[ActionRecord] = []
    fits = False
    async for job in all_jobs(kernel, JobQuery(), scope_id=scope_id):
        if job.job_id.endswith(part) or job.job_id.startswith(part):
            fits = True
            waiting += [
                action
                async for action in all_actions(
                    kernel, scope_id=scope_id, job_id=job.job_id, status=ActionStatus.PENDING
                )
            ]
    if not waiting:
        what = f"the job {name!r} waits for no answer" if fits else f"there is no action {name!r}"
        raise NotFound(f"{what} in scope {scope_id}", fix=_SEE)
    return _only(waiting, f"the job {name!r} waits for")


def _only(found: list[ActionRecord], what: str) -> ActionRecord:
    if len(found) == 1:
        return found[0]
    ids = ", ".join(action.action_id for action in found[:_NAMED])
    more = ", ..." if len(found) > _NAMED else ""
    raise ConfigError(f"{what} {len(found)} actions: {ids}{more}", fix="Give the id of one")


async def all_actions(
    kernel: RuntimeKernel,
    *,
    scope_id: str,
    job_id: str | None = None,
    status: ActionStatus | None = None,
    cursor: str | None = None,
) -> AsyncIterator[ActionRecord]:
    """Yield every action that fits, oldest first."""
    while True:
        page = await kernel.actions(
            scope_id=scope_id, job_id=job_id, status=status, limit=MAX_PAGE, cursor=cursor
        )
        for action in page.items:
            yield action
        if (cursor := page.cursor) is None:
            return
