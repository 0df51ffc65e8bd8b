"""From a request that was made ready to the record of its job."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from steer._engine.engine import Engine
from steer._engine.family_accounts import spent_by
from steer._engine.inheritance import Spent, budgets_under, check_parent, deadline_under
from steer._engine.workshop import Order
from steer.agents import StoredRef, ref_from_json
from steer.agents.stored import stored_spec
from steer.clock import Clock
from steer.context import ChildSpec, ExecutionContext
from steer.errors import AgentError, ConfigError
from steer.ids import new_id
from steer.ports.records import JobRecord, Owner
from steer.ports.storage import Storage
from steer.request import ExecutionRequest
from steer.values import JobStatus

__all__ = [
    "check_startable",
    "check_storable",
    "job_record",
    "new_context",
    "under_parent",
    "with_version",
]


async def with_version(request: ExecutionRequest, storage: Storage) -> ExecutionRequest:
    """Return a request that was made before, with the version of its agent that it began with.

    That is where it names a stored agent without a version, by the same idempotency key.
    """
    key = request.idempotency_key
    spec = stored_spec(request.agent) if key and isinstance(request.agent, str) else None
    if key is None or spec is None or spec.version is not None:
        return request
    earlier = await storage.jobs.find(request.scope_id, key)
    if earlier is None or earlier.agent_ref is None:
        return request
    ref = ref_from_json(earlier.agent_ref)
    same = isinstance(ref, StoredRef) and ref.name == spec.name
    return replace(request, agent=ref) if same else request


def new_context(request: ExecutionRequest) -> ExecutionContext:
    """Return for whom a request runs, under the id of a job that is yet to be made."""
    return ExecutionContext(
        scope_id=request.scope_id,
        principal_id=request.principal_id,
        team_id=request.team_id,
        session_id=request.session_id,
        job_id=new_id(),
    )


def check_startable(request: ExecutionRequest, order: Order) -> None:
    """Raise ``ConfigError`` for what has no effect on a job that starts at once, and here."""
    if request.due_at is not None or request.delay is not None:
        raise ConfigError(
            "due_at and delay are for jobs that wait for a worker, and execute() starts it at once",
            fix="Use submit()",
        )
    if order.agent_ref is None and request.job_retries.attempts:
        raise ConfigError(
            f"the job of {order.agent} cannot be tried again later: its agent is an object of this"
            " process, and nobody else could build it",
            fix="Name the agent by its file or module, or leave job_retries out",
        )
    if request.user_context is not None and request.job_retries.attempts:
        raise ConfigError(
            f"the job of {order.agent} cannot be tried again later: its user_context is an object"
            " of this process, and nobody else would have it",
            fix="Leave the user_context or job_retries out",
        )


def check_storable(request: ExecutionRequest, order: Order) -> None:
    """Raise what keeps another process from running the request from its record alone."""
    if order.agent_ref is None:
        raise AgentError(
            f"{order.agent} is an object of this process, and no worker could build it",
            fix="Name the agent by its file or module",
        )
    if request.session_busy is not None:
        raise ConfigError(
            "session_busy is for execute(): a queued job waits its turn in the session",
            fix="Leave it out; max_runtime_seconds bounds the wait and the run together",
        )
    if request.user_context is not None:
        raise ConfigError(
            "a user_context is an object of this process, and no worker would have it",
            fix="Leave it out, or use execute()",
        )
    given, kept = request.options, order.work.request.options
    lost = sorted(given.config.keys() - kept.config.keys())
    if given.api_key is not None:
        lost.insert(0, "api_key")
    if lost:
        raise ConfigError(
            f"{', '.join(lost)} cannot be kept with a job, because it is a secret",
            fix="Give it to the worker, in its environment or its configuration",
        )


async def under_parent(
    engine: Engine, request: ExecutionRequest, order: Order, spec: ChildSpec
) -> tuple[JobRecord | None, Order]:
    """Return the parent, and the order bounded by what that has left.

    Raises ``NotFound`` where the scope has no such job, and what ``check_parent`` and
    ``budgets_under`` say.
    """
    if request.parent_job_id is None:
        return None, order
    parent = await engine.storage.jobs.get(request.scope_id, request.parent_job_id)
    check_parent(parent, spec, now=engine.clock.now())
    budgets = budgets_under(parent, await _spent(engine, parent), request.budgets)
    # The digest stays that of what was asked: asked again, it is the same request.
    stored = replace(order.work.request, budgets=budgets)
    return parent, replace(
        order, work=replace(order.work, request=stored), asked=order.work.request
    )


def job_record(
    request: ExecutionRequest,
    order: Order,
    context: ExecutionContext,
    *,
    owner: Owner | None,
    parent: JobRecord | None,
    clock: Clock,
) -> JobRecord:
    """Return the record of a new job: held by ``owner``, or queued without one."""
    now = clock.now()
    seconds = request.budgets.max_runtime_seconds
    deadline = None if seconds is None else now + timedelta(seconds=seconds)
    depth = 0
    if parent is not None:
        deadline, depth = deadline_under(parent, deadline), parent.depth + 1
    held = owner is not None
    return JobRecord(
        job_id=context.job_id,
        run_id=new_id() if held else "",
        owner=owner,
        attempt=1 if held else 0,
        fence=1 if held else 0,
        scope_id=request.scope_id,
        principal_id=request.principal_id,
        team_id=request.team_id,
        session_id=request.session_id,
        parent_job_id=request.parent_job_id,
        depth=depth,
        status=JobStatus.RUNNING if held else JobStatus.QUEUED,
        queue=request.queue,
        agent=order.agent,
        agent_ref=order.agent_ref,
        runtime=order.runtime,
        model=order.model,
        request=order.work.request.encode(),
        # Only compared under a key, and costly to make of a long conversation.
        request_digest=order.digest() if request.idempotency_key is not None else "",
        idempotency_key=request.idempotency_key,
        policy=order.policy,
        created_at=now,
        updated_at=now,
        started_at=now if held else None,
        deadline=deadline,
        due_at=None if held else _due(request, now, deadline),
        metadata=request.metadata,
        tags=request.tags,
    )


def _due(request: ExecutionRequest, now: datetime, deadline: datetime | None) -> datetime | None:
    """Return when a worker is to look at the job, at its deadline at the latest."""
    due = request.due_at
    if request.delay is not None:
        due = now + timedelta(seconds=request.delay)
    if due is None or deadline is None:
        return due
    return min(due, deadline)


async def _spent(engine: Engine, job: JobRecord) -> Spent:
    running = engine.running(job.scope_id, job.job_id)
    return await spent_by(engine.storage, job, None if running is None else running.state)
