-- Files of jobs. The content stands apart, in pieces: what reads a part of it, or lists the files,
-- loads no more than it needs.

CREATE TABLE artifacts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id TEXT NOT NULL,
    artifact_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    action_id TEXT,
    UNIQUE (scope_id, artifact_id),
    FOREIGN KEY (scope_id, job_id) REFERENCES jobs (scope_id, job_id)
) STRICT;

CREATE INDEX artifacts_by_scope ON artifacts (scope_id);
CREATE INDEX artifacts_by_job ON artifacts (scope_id, job_id);

CREATE TABLE artifact_pieces (
    artifact INTEGER NOT NULL REFERENCES artifacts (number),
    start INTEGER NOT NULL,
    content BLOB NOT NULL,
    UNIQUE (artifact, start)
) STRICT;
