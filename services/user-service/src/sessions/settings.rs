//! What a password check costs and where it runs: what can be changed while the service runs.

use argon2::Params;
use chassis::places::Places;
use chassis::settings::{Choice, Integer, List};
use chassis::work::BlockingWork;

use crate::config::SessionConfig;

/// The settings of logins.
pub(crate) struct SessionSettings {
    memory_kib: Integer,
    iterations: Integer,
    pub(super) queue: Integer,
    pub(super) turns: Places,
    pub(super) work: Choice<BlockingWork>,
}

impl SessionSettings {
    pub(crate) fn add(list: &mut List, config: &SessionConfig) -> Self {
        let concurrency = list.count(
            "auth.hash_concurrency",
            "checks",
            1..=64,
            config.hash_concurrency,
            "Password checks at the same time; each holds its memory while it runs",
        );
        let turns = Places::new(concurrency.count());
        list.watch(&["auth.hash_concurrency"], {
            let turns = turns.clone();
            move || turns.resize(concurrency.count())
        });
        Self {
            memory_kib: list.integer(
                "auth.hash_memory_kib",
                "KiB",
                64..=262_144,
                config.hash_memory_kib.into(),
                "Memory of a password hash (argon2id); a login under another cost stores a new hash",
            ),
            iterations: list.integer(
                "auth.hash_iterations",
                "passes",
                1..=64,
                config.hash_iterations.into(),
                "Passes of a password hash (argon2id)",
            ),
            queue: list.millis(
                "auth.hash_queue_ms",
                1..=60_000,
                config.hash_queue,
                "How long a login waits for its turn",
            ),
            turns,
            work: BlockingWork::list(list),
        }
    }

    /// The cost of a new hash.
    pub(super) fn params(&self) -> Params {
        // The bounds of the settings lie within argon2's own.
        Params::new(self.memory_kib.count_u32(), self.iterations.count_u32(), 1, None).unwrap_or_default()
    }
}
