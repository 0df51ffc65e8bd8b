"""How a job stands in the columns of ``jobs`` and ``job_contents``."""

from __future__ import annotations

from steer.ports.records import JobRecord, Owner
from steer.sqlite._rows import Row, from_micros, json_value, read_as, to_micros
from steer.storage import JobState
from steer.values import JobStatus, RunResult

__all__ = ["RECORD_COLUMNS", "read_owner", "read_record", "state_columns"]

RECORD_COLUMNS = """
    number, scope_id, job_id, principal_id, session_id, parent_job_id, run_id, status,
    queue, agent, runtime, model, request_digest, idempotency_key, policy, created_at, updated_at,
    started_at, ended_at, deadline, attempt, fence, owner_token, owner_host, owner_boot_id,
    owner_pid, owner_started, lease_expires_at, cancel_reason, cancel_by, last_seq, agent_ref,
    request, metadata, tags, result, depth, due_at, retries,
    team_id"""


def state_columns(state: JobState) -> Row:
    """Return the columns that commits change, in the order that statements name them."""
    owner = state.owner
    return (
        state.status.value,
        to_micros(state.updated_at),
        state.run_id,
        state.attempt,
        state.fence,
        *(
            (None,) * 5
            if owner is None
            else (owner.token, owner.host, owner.boot_id, owner.pid, owner.started)
        ),
        to_micros(state.lease_expires_at),
        to_micros(state.started_at),
        to_micros(state.ended_at),
        state.cancel_reason,
        state.cancel_by,
        state.last_seq,
        state.journal_ended,
        to_micros(state.due_at),
        state.retries,
    )


def read_owner(columns: Row) -> Owner | None:
    """Return the owner whose five columns these are."""
    token, host, boot_id, pid, started = columns
    if token is None:
        return None
    return Owner(token=token, host=host, boot_id=boot_id, pid=pid, started=started)


def read_record(row: Row) -> JobRecord:
    """Return the job whose ``RECORD_COLUMNS`` these are."""
    return JobRecord(
        scope_id=row[1],
        job_id=row[2],
        principal_id=row[3],
        session_id=row[4],
        parent_job_id=row[5],
        run_id=row[6],
        status=JobStatus(row[7]),
        queue=row[8],
        agent=row[9],
        runtime=row[10],
        model=row[11],
        request_digest=row[12],
        idempotency_key=row[13],
        policy=row[14],
        created_at=from_micros(row[15]),
        updated_at=from_micros(row[16]),
        started_at=from_micros(row[17]),
        ended_at=from_micros(row[18]),
        deadline=from_micros(row[19]),
        attempt=row[20],
        fence=row[21],
        owner=read_owner(row[22:27]),
        lease_expires_at=from_micros(row[27]),
        cancel_reason=row[28],
        cancel_by=row[29],
        last_seq=row[30],
        agent_ref=row[31],
        request=row[32],
        metadata=json_value(row[33]),
        tags=tuple(json_value(row[34])),
        result=read_as(RunResult, row[35]),
        depth=row[36],
        due_at=from_micros(row[37]),
        retries=row[38],
        team_id=row[39],
    )
