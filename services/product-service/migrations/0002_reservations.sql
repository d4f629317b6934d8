-- A released row of quantity 0 is a tombstone: it was released before it was reserved, and must stay so.
CREATE TABLE reservations (
    reservation_id TEXT PRIMARY KEY,
    product_id     INTEGER NOT NULL,
    quantity       INTEGER NOT NULL CHECK (quantity >= 0),
    remaining      INTEGER NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('reserved', 'released')),
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
