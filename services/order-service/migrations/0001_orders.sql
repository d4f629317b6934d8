CREATE TABLE orders (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id        INTEGER NOT NULL,
    user_name      TEXT NOT NULL,
    user_email     TEXT NOT NULL,
    total          INTEGER NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'releasing', 'failed')),
    reason         TEXT,
    correlation_id TEXT NOT NULL,
    traceparent    TEXT,
    created_at     INTEGER NOT NULL,
    -- When the recovery may take an order that is neither confirmed nor failed.
    recover_after  INTEGER NOT NULL
) STRICT;

-- A user's orders, newest first.
CREATE INDEX orders_by_user ON orders (user_id, id DESC);

-- What the recovery looks for; empty nearly always.
CREATE INDEX orders_unfinished ON orders (recover_after) WHERE status IN ('pending', 'releasing');

CREATE TABLE order_items (
    order_id       INTEGER NOT NULL REFERENCES orders (id),
    position       INTEGER NOT NULL,
    product_id     INTEGER NOT NULL,
    product        TEXT NOT NULL,
    price          INTEGER NOT NULL,
    quantity       INTEGER NOT NULL,
    reservation_id TEXT NOT NULL UNIQUE,
    PRIMARY KEY (order_id, position)
) STRICT, WITHOUT ROWID;
