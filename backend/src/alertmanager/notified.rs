//! Who was told what, and when: so that nobody is told twice, also not after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::alert::later;
use super::labels::Fingerprint;

/// The longest that one is remembered, and how many are.
const RETENTION: Duration = Duration::from_secs(120 * 3600);
const MAX_ENTRIES: usize = 20_000;

/// What the last notification of a group to a channel said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) firing: BTreeSet<Fingerprint>,
    pub(crate) resolved: BTreeSet<Fingerprint>,
    pub(crate) at: Timestamp,
    pub(crate) forget_at: Timestamp,
}

/// What there is to say of a group now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) firing: BTreeSet<Fingerprint>,
    pub(crate) resolved: BTreeSet<Fingerprint>,
}

/// The last notifications, by group and channel.
#[derive(Debug, Default)]
pub(crate) struct Notified(BTreeMap<String, Told>);

impl Notified {
    /// With those that are remembered.
    pub(crate) fn new(known: impl IntoIterator<Item = (String, Told)>) -> Self {
        Self(known.into_iter().take(MAX_ENTRIES).collect())
    }

    /// Whether this has to be said: it is new, or was said so long ago that it is to be repeated.
    pub(crate) fn is_news(
        &self,
        key: &str,
        news: &News,
        sends_resolved: bool,
        repeat: Duration,
        now: Timestamp,
    ) -> bool {
        let Some(told) = self.0.get(key) else { return !news.firing.is_empty() };
        if !news.firing.is_subset(&told.firing) {
            return true;
        }
        if news.firing.is_empty() {
            // Also where the end is not sent: what is remembered as firing has to go. What began and ended between two
            // notifications, nobody knows of.
            return !told.firing.is_empty();
        }
        (sends_resolved && !news.resolved.is_subset(&told.resolved)) || later(told.at, repeat) < now
    }

    /// Remembers that it was said.
    pub(crate) fn write_down(&mut self, key: String, news: News, repeat: Duration, now: Timestamp) {
        let forget_at = later(now, RETENTION.min(repeat.saturating_mul(2)));
        self.0.insert(key, Told { firing: news.firing, resolved: news.resolved, at: now, forget_at });
        if self.0.len() > MAX_ENTRIES
            && let Some(oldest) = self.0.iter().min_by_key(|(_, told)| told.at).map(|(key, _)| key.clone())
        {
            self.0.remove(&oldest);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Told)> {
        self.0.iter().map(|(key, told)| (key.as_str(), told))
    }

    /// Forgets what is too old to matter; whether there was any.
    pub(crate) fn forget_old(&mut self, now: Timestamp) -> bool {
        let before = self.0.len();
        self.0.retain(|_, told| told.forget_at > now);
        self.0.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alertmanager::alert::tests::at;

    const REPEAT: Duration = Duration::from_secs(100);

    fn news(firing: &[u64], resolved: &[u64]) -> News {
        let set = |of: &[u64]| of.iter().copied().map(Fingerprint).collect();
        News { firing: set(firing), resolved: set(resolved) }
    }

    fn told(firing: &[u64], resolved: &[u64]) -> Notified {
        let mut notified = Notified::default();
        notified.write_down("k".to_owned(), news(firing, resolved), REPEAT, at(0));
        notified
    }

    #[test]
    fn what_is_new_is_said_once() {
        let is_news =
            |before: &Notified, now: News, sends: bool| before.is_news("k", &now, sends, REPEAT, at(1));
        let nothing = Notified::default();
        assert!(is_news(&nothing, news(&[1], &[]), true));
        assert!(!is_news(&nothing, news(&[], &[1]), true), "nobody knew that it was there");
        let one = told(&[1], &[]);
        assert!(!is_news(&one, news(&[1], &[]), true));
        assert!(is_news(&one, news(&[1, 2], &[]), true));
        assert!(is_news(&one, news(&[], &[1]), true));
        assert!(is_news(&one, news(&[], &[1]), false), "or it would be remembered as firing");
        let two = told(&[1, 2], &[]);
        assert!(is_news(&two, news(&[1], &[2]), true));
        assert!(!is_news(&two, news(&[1], &[2]), false));
        assert!(!is_news(&two, news(&[1], &[]), true), "a part of what was said");
        let over = told(&[], &[1]);
        assert!(!is_news(&over, news(&[], &[1, 2]), true));
        assert!(is_news(&over, news(&[1], &[]), true));
    }

    #[test]
    fn what_goes_on_is_said_again_after_a_while() {
        let one = told(&[1], &[]);
        let is_news = |now| one.is_news("k", &news(&[1], &[]), true, REPEAT, at(now));
        assert!(!is_news(100) && is_news(101));
        assert!(one.is_news("another group", &news(&[1], &[]), true, REPEAT, at(1)));
    }

    #[test]
    fn it_is_remembered_for_twice_as_long_as_it_takes_to_be_repeated() {
        let mut one = told(&[1], &[]);
        assert!(!one.forget_old(at(199)));
        assert!(one.forget_old(at(200)));
        let mut long = Notified::default();
        long.write_down("k".to_owned(), news(&[1], &[]), Duration::MAX, at(0));
        assert!(long.forget_old(later(at(0), RETENTION)));
    }
}
