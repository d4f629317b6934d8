-- When products were on sale, today's among them (those without an end). Kept for those who look back; read by no index.
CREATE TABLE listings (
    id         INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL,
    category   TEXT NOT NULL,
    listed_at  INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
