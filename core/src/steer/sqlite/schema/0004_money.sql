-- Budgets with their periods, who goes on with a conversation, and agents whose name was taken back.

CREATE TABLE budgets (
    scope_id TEXT NOT NULL,
    name TEXT NOT NULL,
    budget_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    who TEXT NOT NULL,
    period TEXT NOT NULL,
    unit TEXT NOT NULL,
    spend_limit INTEGER NOT NULL,
    warn_at REAL,
    on_reached TEXT NOT NULL,
    degrade_to TEXT,
    allow_unpriced INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (scope_id, name),
    UNIQUE (scope_id, budget_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE accounts ADD COLUMN budget_id TEXT;
ALTER TABLE accounts ADD COLUMN resets_at INTEGER;

CREATE INDEX accounts_by_budget ON accounts (scope_id, budget_id) WHERE budget_id IS NOT NULL;
CREATE INDEX reservations_open ON reservations (scope_id, account) WHERE actual IS NULL;

ALTER TABLE jobs ADD COLUMN team_id TEXT;

ALTER TABLE ledger ADD COLUMN team_id TEXT;
ALTER TABLE ledger ADD COLUMN agent TEXT;

-- Reports are about days or months of what is kept for years.
CREATE INDEX ledger_by_time ON ledger (at);

-- A session that is taken before anything was appended to it is at version 0.
ALTER TABLE sessions ADD COLUMN held_by TEXT;

CREATE TABLE removed_agents (
    scope_id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (scope_id, name)
) STRICT, WITHOUT ROWID;
