-- Events to deliver. A delivered row is deleted; a refused one stays, with the reason, for a person to look at.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id        TEXT NOT NULL UNIQUE,
    user_id         INTEGER NOT NULL,
    payload         TEXT NOT NULL,
    correlation_id  TEXT NOT NULL,
    traceparent     TEXT,
    created_at      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    refused         TEXT
) STRICT;

CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE refused IS NULL;
