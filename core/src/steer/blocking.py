"""The kernel for programs without an event loop."""

from __future__ import annotations

import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Sequence,
)
from contextlib import ExitStack, suppress
from functools import partial, wraps
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from steer._engine.sinks import SinkReport
from steer.context import DEFAULT_SCOPE
from steer.events import Event
from steer.fold import Position
from steer.handle import ExecutionHandle
from steer.kernel import RuntimeKernel
from steer.ports.records import JobRecord
from steer.request import ExecutionRequest
from steer.values import JsonValue, RunResult
from steer.working import WorkNote

__all__ = ["BlockingHandle", "BlockingKernel", "run_sync"]

P = ParamSpec("P")
T = TypeVar("T")
AsyncT_co = TypeVar("AsyncT_co", covariant=True)


class _Blocking(Generic[AsyncT_co]):
    """Something asynchronous, and the event loop in another thread that it lives in."""

    _portal: BlockingPortal
    _inner: AsyncT_co

    def _each(self, items: AsyncIterator[T]) -> Generator[T, None, None]:
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
            if isinstance(items, AsyncGenerator):
                with suppress(RuntimeError):
                    self._portal.call(items.aclose)


def _blocking(
    method: Callable[Concatenate[AsyncT_co, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[_Blocking[AsyncT_co], P], T]:
    """Return a method that does the same, and blocks until it is done."""

    @wraps(method)
    def call(self: _Blocking[AsyncT_co], /, *args: P.args, **kwargs: P.kwargs) -> T:
        done: T = self._portal.call(partial(method, self._inner, *args, **kwargs))
        return done

    return call


def _holding(
    method: Callable[Concatenate[AsyncT_co, P], Coroutine[Any, Any, ExecutionHandle]],
) -> Callable[Concatenate[_Blocking[AsyncT_co], P], BlockingHandle]:
    """Return a method that does the same, and returns a handle whose methods block."""

    @wraps(method)
    def call(self: _Blocking[AsyncT_co], /, *args: P.args, **kwargs: P.kwargs) -> BlockingHandle:
        handle = self._portal.call(partial(method, self._inner, *args, **kwargs))
        return BlockingHandle(self._portal, handle)

    signature = inspect.signature(method).replace(return_annotation="BlockingHandle")
    call.__signature__ = signature  # type: ignore[attr-defined] # read by inspect, see PEP 362
    return call


class BlockingHandle(_Blocking[ExecutionHandle]):
    """An ``ExecutionHandle`` whose methods block."""

    def __init__(self, portal: BlockingPortal, handle: ExecutionHandle) -> None:
        self._portal = portal
        self._inner = handle
        self.job_id = handle.job_id
        self.scope_id = handle.scope_id

    result = _blocking(ExecutionHandle.result)
    job = _blocking(ExecutionHandle.job)
    cancel = _blocking(ExecutionHandle.cancel)
    park = _blocking(ExecutionHandle.park)
    pending_actions = _blocking(ExecutionHandle.pending_actions)
    resolve = _blocking(ExecutionHandle.resolve)

    def events(
        self, *, after: Position | None = None, live: bool = True
    ) -> Generator[Event, None, None]:
        """Yield the job's events up to the terminal one. Closing the iterator ends the reading."""
        yield from self._each(self._inner.events(after=after, live=live))

    def partial_outputs(self) -> Generator[JsonValue, None, None]:
        """Yield the structured output as it grows: see ``ExecutionHandle.partial_outputs``."""
        yield from self._each(self._inner.partial_outputs())


class BlockingKernel(_Blocking[RuntimeKernel]):
    """A ``RuntimeKernel`` in an event loop of its own, in a thread of its own.

    ``make`` builds the kernel; it is called once, in this thread.
    """

    def __init__(self, make: Callable[[], RuntimeKernel] = RuntimeKernel) -> None:
        self._inner = make()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start the event loop and open the kernel."""
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(self._portal.wrap_async_context_manager(self._inner))
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

    execute = _holding(RuntimeKernel.execute)
    submit = _holding(RuntimeKernel.submit)
    attach = _holding(RuntimeKernel.attach)
    resume = _holding(RuntimeKernel.resume)
    retry = _holding(RuntimeKernel.retry)
    cancel = _blocking(RuntimeKernel.cancel)
    jobs = _blocking(RuntimeKernel.jobs)

    actions = _blocking(RuntimeKernel.actions)
    action = _blocking(RuntimeKernel.action)
    require_action = _blocking(RuntimeKernel.require_action)
    wait_action = _blocking(RuntimeKernel.wait_action)
    resolve_action = _blocking(RuntimeKernel.resolve_action)
    resolve_token = _blocking(RuntimeKernel.resolve_token)
    cancel_action = _blocking(RuntimeKernel.cancel_action)

    put_artifact = _blocking(RuntimeKernel.put_artifact)
    artifact = _blocking(RuntimeKernel.artifact)
    artifacts = _blocking(RuntimeKernel.artifacts)
    read_artifact = _blocking(RuntimeKernel.read_artifact)
    delete_artifact = _blocking(RuntimeKernel.delete_artifact)

    add_agent = _blocking(RuntimeKernel.add_agent)
    set_agent_runtime = _blocking(RuntimeKernel.set_agent_runtime)
    remove_agent = _blocking(RuntimeKernel.remove_agent)
    agent = _blocking(RuntimeKernel.agent)
    agents = _blocking(RuntimeKernel.agents)
    agent_versions = _blocking(RuntimeKernel.agent_versions)

    sessions = _blocking(RuntimeKernel.sessions)
    session = _blocking(RuntimeKernel.session)
    fork_session = _blocking(RuntimeKernel.fork_session)
    delete_session = _blocking(RuntimeKernel.delete_session)

    set_budget = _blocking(RuntimeKernel.set_budget)
    raise_budget = _blocking(RuntimeKernel.raise_budget)
    remove_budget = _blocking(RuntimeKernel.remove_budget)
    budget = _blocking(RuntimeKernel.budget)
    budgets = _blocking(RuntimeKernel.budgets)
    account = _blocking(RuntimeKernel.account)
    accounts = _blocking(RuntimeKernel.accounts)
    reserved = _blocking(RuntimeKernel.reserved)
    usage = _blocking(RuntimeKernel.usage)
    ledger = _blocking(RuntimeKernel.ledger)

    def stream_artifact(
        self,
        artifact_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str | None = None,
    ) -> Generator[bytes, None, None]:
        """Yield a file's content in pieces: see ``RuntimeKernel.stream_artifact``."""
        content = self._inner.stream_artifact(
            artifact_id, scope_id=scope_id, principal_id=principal_id
        )
        yield from self._each(content)

    def orphaned(self, job: JobRecord) -> bool:
        """Whether nobody runs a job that has not ended: see ``RuntimeKernel.orphaned``."""
        return self._portal.call(self._inner.orphaned, job)

    def sink_reports(self) -> tuple[SinkReport, ...]:
        """How each sink fares: see ``RuntimeKernel.sink_reports``."""
        return self._portal.call(self._inner.sink_reports)

    def work(
        self,
        *,
        queue: str | Sequence[str] = "default",
        concurrency: int = 4,
        scopes: Collection[str] | None = None,
        drain: float = 0.0,
        until_idle: bool = False,
        tell: Callable[[WorkNote], object] | None = None,
    ) -> None:
        """Run the jobs that wait in queues: see ``RuntimeKernel.work``.

        Without ``until_idle`` it ends when the kernel closes, in another thread or because this one
        was interrupted. ``tell`` is called in the kernel's thread.
        """
        self._portal.call(
            partial(
                self._inner.work,
                queue=queue,
                concurrency=concurrency,
                scopes=scopes,
                drain=drain,
                until_idle=until_idle,
                tell=tell,
            )
        )


def run_sync(
    request: ExecutionRequest, *, make: Callable[[], RuntimeKernel] = RuntimeKernel
) -> RunResult:
    """Run one request to its end in a kernel of its own, and return the result."""
    with BlockingKernel(make) as kernel:
        return kernel.execute(request).result()
