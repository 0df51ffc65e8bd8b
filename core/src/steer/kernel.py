"""RuntimeKernel: the door through which an application runs agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import anyio

from steer._engine.admission import (
    check_startable,
    check_storable,
    job_record,
    new_context,
    under_parent,
    with_version,
)
from steer._engine.engine import Engine
from steer._engine.leases import place_of
from steer._engine.price_loading import PriceLoading
from steer._engine.rebuilding import context_of, interrupted
from steer._engine.selecting import Policies
from steer._engine.sinks import SinkPump, SinkReport
from steer._engine.state import Stop
from steer._engine.turns import admit_in_turn, check_session_of_child
from steer._engine.workshop import Order, Workshop
from steer.clock import Clock, SystemClock
from steer.context import DEFAULT_SCOPE, ChildSpec
from steer.errors import (
    ConfigError,
    Conflict,
    IdempotencyConflict,
    Interrupted,
    InvalidTransition,
)
from steer.handle import ExecutionHandle
from steer.kernel_actions import KernelActions
from steer.kernel_agents import KernelAgents
from steer.kernel_artifacts import KernelArtifacts
from steer.kernel_money import KernelMoney
from steer.kernel_sessions import KernelSessions
from steer.kernel_work import KernelWork
from steer.plugins import PluginRegistry
from steer.ports.artifact import MAX_ARTIFACT_BYTES, ArtifactStore
from steer.ports.compaction import Compaction
from steer.ports.executor import Executor
from steer.ports.policy import AsyncPolicy, Policy
from steer.ports.records import JobQuery, JobRecord, Page
from steer.ports.signals import SignalChannel
from steer.ports.sink import EventSink
from steer.ports.storage import Storage
from steer.pricing import Prices
from steer.redaction import Redaction
from steer.request import ExecutionRequest
from steer.storage import StoredArtifacts
from steer.values import JobStatus, JsonValue

__all__ = ["RuntimeKernel"]


class RuntimeKernel(
    KernelActions, KernelAgents, KernelArtifacts, KernelMoney, KernelSessions, KernelWork
):
    """Runs agents under policy, budgets and a durable journal.

    ::

        async with RuntimeKernel(storage="sqlite:///runs.db") as kernel:
            handle = await kernel.execute(ExecutionRequest(agent="support.py", prompt="Hello"))
            async for event in handle.events():
                ...
            result = await handle.result()

    ``storage`` is a URL or an open storage; one opened here is closed here. ``registry`` holds the
    plugins, those that are installed unless given. ``policies`` are names, files that end in
    ``.toml`` or objects, and ``async_policies`` objects that are awaited; none at all means
    ``author-declared``. A request may select others by name and version: from these, from
    ``selectable_policies``, which hold for nobody else and may be several versions of one policy,
    and from the plugins. ``policy_config`` has the configuration of policies by name.
    ``default_runtime`` runs agents that name none; ``runtime_config`` has the configuration of
    runtimes by name. ``redaction`` is kept out of the events, results and logs of every job, beside
    what its policies keep out. ``children`` bounds how jobs may start jobs. ``sinks`` receive
    committed events without their content, ``content_sinks`` with it. ``artifacts`` is a URL or an
    open store for files of jobs; without one they are kept in the storage, and
    ``max_artifact_bytes`` is the largest that each may be, 32 MiB unless given. ``prices`` is the
    price list, without which no cost is known. ``compaction`` makes the history shorter that a
    session's next run is shown, ``steer.sessions.KeepLast`` for example.

    A kernel belongs to the event loop it is opened in; any task may open it and any other close
    it. It installs no signal handlers, no log handlers and no event-loop policy.
    """

    def __init__(
        self,
        *,
        storage: str | Storage = "memory://",
        registry: PluginRegistry | None = None,
        policies: Sequence[str | Policy] = (),
        async_policies: Sequence[AsyncPolicy] = (),
        selectable_policies: Sequence[str | Policy] = (),
        policy_config: Mapping[str, Mapping[str, JsonValue]] | None = None,
        default_runtime: str | None = None,
        runtime_config: Mapping[str, Mapping[str, JsonValue]] | None = None,
        redaction: Redaction | None = None,
        sinks: Mapping[str, EventSink] | None = None,
        content_sinks: Mapping[str, EventSink] | None = None,
        signals: SignalChannel | None = None,
        executor: Executor | None = None,
        artifacts: str | ArtifactStore | None = None,
        max_artifact_bytes: int | None = None,
        children: ChildSpec | None = None,
        prices: Prices | None = None,
        compaction: Compaction | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.registry = registry if registry is not None else PluginRegistry.discover()
        self._clock = clock or SystemClock()
        self._workshop = Workshop(
            registry=self.registry,
            policies=Policies(
                self.registry,
                policies,
                async_policies=async_policies,
                selectable=selectable_policies,
                config=policy_config,
            ),
            default_runtime=default_runtime,
            runtime_config=runtime_config or {},
            redaction=redaction,
            read_stored=self._read_stored,
        )
        self._children = children or ChildSpec()
        self._prices = prices
        self._compaction = compaction
        self._storage_choice = storage
        self._signals = signals
        self._executor = executor
        if artifacts is not None and max_artifact_bytes is not None:
            raise ConfigError(
                "max_artifact_bytes bounds files in the storage; artifacts keeps them elsewhere",
                fix="Bound the size in that store, or leave one of the two out",
            )
        self._artifacts_choice = artifacts
        self._artifacts: ArtifactStore | None = None
        self._max_artifact_bytes = (
            MAX_ARTIFACT_BYTES if max_artifact_bytes is None else max_artifact_bytes
        )
        self._pumps = [
            SinkPump(name, sink, contents=contents)
            for contents, chosen in ((False, sinks), (True, content_sinks))
            for name, sink in (chosen or {}).items()
        ]
        self._storage: Storage | None = None
        self._engine: Engine | None = None

    async def __aenter__(self) -> Self:
        """Open the kernel."""
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the kernel, giving back what still runs."""
        await self.aclose()

    async def open(self) -> None:
        """Open the storage and start what runs in the background.

        Raises ``StorageError``, and ``ConfigError`` for a pattern of redaction that cannot load.
        """
        if self._engine is not None:
            raise ConfigError("this kernel is open already")
        await self._workshop.open()
        choice = self._storage_choice
        self._storage = (
            self.registry.open_storage(choice, self._clock) if isinstance(choice, str) else choice
        )
        chosen = self._artifacts_choice
        self._artifacts = (
            self.registry.open_artifacts(chosen, self._clock) if isinstance(chosen, str) else chosen
        )
        engine = Engine(
            storage=self._storage,
            signals=self._signals or self._storage.signals,
            clock=self._clock,
            artifacts=self._artifacts
            or StoredArtifacts(self._storage, self._clock, max_bytes=self._max_artifact_bytes),
            sinks=self._pumps,
            executor=self._executor,
            pricing=PriceLoading(self._prices),
            compaction=self._compaction,
            policies_of=self._workshop.policies_of,
            redactor_of=self._workshop.redactor_of,
        )
        await engine.open()
        self._engine = engine
        self._workshop.logs.open()

    async def aclose(self, *, drain: float = 0.0) -> None:
        """Close: wait up to ``drain`` seconds for running jobs, then give the others back.

        A job that is given back is queued again, for any kernel to resume; one whose agent is
        a live object, or that has a ``user_context``, is cancelled. Cancelling the call ends the
        wait; what runs is given back all the same.
        """
        engine, self._engine = self._engine, None
        if engine is None or self._storage is None:
            return
        try:
            await engine.drain(drain)
        finally:
            # Whoever is cancelled as it closes is not to leave jobs behind that nobody runs.
            with anyio.CancelScope(shield=True):
                await engine.close()
                await self._workshop.aclose()
                if isinstance(self._artifacts_choice, str) and self._artifacts is not None:
                    await self._artifacts.aclose()
                self._workshop.logs.close()
                if isinstance(self._storage_choice, str):
                    await self._storage.aclose()

    @property
    def storage(self) -> Storage:
        """The open storage. Raises ``ConfigError`` where the kernel is not open."""
        return self._opened().storage

    async def execute(self, request: ExecutionRequest) -> ExecutionHandle:
        """Admit a job and start it; it is durable when this returns.

        A repeated idempotency key returns the job that has it, and goes on with it where its
        process is gone. Raises ``IdempotencyConflict`` where the key was used for another
        request, ``PolicyDenied`` where policy forbids the run, and ``AgentError``,
        ``ConfigError`` or ``PluginError`` where it cannot be run at all. A request with a parent is
        refused with ``NotFound`` where the scope has no such job, ``InvalidTransition`` where that
        has ended, ``BudgetExceeded`` where it is too deep, has children enough or nothing left.
        ``SessionBusy`` says which job goes on with the request's session, and ``Released`` that the
        kernel closed meanwhile. Cancelled as the job is made, it gives the job back as ``aclose``
        does.
        """
        return await self._admit(request, here=True)

    async def submit(self, request: ExecutionRequest) -> ExecutionHandle:
        """Queue a job for the workers of ``request.queue``; it is durable when this returns.

        The request is looked at as ``execute`` does, and refused as there. ``AgentError`` says that
        the agent is a live object, and ``ConfigError`` that something of the request could not be
        kept with the job: a secret, or a ``user_context``.
        """
        return await self._admit(request, here=False)

    async def attach(self, job_id: str, *, scope_id: str = DEFAULT_SCOPE) -> ExecutionHandle:
        """Return a hold on a job, wherever it runs or ran. Raises ``NotFound``."""
        engine = self._opened()
        job = await engine.storage.jobs.get(scope_id, job_id)
        return ExecutionHandle(engine, job.job_id, scope_id)

    async def resume(self, job_id: str, *, scope_id: str = DEFAULT_SCOPE) -> ExecutionHandle:
        """Go on with a job whose process is gone, from its records.

        A job that has ended is returned as it is. One that cannot be built again ends as
        ``interrupted``. Raises ``Conflict`` where another process runs it, ``Diverged`` where
        its agent's file has changed, ``NotFound`` where there is none, ``Released`` where the
        kernel closed meanwhile. Cancelled, it leaves the job as it was.
        """
        engine = self._opened()
        job = await engine.storage.jobs.get(scope_id, job_id)
        if engine.running(scope_id, job_id) is None and not job.status.terminal:
            if not engine.orphaned(job) and job.owner != engine.owner:
                raise Conflict(
                    f"job {job_id} is run by {place_of(job.owner)}",
                    fix="Cancel it, or wait for its end",
                )
            try:
                order = await self._workshop.order_again(job, context_of(job))
            except Interrupted as error:
                await engine.claim(job, Stop(status=JobStatus.FAILED, error=error))
            else:
                try:
                    await engine.take(job, order.work)
                except (Conflict, InvalidTransition):
                    # This kernel may have gone on with it by itself meanwhile, to its end even.
                    now = await engine.storage.jobs.get(scope_id, job_id)
                    if not now.status.terminal and now.owner != engine.owner:
                        raise
        return ExecutionHandle(engine, job_id, scope_id)

    async def cancel(
        self,
        job_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        reason: str = "cancelled",
        by: str = "caller",
    ) -> None:
        """Ask for a job's end, in whichever process it runs.

        Raises ``NotFound``, and ``InvalidTransition`` where it has ended already.
        """
        engine = self._opened()
        job = await engine.storage.jobs.get(scope_id, job_id)
        await engine.cancel(job, reason=reason, by=by)

    async def jobs(
        self,
        query: JobQuery | None = None,
        *,
        scope_id: str = DEFAULT_SCOPE,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[JobRecord]:
        """Return jobs, newest first; ``Page.cursor`` asks for the next part."""
        return await self.storage.jobs.list(
            scope_id, query or JobQuery(), limit=limit, cursor=cursor
        )

    def orphaned(self, job: JobRecord) -> bool:
        """Whether a job has not ended and nobody runs it, so that it can be resumed."""
        return self._opened().orphaned(job)

    def sink_reports(self) -> tuple[SinkReport, ...]:
        """How each sink fares: delivered, dropped and failed events."""
        return tuple(pump.report() for pump in self._pumps)

    def _opened(self) -> Engine:
        if self._engine is None:
            raise ConfigError(
                "this kernel is not open", fix="Use it inside `async with`, or await open()"
            )
        return self._engine

    async def _admit(self, request: ExecutionRequest, *, here: bool) -> ExecutionHandle:
        engine = self._opened()
        if request.budgets.max_cost is not None and self._prices is None:
            raise ConfigError(
                "max_cost cannot be enforced: this kernel has no price list",
                fix="Open it with prices=PriceList(), or bound the run with max_tokens instead",
            )
        request = await with_version(request, engine.storage)
        context = new_context(request)
        if here:
            # Beside the import of the vendor's SDK.
            engine.pricing.begin()
        order = await self._workshop.order(request, context)
        (check_startable if here else check_storable)(request, order)
        if request.idempotency_key is not None:
            earlier = await engine.storage.jobs.find(request.scope_id, request.idempotency_key)
            if earlier is not None:
                return await self._repeat(earlier, order, request, here=here)
        parent, order = await under_parent(engine, request, order, self._children)
        if request.session_id is not None:
            await check_session_of_child(engine, parent, request.session_id)

        def job_now() -> JobRecord:
            owner = engine.owner if here else None
            return job_record(
                request, order, context, owner=owner, parent=parent, clock=self._clock
            )

        most = None if parent is None else self._children.max_children
        try:
            if here:
                await admit_in_turn(engine, request, order.work, job_now, max_children=most)
            else:
                await engine.queue(job_now(), max_children=most)
        except IdempotencyConflict as conflict:
            # Somebody else used the key since it was looked up.
            earlier = await engine.storage.jobs.get(request.scope_id, conflict.job_id)
            return await self._repeat(earlier, order, request, here=here)
        return ExecutionHandle(engine, context.job_id, request.scope_id)

    async def _repeat(
        self, job: JobRecord, order: Order, request: ExecutionRequest, *, here: bool
    ) -> ExecutionHandle:
        engine = self._opened()
        if job.request_digest != order.digest():
            raise IdempotencyConflict(
                f"the idempotency key {request.idempotency_key!r} was used for another request",
                job_id=job.job_id,
                fix="Use a new key, or ask for the same again",
            )
        parked = job.status is JobStatus.WAITING_ACTION and engine.orphaned(job)
        # A parked job is taken up, to wait here for its answer.
        if here and (parked or engine.startable(job)):
            # A worker may be quicker.
            with suppress(Conflict, InvalidTransition):
                await engine.take(job, interrupted(job) if job.agent_ref is None else order.work)
        return ExecutionHandle(engine, job.job_id, job.scope_id)
