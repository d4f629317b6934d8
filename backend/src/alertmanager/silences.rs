//! Silences: for some time, alerts that fulfil all of some conditions notify nobody. Kept for a while after their end, for
//! people who ask what was silenced.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::alert::later;
use super::labels::{self, Labels};
use super::matchers::{Matcher, Op};

/// The most silences, those that are over among them, and the most bytes of one.
pub(crate) const MAX_SILENCES: usize = 1000;
const MAX_BYTES: usize = 64 << 10;
/// How long one is kept after its end.
pub(crate) const RETENTION: Duration = Duration::from_secs(120 * 3600);

/// A silence.
#[derive(Clone, Debug)]
pub(crate) struct Silence {
    /// Empty as long as it is new.
    pub(crate) id: String,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) comment: String,
}

/// Where a silence is in its life, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Active,
    Pending,
    Expired,
}

impl State {
    /// As the API calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }
}

/// Why a silence was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is none of that id.
    NotFound,
    /// What is wrong with it, or that there is no room.
    Invalid(String),
}

impl Silence {
    pub(crate) fn state(&self, now: Timestamp) -> State {
        match () {
            () if now < self.starts_at => State::Pending,
            () if now < self.ends_at => State::Active,
            () => State::Expired,
        }
    }

    fn match_all(&self, set: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.accepts(labels::value(set, &matcher.name)))
    }

    fn same_conditions(&self, other: &Self) -> bool {
        self.matchers.iter().map(Matcher::key).eq(other.matchers.iter().map(Matcher::key))
    }

    fn check(&self) -> Result<(), String> {
        if self.matchers.is_empty() {
            return Err("at least one matcher required".to_owned());
        }
        if let Some(at) = self.matchers.iter().position(|matcher| matcher.name.is_empty()) {
            return Err(format!("invalid label matcher {at}: invalid label name \"\""));
        }
        // Such a silence would silence everything.
        let silent = |m: &Matcher| matches!(m.op, Op::Equal | Op::Matches) && m.accepts("");
        if self.matchers.iter().all(silent) {
            return Err("at least one matcher must not match the empty string".to_owned());
        }
        if self.ends_at < self.starts_at {
            return Err("end time must not be before start time".to_owned());
        }
        let texts = self.matchers.iter().map(|m| m.name.len() + m.value.len()).sum::<usize>();
        let bytes = texts + self.comment.len() + self.created_by.len();
        if bytes > MAX_BYTES {
            return Err(format!("silence exceeded maximum size: {bytes} bytes (limit: {MAX_BYTES} bytes)"));
        }
        Ok(())
    }
}

/// All silences by their ids.
#[derive(Debug, Default)]
pub(crate) struct Silences(BTreeMap<String, Silence>);

impl Silences {
    /// With those that are remembered.
    pub(crate) fn new(known: impl IntoIterator<Item = Silence>) -> Self {
        Self(known.into_iter().map(|silence| (silence.id.clone(), silence)).take(MAX_SILENCES).collect())
    }

    /// Takes a new one in, or a changed one; hands its id back. A change that would alter what was silenced before now ends the
    /// old one, and makes a new one under `fresh_id`.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) fn set(
        &mut self,
        mut silence: Silence,
        fresh_id: impl FnOnce() -> String,
        now: Timestamp,
    ) -> Result<String, Refused> {
        silence.check().map_err(|what| Refused::Invalid(format!("invalid silence: {what}")))?;
        let old = self.0.get(&silence.id);
        if old.is_none() && !silence.id.is_empty() {
            return Err(Refused::NotFound);
        }
        silence.updated_at = now;
        if old.is_some_and(|old| keeps_history(old, &silence, now)) {
            let id = silence.id.clone();
            self.0.insert(id.clone(), silence);
            return Ok(id);
        }
        if self.0.len() >= MAX_SILENCES {
            return Err(Refused::Invalid(format!(
                "exceeded maximum number of silences: {} (limit: {MAX_SILENCES})",
                self.0.len()
            )));
        }
        // An id that is new names nothing to expire.
        let _ = self.expire(&silence.id, now);
        silence.id = fresh_id();
        silence.starts_at = silence.starts_at.max(now);
        let id = silence.id.clone();
        self.0.insert(id.clone(), silence);
        Ok(id)
    }

    /// Ends one; one that is over stays as it is.
    ///
    /// # Errors
    /// There is none of that id.
    pub(crate) fn expire(&mut self, id: &str, now: Timestamp) -> Result<(), Refused> {
        let silence = self.0.get_mut(id).ok_or(Refused::NotFound)?;
        match silence.state(now) {
            State::Expired => return Ok(()),
            State::Active => silence.ends_at = now,
            State::Pending => (silence.starts_at, silence.ends_at) = (now, now),
        }
        silence.updated_at = now;
        Ok(())
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Silence> {
        self.0.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.0.values()
    }

    /// The ids of those that silence an alert with these labels now, in their order.
    pub(crate) fn of(&self, set: &Labels, now: Timestamp) -> Vec<String> {
        let active = self.0.values().filter(|s| s.state(now) == State::Active && s.match_all(set));
        active.map(|silence| silence.id.clone()).collect()
    }

    /// Forgets those that ended long ago; whether there were any.
    pub(crate) fn forget_old(&mut self, now: Timestamp) -> bool {
        let before = self.0.len();
        self.0.retain(|_, silence| later(silence.ends_at, RETENTION) > now);
        self.0.len() < before
    }
}

/// Whether `new` leaves what was silenced before now as it was.
fn keeps_history(old: &Silence, new: &Silence, now: Timestamp) -> bool {
    old.same_conditions(new)
        && match old.state(now) {
            State::Active => old.starts_at.as_second() == new.starts_at.as_second() && new.ends_at >= now,
            State::Pending => new.starts_at >= now,
            State::Expired => false,
        }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::alertmanager::alert::tests::at;
    use crate::alertmanager::matchers;

    /// One that is new.
    pub(crate) fn silence(conditions: &str, from: i64, to: i64) -> Silence {
        Silence {
            id: String::new(),
            matchers: matchers::read(conditions).expect("valid"),
            starts_at: at(from),
            ends_at: at(to),
            updated_at: at(0),
            created_by: "me".to_owned(),
            comment: "why".to_owned(),
        }
    }

    fn set(silences: &mut Silences, silence: Silence, now: i64) -> Result<String, Refused> {
        let fresh = format!("id-{}", silences.0.len());
        silences.set(silence, || fresh, at(now))
    }

    #[test]
    fn a_silence_silences_what_fulfils_all_its_conditions_as_long_as_it_lasts() {
        let mut silences = Silences::default();
        let id = set(&mut silences, silence("a=1,b!=2", 10, 20), 0).expect("taken");
        let labels = labels::of([("a", "1")]);
        for (now, silenced) in [(0, false), (10, true), (19, true), (20, false)] {
            assert_eq!(!silences.of(&labels, at(now)).is_empty(), silenced, "{now}");
        }
        assert_eq!(silences.of(&labels, at(10)), [id]);
        assert!(silences.of(&labels::of([("a", "1"), ("b", "2")]), at(10)).is_empty());
    }

    #[test]
    fn a_longer_end_is_a_change_and_other_conditions_are_another_silence() {
        let mut silences = Silences::default();
        let id = set(&mut silences, silence("a=1", 0, 100), 0).expect("taken");
        let changed =
            |conditions: &str, from, to| Silence { id: id.clone(), ..silence(conditions, from, to) };
        assert_eq!(set(&mut silences, changed("a=1", 0, 200), 50).as_ref(), Ok(&id));
        assert_eq!(silences.get(&id).map(|s| s.ends_at), Some(at(200)));

        let other = set(&mut silences, changed("a=2", 0, 200), 60).expect("taken");
        assert_ne!(other, id);
        assert_eq!(silences.get(&id).map(|s| (s.state(at(60)), s.ends_at)), Some((State::Expired, at(60))));
        assert_eq!(silences.get(&other).map(|s| s.starts_at), Some(at(60)), "it cannot begin before now");
    }

    #[test]
    fn one_that_is_over_is_renewed_under_another_id() {
        let mut silences = Silences::default();
        let id = set(&mut silences, silence("a=1", 0, 10), 0).expect("taken");
        silences.expire(&id, at(5)).expect("there");
        silences.expire(&id, at(7)).expect("there");
        assert_eq!(silences.get(&id).map(|s| s.ends_at), Some(at(5)), "the first end stays");
        let again = Silence { id: id.clone(), ..silence("a=1", 0, 90) };
        assert_ne!(set(&mut silences, again, 20).expect("taken"), id);
        assert_eq!(silences.expire("nobody", at(20)), Err(Refused::NotFound));
    }

    #[test]
    fn one_that_has_not_begun_never_does_when_it_is_expired() {
        let mut silences = Silences::default();
        let id = set(&mut silences, silence("a=1", 50, 100), 0).expect("taken");
        silences.expire(&id, at(5)).expect("there");
        assert_eq!(silences.get(&id).map(|s| s.state(at(60))), Some(State::Expired));
    }

    #[test]
    fn what_would_silence_everything_or_nothing_is_refused() {
        let mut silences = Silences::default();
        for (wrong, word) in [
            (silence("", 0, 1), "at least one matcher required"),
            (silence("a=\"\"", 0, 1), "empty string"),
            (silence("a=~\".*\"", 0, 1), "empty string"),
            (silence("a=1", 2, 1), "before start"),
            (silence(&format!("a={}", "x".repeat(MAX_BYTES)), 0, 1), "maximum size"),
        ] {
            let Err(Refused::Invalid(told)) = set(&mut silences, wrong, 0) else { panic!("{word}") };
            assert!(told.contains(word), "{told}");
        }
        let unknown = Silence { id: "x".to_owned(), ..silence("a=1", 0, 1) };
        assert_eq!(set(&mut silences, unknown, 0), Err(Refused::NotFound));
    }

    #[test]
    fn there_are_so_many_and_old_ones_are_forgotten() {
        let mut silences = Silences::default();
        for _ in 0..MAX_SILENCES {
            set(&mut silences, silence("a=1", 0, 10), 0).expect("room");
        }
        let Err(Refused::Invalid(told)) = set(&mut silences, silence("a=1", 0, 10), 0) else {
            panic!("full")
        };
        assert!(told.contains("maximum number"), "{told}");
        assert!(!silences.forget_old(at(10)));
        assert!(silences.forget_old(later(at(10), RETENTION)));
        assert_eq!(silences.iter().count(), 0);
    }
}
