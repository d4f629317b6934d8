//! The breaker's rules, with a clock that is a number.

use super::*;
use proptest::prelude::*;

fn breaker(now: Instant) -> Breaker {
    Breaker::new(super::super::Policy::default().breaker, now)
}

fn call(breaker: &mut Breaker, outcome: Outcome, now: Instant) {
    let leave = breaker.enter(now).unwrap();
    breaker.leave(leave, outcome, now);
}

fn opened(now: Instant) -> Breaker {
    let mut breaker = breaker(now);
    for _ in 0..10 {
        call(&mut breaker, Outcome::Failure, now);
    }
    assert_eq!(breaker.state(), State::Open);
    breaker
}

#[test]
fn few_failures_decide_nothing_and_half_of_enough_open_it() {
    let now = Instant::now();
    let mut breaker = breaker(now);
    for _ in 0..5 {
        call(&mut breaker, Outcome::Success, now);
    }
    for _ in 0..4 {
        call(&mut breaker, Outcome::Failure, now);
        assert_eq!(breaker.state(), State::Closed);
    }
    call(&mut breaker, Outcome::Failure, now);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn old_failures_are_forgotten() {
    let start = Instant::now();
    let mut breaker = breaker(start);
    for _ in 0..9 {
        call(&mut breaker, Outcome::Failure, start);
    }
    call(&mut breaker, Outcome::Failure, start + Duration::from_secs(11));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn open_refuses_with_the_time_that_is_left() {
    let now = Instant::now();
    let mut breaker = opened(now);
    assert_eq!(breaker.enter(now + Duration::from_secs(1)), Err(Duration::from_secs(2)));
}

#[test]
fn half_open_lets_only_the_probes_through_and_closes_when_all_succeed() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let later = now + Duration::from_secs(3);
    let first = breaker.enter(later).unwrap();
    let second = breaker.enter(later).unwrap();
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.enter(later).is_err());
    breaker.leave(first, Outcome::Success, later);
    assert!(breaker.enter(later).is_err(), "a third probe is not needed");
    breaker.leave(second, Outcome::Success, later);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn one_failed_probe_opens_it_again_for_the_whole_time() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let later = now + Duration::from_secs(3);
    call(&mut breaker, Outcome::Failure, later);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.enter(later), Err(Duration::from_secs(3)));
}

#[test]
fn a_probe_that_was_given_up_makes_room_for_another() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let later = now + Duration::from_secs(3);
    let first = breaker.enter(later).unwrap();
    let _second = breaker.enter(later).unwrap();
    breaker.leave(first, Outcome::Unknown, later);
    assert!(breaker.enter(later).is_ok());
}

#[test]
fn an_answer_from_before_the_opening_changes_nothing() {
    let now = Instant::now();
    let mut breaker = breaker(now);
    let slow = breaker.enter(now).unwrap();
    for _ in 0..10 {
        call(&mut breaker, Outcome::Failure, now);
    }
    let later = now + Duration::from_secs(3);
    let _probe = breaker.enter(later).unwrap();
    breaker.leave(slow, Outcome::Failure, later);
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn a_breaker_that_is_turned_off_lets_everything_through_and_begins_anew_when_it_is_turned_on() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let on = super::super::Policy::default().breaker;
    breaker.set_policy(BreakerPolicy { enabled: false, ..on }, now);
    for _ in 0..50 {
        call(&mut breaker, Outcome::Failure, now);
    }
    assert_eq!(breaker.state(), State::Closed);
    breaker.set_policy(on, now);
    for _ in 0..9 {
        call(&mut breaker, Outcome::Failure, now);
        assert_eq!(breaker.state(), State::Closed);
    }
    call(&mut breaker, Outcome::Failure, now);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn another_threshold_counts_from_the_next_outcome_on() {
    let now = Instant::now();
    let mut breaker = breaker(now);
    for _ in 0..9 {
        call(&mut breaker, Outcome::Success, now);
    }
    let policy = BreakerPolicy { failure_percent: 10, ..super::super::Policy::default().breaker };
    breaker.set_policy(policy, now);
    call(&mut breaker, Outcome::Failure, now);
    assert_eq!(breaker.state(), State::Open);
}

proptest! {
    #[test]
    fn it_never_gets_stuck(steps in proptest::collection::vec((0_u8..3, 0_u64..2000), 1..300)) {
        let mut now = Instant::now();
        let mut breaker = breaker(now);
        for (outcome, millis) in steps {
            now += Duration::from_millis(millis);
            if let Ok(leave) = breaker.enter(now) {
                let outcome = [Outcome::Success, Outcome::Failure, Outcome::Unknown][usize::from(outcome)];
                breaker.leave(leave, outcome, now);
            }
            prop_assert!(breaker.outcomes.len() <= MAX_OUTCOMES);
        }
        // Whatever happened before: after the open time, successes close it.
        now += Duration::from_secs(3);
        for _ in 0..2 {
            call(&mut breaker, Outcome::Success, now);
        }
        prop_assert_eq!(breaker.state(), State::Closed);
    }
}
