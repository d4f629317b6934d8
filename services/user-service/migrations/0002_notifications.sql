CREATE TABLE notifications (
    id         INTEGER PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    event_id   TEXT NOT NULL UNIQUE,
    type       TEXT NOT NULL,
    order_id   INTEGER NOT NULL,
    total      INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- A user's list, newest first.
CREATE INDEX notifications_by_user ON notifications (user_id, id DESC);
