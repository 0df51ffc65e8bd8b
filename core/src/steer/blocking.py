"""The kernel for programs without an event loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack, suppress
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from steer.blocking_money import BlockingMoney
from steer.context import DEFAULT_PRINCIPAL, DEFAULT_SCOPE
from steer.events import Event
from steer.fold import Position
from steer.handle import ExecutionHandle, RequiredAction
from steer.kernel import RuntimeKernel
from steer.ports.artifact import Content
from steer.ports.gate import Asked
from steer.ports.records import ActionRecord, ArtifactRecord, JobQuery, JobRecord, Page
from steer.request import ExecutionRequest
from steer.values import ActionStatus, ActionType, Expiry, JsonValue, RunResult

__all__ = ["BlockingHandle", "BlockingKernel", "run_sync"]

T = TypeVar("T")


class BlockingHandle:
    """An ``ExecutionHandle`` whose methods block."""

    def __init__(self, portal: BlockingPortal, handle: ExecutionHandle) -> None:
        self._portal = portal
        self._handle = handle
        self.job_id = handle.job_id
        self.scope_id = handle.scope_id

    def events(
        self, *, after: Position | None = None, live: bool = True
    ) -> Generator[Event, None, None]:
        """Yield the job's events up to the terminal one. Closing the iterator ends the reading."""
        yield from self._each(self._handle.events(after=after, live=live))

    def partial_outputs(self) -> Generator[JsonValue, None, None]:
        """Yield the structured output as it grows: see ``ExecutionHandle.partial_outputs``."""
        yield from self._each(self._handle.partial_outputs())

    def _each(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        try:
            while True:
                try:
                    item = self._portal.call(anext, items)
                except StopAsyncIteration:
                    return
                yield item
        finally:
            # Who leaves early does so in the middle of a subscription. RuntimeError: the event loop
            # is gone, which closed it, or the wait for the next item was interrupted and goes on.
            with suppress(RuntimeError):
                self._portal.call(items.aclose)

    def result(self) -> RunResult:
        """Wait for the end and return what the job came to."""
        return self._portal.call(self._handle.result)

    def cancel(self, *, reason: str = "cancelled", by: str = "caller") -> None:
        """Ask for the job's end."""
        self._portal.call(partial(self._handle.cancel, reason=reason, by=by))

    def pending_actions(self) -> tuple[RequiredAction, ...]:
        """Return what the job waits for: see ``ExecutionHandle.pending_actions``."""
        return self._portal.call(self._handle.pending_actions)

    def resolve(
        self, action_id: str, resolution: JsonValue, *, principal_id: str | None = None
    ) -> ActionRecord:
        """Answer one of the job's actions: see ``ExecutionHandle.resolve``."""
        return self._portal.call(
            partial(self._handle.resolve, action_id, resolution, principal_id=principal_id)
        )


class BlockingKernel(BlockingMoney):
    """A ``RuntimeKernel`` in an event loop of its own, in a thread of its own.

    ``make`` builds the kernel; it is called once, in this thread.
    """

    def __init__(self, make: Callable[[], RuntimeKernel] = RuntimeKernel) -> None:
        self._kernel = make()
        self._stack = ExitStack()
        self._portal: BlockingPortal

    def __enter__(self) -> Self:
        """Start the event loop and open the kernel."""
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(self._portal.wrap_async_context_manager(self._kernel))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the kernel and its event loop."""
        self._stack.close()

    def execute(self, request: ExecutionRequest) -> BlockingHandle:
        """Admit a job and start it: see ``RuntimeKernel.execute``."""
        return BlockingHandle(self._portal, self._portal.call(self._kernel.execute, request))

    def attach(self, job_id: str, *, scope_id: str = DEFAULT_SCOPE) -> BlockingHandle:
        """Return a hold on a job: see ``RuntimeKernel.attach``."""
        handle = self._portal.call(partial(self._kernel.attach, job_id, scope_id=scope_id))
        return BlockingHandle(self._portal, handle)

    def resume(self, job_id: str, *, scope_id: str = DEFAULT_SCOPE) -> BlockingHandle:
        """Go on with a job: see ``RuntimeKernel.resume``."""
        handle = self._portal.call(partial(self._kernel.resume, job_id, scope_id=scope_id))
        return BlockingHandle(self._portal, handle)

    def jobs(
        self,
        query: JobQuery | None = None,
        *,
        scope_id: str = DEFAULT_SCOPE,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[JobRecord]:
        """Return jobs, newest first: see ``RuntimeKernel.jobs``."""
        return self._portal.call(
            partial(self._kernel.jobs, query, scope_id=scope_id, limit=limit, cursor=cursor)
        )

    def actions(
        self,
        *,
        scope_id: str = DEFAULT_SCOPE,
        job_id: str | None = None,
        status: ActionStatus | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ActionRecord]:
        """Return actions, oldest first: see ``RuntimeKernel.actions``."""
        return self._portal.call(
            partial(
                self._kernel.actions,
                scope_id=scope_id,
                job_id=job_id,
                status=status,
                limit=limit,
                cursor=cursor,
            )
        )

    def action(self, action_id: str, *, scope_id: str = DEFAULT_SCOPE) -> ActionRecord:
        """Return an action: see ``RuntimeKernel.action``."""
        return self._portal.call(partial(self._kernel.action, action_id, scope_id=scope_id))

    def require_action(
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
        """Ask a person in the name of a job: see ``RuntimeKernel.require_action``."""
        return self._portal.call(
            partial(
                self._kernel.require_action,
                job_id,
                asked,
                payload,
                scope_id=scope_id,
                expires_in=expires_in,
                on_expiry=on_expiry,
                default=default,
                approvers=approvers,
            )
        )

    def wait_action(
        self, action_id: str, *, scope_id: str = DEFAULT_SCOPE, seconds: float | None = None
    ) -> ActionRecord:
        """Wait for the end of a question: see ``RuntimeKernel.wait_action``."""
        return self._portal.call(
            partial(self._kernel.wait_action, action_id, scope_id=scope_id, seconds=seconds)
        )

    def resolve_action(
        self,
        action_id: str,
        resolution: JsonValue,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str = DEFAULT_PRINCIPAL,
        token: str | None = None,
        via: str = "application",
    ) -> ActionRecord:
        """Answer an action: see ``RuntimeKernel.resolve_action``."""
        return self._portal.call(
            partial(
                self._kernel.resolve_action,
                action_id,
                resolution,
                scope_id=scope_id,
                principal_id=principal_id,
                token=token,
                via=via,
            )
        )

    def resolve_token(
        self,
        token: str,
        resolution: JsonValue,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str | None = None,
    ) -> ActionRecord:
        """Answer by a token: see ``RuntimeKernel.resolve_token``."""
        return self._portal.call(
            partial(
                self._kernel.resolve_token,
                token,
                resolution,
                scope_id=scope_id,
                principal_id=principal_id,
            )
        )

    def cancel_action(
        self,
        action_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str = DEFAULT_PRINCIPAL,
        reason: str = "",
        via: str = "application",
    ) -> ActionRecord:
        """Withdraw a question: see ``RuntimeKernel.cancel_action``."""
        return self._portal.call(
            partial(
                self._kernel.cancel_action,
                action_id,
                scope_id=scope_id,
                principal_id=principal_id,
                reason=reason,
                via=via,
            )
        )

    def put_artifact(
        self,
        job_id: str,
        content: Content,
        *,
        name: str,
        media_type: str = "application/octet-stream",
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str = DEFAULT_PRINCIPAL,
        action_id: str | None = None,
    ) -> ArtifactRecord:
        """Keep a file of a job: see ``RuntimeKernel.put_artifact``."""
        return self._portal.call(
            partial(
                self._kernel.put_artifact,
                job_id,
                content,
                name=name,
                media_type=media_type,
                scope_id=scope_id,
                principal_id=principal_id,
                action_id=action_id,
            )
        )

    def artifact(self, artifact_id: str, *, scope_id: str = DEFAULT_SCOPE) -> ArtifactRecord:
        """Return what is known of a file: see ``RuntimeKernel.artifact``."""
        return self._portal.call(partial(self._kernel.artifact, artifact_id, scope_id=scope_id))

    def artifacts(
        self,
        job_id: str | None = None,
        *,
        scope_id: str = DEFAULT_SCOPE,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ArtifactRecord]:
        """Return files, oldest first: see ``RuntimeKernel.artifacts``."""
        return self._portal.call(
            partial(self._kernel.artifacts, job_id, scope_id=scope_id, limit=limit, cursor=cursor)
        )

    def read_artifact(self, artifact_id: str, *, scope_id: str = DEFAULT_SCOPE) -> bytes:
        """Return a file's content: see ``RuntimeKernel.read_artifact``."""
        return self._portal.call(
            partial(self._kernel.read_artifact, artifact_id, scope_id=scope_id)
        )

    def delete_artifact(self, artifact_id: str, *, scope_id: str = DEFAULT_SCOPE) -> None:
        """Forget a file: see ``RuntimeKernel.delete_artifact``."""
        self._portal.call(partial(self._kernel.delete_artifact, artifact_id, scope_id=scope_id))


def run_sync(
    request: ExecutionRequest, *, make: Callable[[], RuntimeKernel] = RuntimeKernel
) -> RunResult:
    """Run one request to its end in a kernel of its own, and return the result."""
    with BlockingKernel(make) as kernel:
        return kernel.execute(request).result()
