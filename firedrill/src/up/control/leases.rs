//! What leases of operations undo. Pure; the clock is the caller's.

use tokio::time::Instant;

/// What a lease undoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undo {
    /// An instance that was stopped goes on.
    Stop { service: String, instance: String },
    /// What was deployed beside a service is removed.
    Deploy { service: String },
}

/// The leases.
pub(super) type Leases = loadgen::leases::Leases<Undo>;

/// Ends a lease: what is to be undone, which is nothing as long as another lease holds the same. None when there is no such
/// lease.
pub(super) fn end(leases: &mut Leases, id: u64) -> Option<Option<Undo>> {
    let undo = leases.take(id)?;
    let held = leases.all().any(|other| *other == undo);
    Some((!held).then_some(undo))
}

/// Ends those whose time is over: what is to be undone.
pub(super) fn end_over(leases: &mut Leases, now: Instant) -> Vec<Undo> {
    std::iter::from_fn(|| leases.over(now).and_then(|id| end(leases, id))).flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn deploy(service: &str) -> Undo {
        Undo::Deploy { service: service.to_owned() }
    }

    #[test]
    fn what_is_over_is_undone_once() {
        let (mut leases, now) = (Leases::default(), Instant::now());
        leases.grant(deploy("a"), now + SECOND);
        let two = leases.grant(deploy("b"), now + 3 * SECOND);
        assert_eq!(end_over(&mut leases, now + 2 * SECOND), [deploy("a")]);
        assert_eq!(end_over(&mut leases, now + 2 * SECOND), []);
        assert_eq!(end(&mut leases, two), Some(Some(deploy("b"))));
    }

    #[test]
    fn what_two_leases_hold_is_undone_with_the_second() {
        let (mut leases, now) = (Leases::default(), Instant::now());
        let (one, two) = (leases.grant(deploy("a"), now), leases.grant(deploy("a"), now + SECOND));
        assert_eq!(end(&mut leases, one), Some(None));
        assert_eq!(end_over(&mut leases, now + SECOND), [deploy("a")]);
        assert!(end(&mut leases, two).is_none());
    }
}
