//! Changes, leases and the way back, with a clock that is a number.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn state() -> State {
    State::new(values(&[("pool", 8), ("wait", 1000)]))
}

fn values(pairs: &[(&str, i64)]) -> Values {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect()
}

fn value(state: &State, key: &str) -> i64 {
    state.values[key].as_i64().unwrap()
}

#[test]
fn each_change_is_a_revision_and_what_is_as_it_was_is_none() {
    let mut state = state();
    state.set(values(&[("pool", 4), ("wait", 1000)]), 10);
    state.set(values(&[("pool", 4)]), 20);
    assert_eq!((state.revision, state.history.len()), (1, 1));
    assert_eq!(state.history[0].changes.keys().collect::<Vec<_>>(), ["pool"]);
    assert_eq!(state.history[0].at_ms, 10);
}

#[test]
fn the_way_back_is_a_change_like_any_other() {
    let mut state = state();
    state.set(values(&[("pool", 4)]), 1);
    state.set(values(&[("pool", 2), ("wait", 5)]), 2);
    state.roll_back(None, 3).unwrap();
    assert_eq!((value(&state, "pool"), value(&state, "wait"), state.revision), (4, 1000, 3));
    state.roll_back(Some(0), 4).unwrap();
    assert_eq!((value(&state, "pool"), state.revision), (8, 4));
    state.roll_back(Some(2), 5).unwrap();
    assert_eq!((value(&state, "pool"), value(&state, "wait")), (2, 5));
    assert_eq!(state.roll_back(Some(99), 6), Err(Unreachable { oldest: 0, newest: 5 }));
}

#[test]
fn only_so_many_revisions_are_remembered_and_gone_back_to() {
    let mut state = state();
    for number in 0..=REMEMBERED as i64 {
        state.set(values(&[("pool", 100 + number)]), number);
    }
    assert_eq!(state.history.len(), REMEMBERED);
    let newest = state.revision;
    assert_eq!(state.roll_back(Some(0), 0), Err(Unreachable { oldest: 1, newest }));
    state.roll_back(Some(1), 0).unwrap();
    assert_eq!(value(&state, "pool"), 100);
}

#[test]
fn a_lease_that_ends_puts_back_what_it_replaced() {
    let mut state = state();
    state.lend("a".to_owned(), values(&[("pool", 1), ("wait", 5)]), 0, 100);
    assert_eq!(value(&state, "pool"), 1);
    assert!(!state.take_back_ended(99));
    assert!(state.take_back_ended(100));
    assert_eq!((value(&state, "pool"), value(&state, "wait")), (8, 1000));
    assert!(!state.take_back("a", 100), "it is gone");
}

#[test]
fn what_somebody_changed_meanwhile_stays() {
    let mut state = state();
    state.lend("a".to_owned(), values(&[("pool", 1), ("wait", 5)]), 0, 100);
    state.set(values(&[("pool", 6)]), 50);
    state.take_back("a", 60);
    assert_eq!((value(&state, "pool"), value(&state, "wait")), (6, 1000));
}

#[test]
fn a_lease_that_is_prolonged_ends_later() {
    let mut state = state();
    state.lend("a".to_owned(), values(&[("pool", 1)]), 0, 100);
    assert!(state.leases.prolong("a", 200));
    assert!(!state.leases.prolong("b", 200));
    assert!(!state.take_back_ended(150));
    assert_eq!(state.leases.next_end(), Some(200));
}

#[test]
fn nothing_in_the_history_tells_a_lease() {
    let mut lent = state();
    lent.lend("a".to_owned(), values(&[("pool", 1)]), 7, 100);
    lent.take_back_ended(100);
    let mut set = state();
    set.set(values(&[("pool", 1)]), 7);
    set.set(values(&[("pool", 8)]), 100);
    assert_eq!(lent.history, set.history);
}

proptest! {
    /// Whatever order leases end in, and however they overlap: when the last one has ended, all is as before the first.
    #[test]
    fn leases_leave_nothing_behind(
        lent in proptest::collection::vec((0_u8..2, 0_i64..4), 1..6),
        ends in proptest::collection::vec(0_usize..6, 0..12),
    ) {
        let mut state = state();
        let before = state.values.clone();
        for (number, (key, value)) in lent.iter().enumerate() {
            let key = if *key == 0 { "pool" } else { "wait" };
            state.lend(number.to_string(), values(&[(key, *value)]), 0, 100);
            if let Some(end) = ends.get(number) {
                state.take_back(&end.to_string(), 50);
            }
        }
        for end in ends {
            state.take_back(&end.to_string(), 60);
        }
        state.take_back_ended(100);
        prop_assert_eq!(state.values, before);
    }
}
