-- What workers and people need: when a job is due, how often it was tried again, how deep it is,
-- and what an unanswered question comes to.

ALTER TABLE jobs ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN due_at INTEGER;

UPDATE jobs SET due_at = updated_at WHERE status = 'queued';

-- Both are about the few jobs that have not ended, whatever their scope.
CREATE INDEX jobs_due ON jobs (queue, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_held ON jobs (queue) WHERE owner_token IS NOT NULL;

ALTER TABLE actions ADD COLUMN asked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN approvers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE actions ADD COLUMN on_expiry TEXT NOT NULL DEFAULT 'deny';
ALTER TABLE actions ADD COLUMN default_answer TEXT;
