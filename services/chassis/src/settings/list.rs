//! Listing a service's settings, before it serves.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::check::{Described, Takes};
use super::handle::Store;
use super::shared::{Entry, Watch};
use super::{Choice, Flag, Integer, Number, Settings, SettingsError};

/// The settings of a service, as they are put together. The default of a setting is what the environment gave: it is taken
/// even where it lies beyond the range.
#[derive(Default)]
pub struct List {
    entries: BTreeMap<String, Entry>,
    watches: Vec<Watch>,
}

impl List {
    /// Without any.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole number.
    pub fn integer(
        &mut self,
        key: impl Into<String>,
        unit: &'static str,
        range: RangeInclusive<i64>,
        default: i64,
        description: &'static str,
    ) -> Integer {
        let takes = Takes::Integers { min: default.min(*range.start()), max: default.max(*range.end()) };
        let handle = Integer::new(default);
        self.add(key, Described { default: default.into(), unit, takes, description }, handle.store());
        handle
    }

    /// A time in whole milliseconds.
    pub fn millis(
        &mut self,
        key: impl Into<String>,
        range: RangeInclusive<i64>,
        default: Duration,
        description: &'static str,
    ) -> Integer {
        let default = i64::try_from(default.as_millis()).unwrap_or(i64::MAX);
        self.integer(key, "ms", range, default, description)
    }

    /// A count.
    pub fn count(
        &mut self,
        key: impl Into<String>,
        unit: &'static str,
        range: RangeInclusive<i64>,
        default: usize,
        description: &'static str,
    ) -> Integer {
        self.integer(key, unit, range, i64::try_from(default).unwrap_or(i64::MAX), description)
    }

    /// A number.
    pub fn number(
        &mut self,
        key: impl Into<String>,
        unit: &'static str,
        range: RangeInclusive<f64>,
        default: f64,
        description: &'static str,
    ) -> Number {
        let takes = Takes::Numbers { min: default.min(*range.start()), max: default.max(*range.end()) };
        let handle = Number::new(default);
        self.add(key, Described { default: default.into(), unit, takes, description }, handle.store());
        handle
    }

    /// Yes or no.
    pub fn flag(&mut self, key: impl Into<String>, default: bool, description: &'static str) -> Flag {
        let handle = Flag::new(default);
        let described = Described { default: default.into(), unit: "", takes: Takes::Flags, description };
        self.add(key, described, handle.store());
        handle
    }

    /// One of several named things.
    pub fn choice<T: Copy + PartialEq + Send + Sync + 'static>(
        &mut self,
        key: impl Into<String>,
        of: &'static [(&'static str, T)],
        default: T,
        description: &'static str,
    ) -> Choice<T> {
        let handle = Choice::new(of, default);
        let takes = Takes::Names(of.iter().map(|(name, _)| *name).collect());
        let described = Described { default: handle.name().into(), unit: "", takes, description };
        self.add(key, described, handle.store());
        handle
    }

    /// Runs `tell` after a change of any setting whose key begins with one of `prefixes`, and once when the service starts with
    /// values from its file.
    pub fn watch(&mut self, prefixes: &'static [&'static str], tell: impl Fn() + Send + Sync + 'static) {
        self.watches.push(Watch { prefixes, tell: Box::new(tell) });
    }

    /// Reads what was set before from `path`, and keeps there what will be; without a path the settings last as long as the
    /// process.
    ///
    /// # Errors
    /// When the file cannot be read or made. A damaged one is set aside.
    pub fn open(self, service: &'static str, path: Option<PathBuf>) -> Result<Settings, SettingsError> {
        Settings::open(service, self.entries, self.watches, path)
    }

    fn add(&mut self, key: impl Into<String>, described: Described, store: Store) {
        let before = self.entries.insert(key.into(), Entry { described, store });
        debug_assert!(before.is_none(), "a key names one setting");
    }
}
