-- Times are integer microseconds since 1970 in UTC, amounts integers in micro-units, costs decimal
-- text, JSON is text. `number` counts rows in the order of their commits and keys the listings.

-- The part of a job that commits change again and again: small, so that each change is.
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    session_id TEXT,
    parent_job_id TEXT,
    run_id TEXT NOT NULL,
    status TEXT NOT NULL,
    queue TEXT NOT NULL,
    agent TEXT NOT NULL,
    runtime TEXT NOT NULL,
    model TEXT,
    request_digest TEXT NOT NULL,
    idempotency_key TEXT,
    policy TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    deadline INTEGER,
    attempt INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    owner_token TEXT,
    owner_host TEXT,
    owner_boot_id TEXT,
    owner_pid INTEGER,
    owner_started INTEGER,
    lease_expires_at INTEGER,
    cancel_reason TEXT,
    cancel_by TEXT,
    last_seq INTEGER NOT NULL,
    journal_ended INTEGER NOT NULL,
    UNIQUE (scope_id, job_id),
    UNIQUE (scope_id, idempotency_key)
) STRICT;

CREATE INDEX jobs_by_scope ON jobs (scope_id);
CREATE INDEX jobs_by_status ON jobs (scope_id, status);
CREATE INDEX jobs_by_session ON jobs (scope_id, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX jobs_by_parent ON jobs (scope_id, parent_job_id) WHERE parent_job_id IS NOT NULL;

-- The part that can be large and is written once or twice.
CREATE TABLE job_contents (
    job INTEGER PRIMARY KEY REFERENCES jobs (number),
    agent_ref TEXT,
    request TEXT NOT NULL,
    metadata TEXT NOT NULL,
    tags TEXT NOT NULL,
    result TEXT
) STRICT;

CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id TEXT NOT NULL,
    job INTEGER NOT NULL REFERENCES jobs (number),
    seq INTEGER NOT NULL,
    terminal INTEGER NOT NULL,
    encoded TEXT NOT NULL,
    UNIQUE (job, seq)
) STRICT;

CREATE INDEX events_by_scope ON events (scope_id);
CREATE UNIQUE INDEX one_terminal_event ON events (job) WHERE terminal = 1;

CREATE TABLE model_records (
    number INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES jobs (number),
    path TEXT NOT NULL,
    call_index INTEGER NOT NULL,
    call TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    response BLOB NOT NULL,
    usage TEXT NOT NULL,
    model TEXT,
    provider TEXT,
    response_id TEXT,
    finish_reason TEXT,
    recorded_at INTEGER NOT NULL,
    UNIQUE (job, path, call_index)
) STRICT;

CREATE TABLE effects (
    number INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES jobs (number),
    path TEXT NOT NULL,
    message INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    digest TEXT NOT NULL,
    proposed TEXT,
    arguments TEXT,
    effect TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    intended_at INTEGER NOT NULL,
    status TEXT,
    value TEXT,
    error TEXT,
    ended_at INTEGER,
    UNIQUE (job, path, message, call_id)
) STRICT;

CREATE TABLE grants (
    number INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES jobs (number),
    grant_id TEXT NOT NULL,
    path TEXT NOT NULL,
    message INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    policy TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    expires_at INTEGER,
    used_at INTEGER,
    UNIQUE (job, grant_id)
) STRICT;

CREATE TABLE accounts (
    scope_id TEXT NOT NULL,
    account TEXT NOT NULL,
    unit TEXT NOT NULL,
    spend_limit INTEGER,
    spent INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    PRIMARY KEY (scope_id, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
    number INTEGER PRIMARY KEY,
    scope_id TEXT NOT NULL,
    key TEXT NOT NULL,
    account TEXT NOT NULL,
    amount INTEGER NOT NULL,
    actual INTEGER,
    job_id TEXT,
    UNIQUE (scope_id, key, account),
    FOREIGN KEY (scope_id, account) REFERENCES accounts (scope_id, account)
) STRICT;

CREATE INDEX reservations_by_job ON reservations (scope_id, job_id);

CREATE TABLE ledger (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id TEXT NOT NULL,
    key TEXT NOT NULL,
    job_id TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    provider TEXT,
    model TEXT,
    runtime TEXT,
    usage TEXT,
    cost TEXT,
    at INTEGER NOT NULL,
    details TEXT NOT NULL,
    UNIQUE (scope_id, key)
) STRICT;

CREATE INDEX ledger_by_scope ON ledger (scope_id);
CREATE INDEX ledger_by_job ON ledger (scope_id, job_id);

CREATE TABLE actions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id TEXT NOT NULL,
    action_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    payload TEXT,
    binding TEXT,
    token_hash TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    resolved_at INTEGER,
    resolution TEXT,
    resolved_by TEXT,
    resolved_via TEXT,
    UNIQUE (scope_id, action_id),
    FOREIGN KEY (scope_id, job_id) REFERENCES jobs (scope_id, job_id)
) STRICT;

CREATE INDEX actions_by_scope ON actions (scope_id);
CREATE INDEX actions_by_job ON actions (scope_id, job_id);
CREATE INDEX actions_by_status ON actions (scope_id, status);

CREATE TABLE sessions (
    scope_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope_id, session_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE session_items (
    number INTEGER PRIMARY KEY,
    scope_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    item TEXT NOT NULL,
    FOREIGN KEY (scope_id, session_id) REFERENCES sessions (scope_id, session_id)
) STRICT;

CREATE INDEX session_items_by_session ON session_items (scope_id, session_id);

CREATE TABLE agents (
    scope_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (scope_id, name, version)
) STRICT;
