"""A hold on one job: its events, its result, its cancellation."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from steer._engine.actions import shown
from steer._engine.engine import Engine
from steer._engine.following import follow
from steer._engine.running import RunningJob
from steer.errors import NotFound, Released, StaleFence
from steer.events import Event, FinalResult, ModelToken
from steer.fold import Fold, Position
from steer.ports.records import ActionRecord, JobRecord
from steer.ports.storage import MAX_PAGE
from steer.values import ActionStatus, JsonValue, RunResult

__all__ = ["ExecutionHandle", "RequiredAction"]

_OUTPUT_GROWS = (ModelToken, FinalResult)


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredAction:
    """A question to a person, and the token that answers it.

    Whoever holds the token may answer, once, whatever policy says. It is given only to the process
    that asked, and nothing else keeps it: ``None`` where it was given to another one.
    """

    action: ActionRecord
    token: str | None = field(repr=False)


class ExecutionHandle:
    """A job, wherever it runs. Any number of handles may look at one job.

    Letting go of a handle, or of a stream of events, never cancels the job.
    """

    def __init__(self, engine: Engine, job_id: str, scope_id: str) -> None:
        self._engine = engine
        self._running: RunningJob | None = engine.running(scope_id, job_id)
        self.job_id = job_id
        self.scope_id = scope_id

    def events(
        self, *, after: Position | None = None, live: bool = True
    ) -> AsyncGenerator[Event, None]:
        """Return the job's events from ``after`` on, past ones included, up to the terminal one.

        With ``live`` unset only what is durable comes: no deltas without ``seq``. Any number of
        readers may follow at any time; each gets every event once, in order.
        """
        return follow(self._engine, self.scope_id, self.job_id, after=after, live=live)

    async def partial_outputs(self) -> AsyncGenerator[JsonValue, None]:
        """Yield the structured output as it grows: see ``Fold.partial_output``.

        Each value is yielded once, as soon as it differs from the one before; the last is the
        whole output, checked, where the run succeeds. Text that a retry withdraws shows as a value
        with less in it. Each value is parsed from the message's beginning, so this is for looking
        at an answer while it comes, not for answers of megabytes.
        """
        fold, last = Fold(job_id=self.job_id), None
        async with aclosing(self.events()) as events:
            async for event in events:
                fold.add(event)
                if isinstance(event.data, _OUTPUT_GROWS):
                    output = fold.partial_output()
                    if output is not None and output != last:
                        last = output
                        yield output

    async def result(self) -> RunResult:
        """Wait for the end and return what the job came to, whatever its status.

        Raises ``Released`` where the kernel closed and gave the job back, ``StorageError`` where
        its ending could not be written.
        """
        key = (self.scope_id, self.job_id)
        engine = self._engine
        while True:
            running, self._running = self._running or engine.running(*key), None
            if running is not None:
                try:
                    return await running.wait()
                except StaleFence:
                    # Another process has taken the job over; its ending is the one that counts.
                    break
                except Released:
                    if running.later is None:
                        raise
            if (news := engine.waiting.news_of(key)) is None:
                if engine.running(*key) is None:
                    break
            else:
                await engine.waiting.changed(key, news)
        async for _ in follow(self._engine, self.scope_id, self.job_id, live=False):
            pass
        result = (await self.job()).result
        if result is None:
            raise Released(f"job {self.job_id} was given back", fix="Resume it")
        return result

    async def job(self) -> JobRecord:
        """Return the job as it stands in the store. Raises ``NotFound``."""
        return await self._engine.storage.jobs.get(self.scope_id, self.job_id)

    async def cancel(self, *, reason: str = "cancelled", by: str = "caller") -> None:
        """Ask for the job's end; ``result()`` tells when it has ended.

        Raises ``InvalidTransition`` where it has ended already.
        """
        await self._engine.cancel(await self.job(), reason=reason, by=by)

    async def pending_actions(self) -> tuple[RequiredAction, ...]:
        """Return what the job waits for from people, oldest first.

        Each with its token, if this process asked it and this handle was there. Raises
        ``NotFound``.
        """
        await self.job()
        page = await self._engine.storage.actions.list(
            self.scope_id, job_id=self.job_id, status=ActionStatus.PENDING, limit=MAX_PAGE
        )
        return tuple(
            RequiredAction(action=shown(action), token=self._token(action.action_id))
            for action in page.items
        )

    async def resolve(
        self, action_id: str, resolution: JsonValue, *, principal_id: str | None = None
    ) -> ActionRecord:
        """Answer one of the job's actions, by its token where this process asked it.

        Otherwise as ``principal_id``, the one that the job runs for unless given, whom policy has
        to allow to answer. Raises what ``RuntimeKernel.resolve_action`` raises.
        """
        job = await self.job()
        action = await self._engine.storage.actions.get(self.scope_id, action_id)
        if action.job_id != self.job_id:
            raise NotFound(f"job {self.job_id} has no action {action_id}")
        answering, token = self._engine.answering, self._token(action_id)
        if token is not None:
            return shown(
                await answering.by_token(
                    token, resolution, scope_id=self.scope_id, principal_id=principal_id
                )
            )
        return shown(
            await answering.by_principal(
                action_id,
                resolution,
                scope_id=self.scope_id,
                principal_id=principal_id or job.principal_id,
                via="application",
            )
        )

    def _token(self, action_id: str) -> str | None:
        running = self._engine.running(self.scope_id, self.job_id)
        for each in (self._running, running):
            token = None if each is None else each.state.questions.token(action_id)
            if token is not None:
                return token
        return None
