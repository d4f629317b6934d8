//! An alert: its labels say which it is, its times whether it fires.

use std::time::Duration;

use jiff::Timestamp;

use super::labels::{Fingerprint, Labels};

/// The most bytes of an alert's labels and annotations together.
const MAX_BYTES: usize = 64 << 10;

/// What is known of one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) starts_at: Timestamp,
    /// From then on it is resolved, unless it is heard of again.
    pub(crate) ends_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) generator_url: String,
    /// The end was not said, but is when patience ends.
    pub(crate) timeout: bool,
}

/// An alert as somebody sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) starts_at: Option<Timestamp>,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) generator_url: String,
}

impl Posted {
    /// Fills in the times that were left out: it starts when it is heard of, and ends after `patience`.
    ///
    /// # Errors
    /// It is no alert.
    pub(crate) fn at(mut self, now: Timestamp, patience: Duration) -> Result<Alert, String> {
        self.labels.retain(|_, value| !value.is_empty());
        let starts_at = self.starts_at.or(self.ends_at).unwrap_or(now);
        let ends_at = self.ends_at.unwrap_or_else(|| later(now, patience));
        if ends_at < starts_at {
            return Err("start time must be before end time".to_owned());
        }
        if self.labels.is_empty() {
            return Err("at least one label pair required".to_owned());
        }
        for (set, what) in [(&self.labels, "invalid label set"), (&self.annotations, "invalid annotations")] {
            if set.contains_key("") {
                return Err(format!("{what}: invalid name \"\""));
            }
        }
        let bytes = |set: &Labels| set.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if bytes(&self.labels) + bytes(&self.annotations) + self.generator_url.len() > MAX_BYTES {
            return Err(format!("labels and annotations take more than {MAX_BYTES} bytes"));
        }
        Ok(Alert {
            starts_at,
            ends_at,
            updated_at: now,
            timeout: self.ends_at.is_none(),
            labels: self.labels,
            annotations: self.annotations,
            generator_url: self.generator_url,
        })
    }
}

impl Alert {
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }

    pub(crate) fn resolved_at(&self, now: Timestamp) -> bool {
        self.ends_at <= now
    }

    /// What the two together say of one alert, if their times meet; else what the younger one says.
    pub(crate) fn after(self, old: &Self, now: Timestamp) -> Self {
        let ends_within = self.ends_at > old.starts_at && self.ends_at < old.ends_at;
        let starts_within = self.starts_at > old.starts_at && self.starts_at < old.ends_at;
        if !(ends_within || starts_within) {
            return self;
        }
        if self.updated_at < old.updated_at { old.clone().over(&self, now) } else { self.over(old, now) }
    }

    /// The earliest start, and of the ends: one that was said rules over one that was guessed, if it is the later one.
    fn over(mut self, old: &Self, now: Timestamp) -> Self {
        self.starts_at = self.starts_at.min(old.starts_at);
        let keeps_end = if self.resolved_at(now) { old.resolved_at(now) } else { !old.timeout };
        if keeps_end {
            self.ends_at = self.ends_at.max(old.ends_at);
        }
        self
    }
}

/// A time that much later, or the last there is.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::alertmanager::labels;

    /// So many seconds after some moment.
    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("within range")
    }

    pub(crate) fn firing<const N: usize>(pairs: [(&str, &str); N], from: i64, to: i64) -> Alert {
        let posted = Posted {
            labels: labels::of(pairs),
            starts_at: Some(at(from)),
            ends_at: Some(at(to)),
            ..Posted::default()
        };
        posted.at(at(from), Duration::ZERO).expect("an alert")
    }

    #[test]
    fn times_that_are_left_out_are_filled_in() {
        let patience = Duration::from_secs(60);
        let one = || Posted { labels: labels::of([("a", "1"), ("b", "")]), ..Posted::default() };
        let open = one().at(at(0), patience).expect("an alert");
        assert_eq!((open.starts_at, open.ends_at, open.timeout), (at(0), at(60), true));
        assert_eq!(open.labels, labels::of([("a", "1")]), "an empty value means no label");
        let ended = Posted { ends_at: Some(at(-5)), ..one() }.at(at(0), patience).expect("an alert");
        assert_eq!((ended.starts_at, ended.ends_at, ended.timeout), (at(-5), at(-5), false));
    }

    #[test]
    fn what_is_no_alert_is_refused() {
        let patience = Duration::from_secs(60);
        let one = || Posted { labels: labels::of([("a", "1")]), ..Posted::default() };
        let long = "x".repeat(MAX_BYTES);
        for (wrong, word) in [
            (Posted { starts_at: Some(at(5)), ends_at: Some(at(4)), ..one() }, "before end"),
            (Posted { labels: labels::of([("a", "")]), ..one() }, "at least one"),
            (Posted { labels: labels::of([("", "x")]), ..one() }, "label set"),
            (Posted { annotations: labels::of([("", "x")]), ..one() }, "annotations"),
            (Posted { annotations: labels::of([("x", long.as_str())]), ..one() }, "bytes"),
        ] {
            let told = wrong.at(at(0), patience).expect_err(word);
            assert!(told.contains(word), "{told}");
        }
    }

    #[test]
    fn alerts_that_overlap_become_one() {
        let old = firing([("a", "1")], 0, 60);
        let mut new = firing([("a", "1")], 30, 90);
        new = new.after(&old, at(30));
        assert_eq!((new.starts_at, new.ends_at), (at(0), at(90)));

        // A word that it is over counts at once, though the old end was later.
        let mut over = firing([("a", "1")], 0, 40);
        over.updated_at = at(40);
        let over = over.after(&new, at(40));
        assert_eq!((over.starts_at, over.ends_at), (at(0), at(40)));

        // What comes after the end is another alert of the same labels.
        let again = firing([("a", "1")], 100, 160);
        assert_eq!(again.clone().after(&over, at(100)), again);
    }

    #[test]
    fn an_end_that_was_said_is_not_cut_short_by_a_guess() {
        let said = firing([("a", "1")], 0, 600);
        let guess = Posted { labels: labels::of([("a", "1")]), ..Posted::default() };
        let guess = guess.at(at(10), Duration::from_secs(60)).expect("an alert");
        assert_eq!(guess.clone().after(&said, at(10)).ends_at, at(600));
        let guessed = Alert { timeout: true, ..said };
        assert_eq!(guess.after(&guessed, at(10)).ends_at, at(70));
    }
}
