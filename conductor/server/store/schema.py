"""The tables of the database."""

#: Version of the tables, stored as SQLite's ``user_version``. Older databases are migrated, newer ones are refused.
VERSION = 2

#: Statements that turn the tables of a version into those of the next one; the rest of the schema follows.
MIGRATIONS = {
    1: """
ALTER TABLE task ADD COLUMN workflow TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN definition TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN started INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
DROP INDEX task_by_execution;
DROP TABLE search_text;
CREATE TABLE unindexed (kind TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
INSERT INTO unindexed SELECT 'execution', id FROM execution;
INSERT INTO unindexed SELECT 'task', id FROM task;
""",
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS execution (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL, correlation_id TEXT,
    parent_id TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL, ended INTEGER NOT NULL,
    snapshot INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS execution_by_name ON execution (name, status);
CREATE INDEX IF NOT EXISTS execution_by_creation ON execution (created, updated, ended, parent_id);
CREATE INDEX IF NOT EXISTS execution_by_correlation ON execution (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS execution_open ON execution (status) WHERE status IN ('RUNNING', 'PAUSED');
CREATE TABLE IF NOT EXISTS task (
    id TEXT PRIMARY KEY, execution_id TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL,
    status TEXT NOT NULL, body BLOB NOT NULL, workflow TEXT NOT NULL, definition TEXT NOT NULL,
    started INTEGER NOT NULL, updated INTEGER NOT NULL, ended INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS task_by_execution ON task (
    execution_id, seq, type, status, updated, started, ended, workflow, definition
);
CREATE TABLE IF NOT EXISTS snapshot (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, name, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS task_log (task_id TEXT NOT NULL, created INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS task_log_by_task ON task_log (task_id);
CREATE TABLE IF NOT EXISTS message (queue TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS message_by_queue ON message (queue);
CREATE TABLE IF NOT EXISTS idempotency_key (
    name TEXT NOT NULL, key TEXT NOT NULL, execution_id TEXT NOT NULL, PRIMARY KEY (name, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_key_by_execution ON idempotency_key (execution_id);
CREATE TABLE IF NOT EXISTS unindexed (
    kind TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS execution_text (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS task_text (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS schedule_run (
    id TEXT PRIMARY KEY, schedule TEXT NOT NULL, scheduled INTEGER NOT NULL, state TEXT NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
"""
