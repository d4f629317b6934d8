//! What of a process' telemetry can change while it runs: which events are written, which traces are recorded, how much may
//! wait for export, and by how much the clock of its records is off.
//!
//! A process without telemetry has the controls, too; there is nothing that they would change.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::config::Sampler;
use crate::pipeline::Budget;

/// Which events are written. Spans are not subject to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Those that `RUST_LOG` asks for.
    #[default]
    Configured,
    /// Errors.
    Error,
    /// Those and warnings.
    Warn,
    /// Those and what is worth knowing.
    Info,
    /// Those and details.
    Debug,
}

/// The controls. Clones share them.
#[derive(Debug, Clone)]
pub struct Controls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock_offset_ms: AtomicI64,
    /// The bits of a number from 0 to 1.
    ratio: AtomicU64,
    parent_based: AtomicBool,
    level: AtomicUsize,
    queue_size: AtomicUsize,
    queues: Mutex<Vec<Arc<Budget>>>,
}

impl Default for Controls {
    fn default() -> Self {
        Self::new(Sampler::default(), 2048)
    }
}

impl Controls {
    pub(crate) fn new(sampler: Sampler, queue_size: usize) -> Self {
        Self(Arc::new(Inner {
            clock_offset_ms: AtomicI64::new(0),
            ratio: AtomicU64::new(sampler.ratio.to_bits()),
            parent_based: AtomicBool::new(sampler.parent_based),
            level: AtomicUsize::new(0),
            queue_size: AtomicUsize::new(queue_size),
            queues: Mutex::default(),
        }))
    }

    /// Which traces are recorded.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        let ratio = f64::from_bits(self.0.ratio.load(Relaxed));
        Sampler { ratio, parent_based: self.0.parent_based.load(Relaxed) }
    }

    /// Records the traces that this sampler picks from now on.
    pub fn set_sampler(&self, sampler: Sampler) {
        self.0.ratio.store(sampler.ratio.to_bits(), Relaxed);
        self.0.parent_based.store(sampler.parent_based, Relaxed);
    }

    /// The most spans, and the most log records, that may wait for export.
    #[must_use]
    pub fn queue_size(&self) -> usize {
        self.0.queue_size.load(Relaxed)
    }

    /// Lets so many wait from now on, and never more than the queues have places; what finds no place is dropped and counted.
    pub fn set_queue_size(&self, size: usize) {
        self.0.queue_size.store(size, Relaxed);
        for queue in self.0.queues.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            queue.set_capacity(size);
        }
    }

    /// Writes events of this level from now on.
    pub fn set_log_level(&self, level: LogLevel) {
        if self.0.level.swap(level as usize, Relaxed) != level as usize {
            // Each call site remembers whether anybody listens.
            tracing::callsite::rebuild_interest_cache();
        }
    }

    pub(crate) fn log_level(&self) -> LogLevel {
        match self.0.level.load(Relaxed) {
            1 => LogLevel::Error,
            2 => LogLevel::Warn,
            3 => LogLevel::Info,
            4 => LogLevel::Debug,
            _ => LogLevel::Configured,
        }
    }

    /// Sets by how many milliseconds the times of spans and log records lie after those of the system's clock.
    pub fn set_clock_offset(&self, milliseconds: i64) {
        self.0.clock_offset_ms.store(milliseconds, Relaxed);
    }

    /// The time of a record that was made at `time` by the system's clock.
    pub(crate) fn shown(&self, time: SystemTime) -> SystemTime {
        let offset = self.0.clock_offset_ms.load(Relaxed);
        let distance = Duration::from_millis(offset.unsigned_abs());
        let shown = if offset < 0 { time.checked_sub(distance) } else { time.checked_add(distance) };
        shown.unwrap_or(time)
    }

    /// Whether records show other times than the system's clock.
    pub(crate) fn is_off(&self) -> bool {
        self.0.clock_offset_ms.load(Relaxed) != 0
    }

    pub(crate) fn add_queue(&self, queue: Arc<Budget>) {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner).push(queue);
    }
}
