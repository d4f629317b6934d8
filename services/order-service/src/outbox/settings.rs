//! How the relay works through the outbox: what can be changed while the service runs.

use std::sync::Arc;

use chassis::settings::{Integer, List};
use tokio::sync::Notify;

use crate::config::WorkConfig;

/// The relay's settings.
pub(crate) struct OutboxSettings {
    pub(super) workers: Integer,
    pub(super) batch: Integer,
    pub(super) poll: Integer,
    pub(super) pause: Integer,
    /// Ends a pause that was begun by other settings.
    pub(super) changed: Arc<Notify>,
}

impl OutboxSettings {
    pub(crate) fn add(list: &mut List, config: &WorkConfig) -> Self {
        let changed = Arc::new(Notify::new());
        list.watch(&["outbox."], {
            let changed = Arc::clone(&changed);
            move || changed.notify_one()
        });
        Self {
            workers: list.count(
                "outbox.workers",
                "deliveries",
                1..=64,
                config.outbox_concurrency,
                "Deliveries at the same time",
            ),
            batch: list.integer("outbox.batch", "events", 1..=1000, 64, "Events taken at a time"),
            poll: list.millis(
                "outbox.poll_ms",
                1..=3_600_000,
                config.outbox_poll,
                "How often the relay looks for events that wait for another attempt",
            ),
            pause: list.integer(
                "outbox.pause_ms",
                "ms",
                0..=60_000,
                0,
                "Pause after each batch, to spare the receiver; 0 for none",
            ),
            changed,
        }
    }
}
