//! What a link does to the bytes that pass it: a few values with ranges, and changes of them. Values only; what they do is in
//! `shape` and `flow`.

use crate::nearest::suggestion;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Share,
    Switch,
}

/// One value of a condition.
struct Key {
    name: &'static str,
    kind: Kind,
    most: f64,
    unit: &'static str,
    about: &'static str,
}

const DELAY: usize = 0;
const JITTER: usize = 1;
const BANDWIDTH: usize = 2;
const RESET: usize = 3;
const BLACKHOLE: usize = 4;
const HALF_OPEN: usize = 5;
const SEED: usize = 6;

/// All of them. Where all are 0, bytes pass at once.
const KEYS: [Key; 7] = [
    Key {
        name: "delay_ms",
        kind: Kind::Whole,
        most: 60_000.0,
        unit: "ms",
        about: "how much later bytes arrive, each way",
    },
    Key {
        name: "jitter_ms",
        kind: Kind::Whole,
        most: 60_000.0,
        unit: "ms",
        about: "how much the delay may differ, up or down",
    },
    Key {
        name: "bandwidth_kib_s",
        kind: Kind::Whole,
        most: 10_000_000.0,
        unit: "KiB/s",
        about: "what all connections of the link together carry, each way; 0: no bound",
    },
    Key {
        name: "reset_ratio",
        kind: Kind::Share,
        most: 1.0,
        unit: "share",
        about: "of the pieces sent towards the target, how many end their connection with a reset instead",
    },
    Key { name: "blackhole", kind: Kind::Switch, most: 1.0, unit: "", about: "nothing arrives, either way" },
    Key {
        name: "half_open",
        kind: Kind::Switch,
        most: 1.0,
        unit: "",
        about: "what is sent arrives, what is answered does not",
    },
    Key {
        name: "seed",
        kind: Kind::Whole,
        most: 9_007_199_254_740_991.0,
        unit: "",
        about: "decides jitter and resets",
    },
];

/// A value for each key.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Condition([f64; KEYS.len()]);

/// New values for some keys.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Change([Option<f64>; KEYS.len()]);

impl Condition {
    /// Bytes pass as if there were no relay.
    pub(super) fn is_plain(&self) -> bool {
        self.0[..SEED].iter().all(|value| *value == 0.0)
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.0[DELAY] as u64)
    }

    pub(super) fn jitter(&self) -> Duration {
        Duration::from_millis(self.0[JITTER] as u64)
    }

    /// Bytes a second, if bounded.
    pub(super) fn bandwidth(&self) -> Option<f64> {
        (self.0[BANDWIDTH] > 0.0).then_some(self.0[BANDWIDTH] * 1_024.0)
    }

    pub(super) fn reset_ratio(&self) -> f64 {
        self.0[RESET]
    }

    pub(super) fn blackhole(&self) -> bool {
        self.0[BLACKHOLE] != 0.0
    }

    pub(super) fn half_open(&self) -> bool {
        self.0[HALF_OPEN] != 0.0
    }

    pub(super) fn seed(&self) -> u64 {
        self.0[SEED] as u64
    }

    /// With the changed values.
    pub(super) fn changed(mut self, change: &Change) -> Self {
        for (value, new) in self.0.iter_mut().zip(change.0) {
            *value = new.unwrap_or(*value);
        }
        self
    }

    /// As the control listener shows it.
    pub(super) fn json(&self) -> Value {
        let shown = KEYS.iter().zip(self.0).map(|(key, value)| {
            let value = match key.kind {
                Kind::Whole => json!(value as u64),
                Kind::Share => json!(value),
                Kind::Switch => json!(value != 0.0),
            };
            (key.name.to_owned(), value)
        });
        Value::Object(shown.collect())
    }
}

impl Change {
    /// The keys that have a new value.
    pub(super) fn keys(&self) -> impl Iterator<Item = usize> {
        let set = self.0;
        (0..KEYS.len()).filter(move |key| set[*key].is_some())
    }

    pub(super) fn has(&self, key: usize) -> bool {
        self.0[key].is_some()
    }

    /// Gives `key` back its value of `before`, if it still has the one that this change gave it.
    pub(super) fn undo(&self, key: usize, before: &Condition, now: &mut Condition) {
        if self.0[key] == Some(now.0[key]) {
            now.0[key] = before.0[key];
        }
    }

    /// Reads an object of new values. The error names everything that is wrong with it.
    pub(super) fn read(object: &Map<String, Value>) -> Result<Self, String> {
        let mut change = Self::default();
        let mut wrong = Vec::new();
        for (name, value) in object {
            match KEYS.iter().position(|key| key.name == name) {
                Some(key) => match KEYS[key].read(value) {
                    Ok(value) => change.0[key] = Some(value),
                    Err(allowed) => wrong.push(format!("{name} is {allowed}, not {value}")),
                },
                None => {
                    let known = KEYS.each_ref().map(|key| key.name);
                    wrong.push(format!("nothing called `{name}`; {}", suggestion(name, &known)));
                }
            }
        }
        if wrong.is_empty() { Ok(change) } else { Err(wrong.join("; ")) }
    }
}

impl Key {
    fn read(&self, value: &Value) -> Result<f64, String> {
        let number = match self.kind {
            Kind::Whole => value.as_u64().map(|v| v as f64),
            Kind::Share => value.as_f64(),
            Kind::Switch => value.as_bool().map(f64::from),
        };
        number.filter(|v| (0.0..=self.most).contains(v)).ok_or_else(|| self.range())
    }

    fn range(&self) -> String {
        match self.kind {
            Kind::Whole => format!("a whole number from 0 to {}", self.most),
            Kind::Share => format!("a number from 0 to {}", self.most),
            Kind::Switch => "true or false".to_owned(),
        }
    }
}

/// Every key with its range, for those who sent something else.
pub(super) fn allowed() -> Value {
    let keys = KEYS.iter().map(|key| {
        let about = json!({ "range": key.range(), "unit": key.unit, "description": key.about });
        (key.name.to_owned(), about)
    });
    Value::Object(keys.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &Value) -> Result<Change, String> {
        Change::read(value.as_object().expect("an object"))
    }

    fn condition(value: &Value) -> Condition {
        Condition::default().changed(&read(value).expect("a change"))
    }

    #[test]
    fn what_is_set_is_shown_and_the_rest_stays() {
        let first = condition(&json!({ "delay_ms": 40, "blackhole": true }));
        let then =
            first.changed(&read(&json!({ "reset_ratio": 0.25, "blackhole": false })).expect("a change"));
        assert_eq!(
            then.json(),
            json!({ "delay_ms": 40, "jitter_ms": 0, "bandwidth_kib_s": 0, "reset_ratio": 0.25,
                    "blackhole": false, "half_open": false, "seed": 0 })
        );
        assert_eq!(then.delay(), Duration::from_millis(40));
    }

    #[test]
    fn a_seed_alone_does_nothing_to_the_bytes() {
        assert!(condition(&json!({ "seed": 7 })).is_plain());
        for value in [json!({ "delay_ms": 1 }), json!({ "half_open": true }), json!({ "reset_ratio": 0.01 })]
        {
            assert!(!condition(&value).is_plain(), "{value}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        let error = read(&json!({ "delay": 5, "reset_ratio": 1.5, "blackhole": 1, "jitter_ms": -1 }))
            .expect_err("four mistakes");
        for part in [
            "`delay`; did you mean `delay_ms`?",
            "reset_ratio is a number from 0 to 1, not 1.5",
            "blackhole is true or false, not 1",
            "jitter_ms is a whole number from 0 to 60000, not -1",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_whole_number_is_no_fraction() {
        assert!(read(&json!({ "delay_ms": 1.5 })).is_err());
        assert!(read(&json!({ "delay_ms": 60_001 })).is_err());
    }
}
