//! Groups: alerts of a route that are told together, and when it is a group's turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::alert::{Alert, later};
use super::labels::{Fingerprint, Labels};
use super::routes::{Options, RouteId};

/// The most groups.
pub(crate) const MAX_GROUPS: usize = 2000;

/// A group: its route, and what its alerts have in common.
pub(crate) type GroupId = (RouteId, Labels);

#[derive(Debug)]
struct Group {
    alerts: BTreeMap<Fingerprint, Arc<Alert>>,
    /// When its turn is.
    next: Timestamp,
    /// Its last turn is not over.
    busy: bool,
}

/// All groups.
#[derive(Debug, Default)]
pub(crate) struct Groups(BTreeMap<GroupId, Group>);

impl Groups {
    /// Puts an alert into its group. A new group waits for companions of its first alert, unless that one is old; with no room
    /// for one more group the answer is `false`.
    pub(crate) fn insert(
        &mut self,
        id: GroupId,
        alert: Arc<Alert>,
        options: &Options,
        now: Timestamp,
    ) -> bool {
        let full = self.0.len() >= MAX_GROUPS;
        let group = match self.0.entry(id) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(_) if full => return false,
            std::collections::btree_map::Entry::Vacant(new) => {
                let old = later(alert.starts_at, options.group_wait) < now;
                let next = if old { now } else { later(now, options.group_wait) };
                new.insert(Group { alerts: BTreeMap::new(), next, busy: false })
            }
        };
        group.alerts.insert(alert.fingerprint(), alert);
        true
    }

    /// The groups whose turn it is, which have it from now on until [`finish`](Self::finish). Their next one is after the
    /// interval that `options` says.
    pub(crate) fn take_turns<'o>(
        &mut self,
        options: impl Fn(RouteId) -> &'o Options,
        now: Timestamp,
    ) -> Vec<(GroupId, Vec<Arc<Alert>>)> {
        let mut turns = Vec::new();
        for (id, group) in self.0.iter_mut().filter(|(_, group)| !group.busy && group.next <= now) {
            group.next = later(now, options(id.0).group_interval);
            if !group.alerts.is_empty() {
                group.busy = true;
                turns.push((id.clone(), group.alerts.values().cloned().collect()));
            }
        }
        turns
    }

    /// A turn is over. `told` are the resolved alerts that everybody now knows to be over: they leave, unless they were heard of
    /// again meanwhile.
    pub(crate) fn finish(&mut self, id: &GroupId, told: &[(Fingerprint, Timestamp)]) {
        let Some(group) = self.0.get_mut(id) else { return };
        group.busy = false;
        for (fingerprint, updated_at) in told {
            if group.alerts.get(fingerprint).is_some_and(|alert| alert.updated_at == *updated_at) {
                group.alerts.remove(fingerprint);
            }
        }
    }

    /// When the next turn is, if there is any.
    pub(crate) fn next_turn(&self) -> Option<Timestamp> {
        self.0.values().filter(|group| !group.busy).map(|group| group.next).min()
    }

    /// Forgets groups without alerts. Not at once: what comes again soon belongs to the group that was told of before.
    pub(crate) fn forget_empty(&mut self) {
        self.0.retain(|_, group| group.busy || !group.alerts.is_empty());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&GroupId, impl Iterator<Item = &Arc<Alert>>)> {
        self.0.iter().map(|(id, group)| (id, group.alerts.values()))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::alertmanager::alert::tests::{at, firing};
    use crate::alertmanager::config::GroupBy;
    use crate::alertmanager::labels;

    fn options() -> Options {
        Options {
            receiver: "r".to_owned(),
            group_by: GroupBy::All,
            group_wait: Duration::from_secs(10),
            group_interval: Duration::from_secs(30),
            repeat_interval: Duration::from_secs(3600),
        }
    }

    fn id() -> GroupId {
        (0, labels::of([("g", "1")]))
    }

    fn turns(groups: &mut Groups, now: i64) -> Vec<usize> {
        let options = options();
        groups.take_turns(|_| &options, at(now)).into_iter().map(|(_, alerts)| alerts.len()).collect()
    }

    #[test]
    fn the_first_alert_waits_for_its_companions_and_later_ones_for_the_next_turn() {
        let mut groups = Groups::default();
        for (name, from) in [("a", 0), ("b", 4)] {
            assert!(groups.insert(id(), Arc::new(firing([("n", name)], from, 999)), &options(), at(from)));
        }
        assert_eq!(groups.next_turn(), Some(at(10)));
        assert!(turns(&mut groups, 9).is_empty());
        assert_eq!(turns(&mut groups, 10), [2]);
        assert!(turns(&mut groups, 40).is_empty(), "its turn is not over");
        groups.finish(&id(), &[]);
        assert!(groups.insert(id(), Arc::new(firing([("n", "c")], 20, 999)), &options(), at(20)));
        assert_eq!(groups.next_turn(), Some(at(40)));
        assert_eq!(turns(&mut groups, 40), [3]);
    }

    #[test]
    fn an_alert_that_is_old_does_not_wait() {
        let mut groups = Groups::default();
        groups.insert(id(), Arc::new(firing([("n", "a")], 0, 999)), &options(), at(11));
        assert_eq!(groups.next_turn(), Some(at(11)));
    }

    #[test]
    fn what_is_over_and_told_leaves_unless_it_came_again() {
        let mut groups = Groups::default();
        let (gone, again) = (firing([("n", "a")], 0, 5), firing([("n", "b")], 0, 5));
        let told = [&gone, &again].map(|alert| (alert.fingerprint(), alert.updated_at));
        groups.insert(id(), Arc::new(gone), &options(), at(0));
        groups.insert(id(), Arc::new(again.clone()), &options(), at(0));
        assert_eq!(turns(&mut groups, 10), [2]);
        groups.insert(
            id(),
            Arc::new(Alert { updated_at: at(11), ends_at: at(99), ..again }),
            &options(),
            at(11),
        );
        groups.finish(&id(), &told);
        assert_eq!(turns(&mut groups, 40), [1]);
        groups.finish(&id(), &[]);
        groups.forget_empty();
        assert_eq!(groups.len(), 1);
    }

    #[test]
    fn an_empty_group_has_no_turn_and_is_forgotten() {
        let mut groups = Groups::default();
        let one = firing([("n", "a")], 0, 5);
        groups.insert(id(), Arc::new(one.clone()), &options(), at(0));
        turns(&mut groups, 10);
        groups.finish(&id(), &[(one.fingerprint(), one.updated_at)]);
        assert!(turns(&mut groups, 40).is_empty());
        groups.forget_empty();
        assert_eq!((groups.len(), groups.next_turn()), (0, None));
    }

    #[test]
    fn there_is_room_for_so_many_groups() {
        let mut groups = Groups::default();
        let one = Arc::new(firing([("n", "a")], 0, 5));
        for route in 0..MAX_GROUPS {
            assert!(groups.insert((route, Labels::new()), Arc::clone(&one), &options(), at(0)));
        }
        assert!(!groups.insert((MAX_GROUPS, Labels::new()), Arc::clone(&one), &options(), at(0)));
        assert!(groups.insert((0, Labels::new()), one, &options(), at(0)));
    }
}
