//! Rules: over virtual time beside `promtool test rules`.

mod offline;
