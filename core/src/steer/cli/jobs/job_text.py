"""A job as people and as programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime

from pydantic_core import from_json, to_json

from steer.agents import ref_from_json
from steer.cli.error_text import error_text
from steer.cli.job_names import SHORT_ID
from steer.cli.jobs.job_state import JobState
from steer.cli.terminal.amounts import age_text, cost_text, duration_text, tokens_text
from steer.cli.terminal.printable import shortened
from steer.config import masked
from steer.ports.records import JobRecord
from steer.redaction import Redactor
from steer.request import StoredRequest
from steer.values import JobStatus, JsonValue, Message, Role, TextPart, Usage

__all__ = ["ROW_HEAD", "job_facts", "job_json", "job_row", "row_json", "status_text"]

_PROMPT_LENGTH = 200
_PROGRESS_LENGTH = 40

ROW_HEAD = ("JOB", "STATUS", "AGENT", "RUNTIME", "MODEL", "STARTED", "TOOK", "TOKENS")


def status_text(job: JobRecord, state: JobState) -> str:
    """Return the status, and what the job waits for where that is more than its turn."""
    word = job.status.replace("_", " ")
    if job.status is JobStatus.RUNNING and state.orphaned:
        return f"{word}, nobody runs it"
    if state.questions:
        word += f", {state.questions} question{'s' * (state.questions > 1)}"
    if state.progress is not None:
        word += f", {shortened(state.progress_text, _PROGRESS_LENGTH)}"
    return word


def job_row(job: JobRecord, state: JobState, *, now: datetime) -> tuple[str, ...]:
    """Return the cells of a job in a list; ``ROW_HEAD`` names them."""
    result = job.result
    return (
        job.job_id[-SHORT_ID:],
        status_text(job, state),
        job.agent,
        job.runtime,
        job.model or "",
        age_text(job.created_at, now=now),
        duration_text(result.elapsed_ms) if result else "",
        tokens_text(result.usage).removesuffix(" tokens") if result else "",
    )


def job_facts(
    job: JobRecord, state: JobState, *, now: datetime, redactor: Redactor | None = None
) -> Iterator[tuple[str, str]]:
    """Yield what there is to know of a job but its answer, as names and values."""
    result = job.result
    yield "job", job.job_id
    yield "status", status_text(job, state)
    if result is not None and result.error is not None:
        yield "error", error_text(result.error)
    if job.cancel_by:
        yield "cancelled by", job.cancel_by
    yield "prompt", _prompt(job, redactor)
    yield "agent", job.agent
    yield "from", "an object of its process" if job.agent_ref is None else _agent_ref(job.agent_ref)
    yield "runtime", job.runtime
    yield "model", (result.model if result else None) or job.model or "the runtime's default"
    yield "policy", job.policy or ""
    yield "principal", job.principal_id
    yield "scope", job.scope_id
    yield "session", job.session_id or ""
    yield "idempotency key", job.idempotency_key or ""
    yield "tags", ", ".join(job.tags)
    yield "queue", "" if job.queue == "default" else job.queue
    yield "parent", job.parent_job_id or ""
    yield "children", ", ".join(state.children or ())
    yield "retry of", str(job.metadata.get("retry_of", ""))
    yield "created", f"{_moment(job.created_at)} ({age_text(job.created_at, now=now)})"
    if job.due_at is not None:
        yield "due", _moment(job.due_at)
    if job.deadline is not None and not job.status.terminal:
        yield "deadline", _moment(job.deadline)
    yield "attempts", str(job.attempt)
    yield "tried again", str(job.retries or "")
    if job.owner is not None and not job.status.terminal:
        yield "process", f"{job.owner.pid} on {job.owner.host}"
    if result is not None:
        yield "took", duration_text(result.elapsed_ms)
        yield "tokens", _usage(result.usage)
        yield "cost", cost_text(result.cost) or "not known"
        yield "tool calls", str(result.tools_invoked)
        yield "still running", ", ".join(result.still_running)
    yield "events", str(job.last_seq)


def row_json(job: JobRecord, state: JobState) -> bytes:
    """Return the job as one line of JSON, with what ``JobState`` says beside it.

    The request is left out: the files in it can be larger than all the rest together.
    """
    return to_json(_row(job, state))


def job_json(job: JobRecord, state: JobState, *, redactor: Redactor | None = None) -> bytes:
    """Return the job as ``row_json`` does, with its request."""
    request = from_json(job.request)
    if redactor is not None:
        request = redactor.value(request)
    return to_json({**_row(job, state), "request": request})


def _row(job: JobRecord, state: JobState) -> dict[str, JsonValue]:
    row = {field.name: getattr(job, field.name) for field in fields(job) if field.name != "request"}
    if job.agent_ref is not None:
        # A definition may hold the headers and variables of servers.
        row["agent_ref"] = masked("agent_ref", from_json(job.agent_ref))
    beside = {field.name: getattr(state, field.name) for field in fields(state)}
    orphaned = beside.pop("orphaned")
    return {**row, **beside, "orphaned": orphaned}


def _prompt(job: JobRecord, redactor: Redactor | None) -> str:
    """Return what the user said last, and how much there is beside its text."""
    asked = [message for message in StoredRequest.decode(job.request).input if _is_users(message)]
    if not asked:
        return ""
    text = asked[-1].text
    # First redacted: a secret that was cut in two is not recognised.
    said = shortened(text if redactor is None else redactor.text(text), _PROMPT_LENGTH)
    attached = sum(not isinstance(part, TextPart) for part in asked[-1].content)
    if attached:
        said += f" (and {attached} attached)" if said else f"{attached} attached"
    return said


def _is_users(message: Message) -> bool:
    return message.role is Role.USER


def _agent_ref(encoded: str) -> str:
    return str(ref_from_json(encoded))


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _usage(usage: Usage) -> str:
    parts = [f"{usage.input_tokens:,} in", f"{usage.output_tokens:,} out"]
    if usage.cached_tokens:
        parts.append(f"{usage.cached_tokens:,} cached")
    if usage.reasoning_tokens:
        parts.append(f"{usage.reasoning_tokens:,} reasoning")
    return f"{tokens_text(usage).removesuffix(' tokens')} ({', '.join(parts)})"
