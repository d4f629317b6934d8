//! Handles: the value of a setting as the code that it is about reads it. Reading is one atomic load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use serde_json::Value;

/// A whole number.
#[derive(Debug, Clone)]
pub struct Integer(Arc<AtomicI64>);

/// A number.
#[derive(Debug, Clone)]
pub struct Number(Arc<AtomicU64>);

/// Yes or no.
#[derive(Debug, Clone)]
pub struct Flag(Arc<AtomicBool>);

/// One of several named things.
#[derive(Debug, Clone)]
pub struct Choice<T: 'static> {
    at: Arc<AtomicUsize>,
    of: &'static [(&'static str, T)],
}

/// What a handle is set by: a value that was checked.
pub(super) type Store = Box<dyn Fn(&Value) + Send + Sync>;

impl Integer {
    pub(super) fn new(value: i64) -> Self {
        Self(Arc::new(AtomicI64::new(value)))
    }

    pub(super) fn store(&self) -> Store {
        let this = self.clone();
        Box::new(move |value| this.0.store(value.as_i64().unwrap_or_default(), Relaxed))
    }

    /// The value of this moment.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }

    /// The same as a count; 0 for a negative one.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::try_from(self.get()).unwrap_or(0)
    }

    /// The same as a small count; 0 for a negative one.
    #[must_use]
    pub fn count_u32(&self) -> u32 {
        u32::try_from(self.get()).unwrap_or(0)
    }

    /// The same as a duration, of a setting in milliseconds.
    #[must_use]
    pub fn millis(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.get()).unwrap_or(0))
    }
}

impl Number {
    pub(super) fn new(value: f64) -> Self {
        Self(Arc::new(AtomicU64::new(value.to_bits())))
    }

    pub(super) fn store(&self) -> Store {
        let this = self.clone();
        Box::new(move |value| this.0.store(value.as_f64().unwrap_or_default().to_bits(), Relaxed))
    }

    /// The value of this moment.
    #[must_use]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

impl Flag {
    pub(super) fn new(value: bool) -> Self {
        Self(Arc::new(AtomicBool::new(value)))
    }

    pub(super) fn store(&self) -> Store {
        let this = self.clone();
        Box::new(move |value| this.0.store(value.as_bool().unwrap_or_default(), Relaxed))
    }

    /// The value of this moment.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl<T: Copy + PartialEq + Send + Sync + 'static> Choice<T> {
    pub(super) fn new(of: &'static [(&'static str, T)], value: T) -> Self {
        let at = of.iter().position(|(_, thing)| *thing == value).unwrap_or(0);
        Self { at: Arc::new(AtomicUsize::new(at)), of }
    }

    pub(super) fn store(&self) -> Store {
        let (at, of) = (Arc::clone(&self.at), self.of);
        Box::new(move |value| {
            if let Some(chosen) = of.iter().position(|(name, _)| value == name) {
                at.store(chosen, Relaxed);
            }
        })
    }

    /// The value of this moment.
    #[must_use]
    pub fn get(&self) -> T {
        self.of[self.at.load(Relaxed)].1
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.of[self.at.load(Relaxed)].0
    }
}
