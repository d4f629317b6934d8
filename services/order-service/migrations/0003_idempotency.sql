-- Idempotency keys. A row without a status is in flight; a row past its time may be taken over.
CREATE TABLE idempotency (
    key         TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    order_id    INTEGER,
    status      INTEGER,
    body        TEXT,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
CREATE INDEX idempotency_in_flight ON idempotency (order_id) WHERE status IS NULL;
