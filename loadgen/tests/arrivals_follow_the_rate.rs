//! Arrivals come from the integrated rate: exact on ramps, spikes and jumps, at any time in a run without an end.

use loadgen::plan::Plan;
use loadgen::plan::arrivals::{Arrivals, Rate, Spacing};
use loadgen::profile::load;
use proptest::prelude::*;
use std::time::Duration;

fn levels() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let middle = proptest::collection::vec((1.0..99.0f64, 0.0..8.0f64), 0..6);
    (0.0..4.0f64, middle, 0.1..4.0f64).prop_map(|(first, mut middle, last)| {
        middle.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut points = vec![(0.0, first)];
        points.extend(middle);
        points.push((100.0, last));
        points
    })
}

proptest! {
    #[test]
    fn solving_inverts_integrating(levels in levels(), level in 0.5..500.0f64, at in 0.0..3.0f64) {
        let rate = Rate::new(&levels, Duration::from_secs(60), level);
        let area = rate.integral(at * 60.0);
        let solved = rate.solve(area).unwrap();
        // Where the rate is zero many times have one area: compare areas, not times.
        prop_assert!((rate.integral(solved) - area).abs() <= 1e-6 * area.max(1.0), "{area} at {solved}");
    }

    #[test]
    fn even_spacing_never_strays_from_the_integral(levels in levels(), level in 0.5..200.0f64) {
        let end = Duration::from_secs(90);
        let rate = Rate::new(&levels, Duration::from_secs(60), level);
        let mut last = Duration::ZERO;
        let mut count = 0;
        for (session, offset) in Arrivals::new(&rate, Spacing::Even, 1, Some(end)) {
            prop_assert!(offset >= last && offset < end);
            let expected = rate.integral(offset.as_secs_f64());
            prop_assert!((expected - (session as f64 + 0.5)).abs() < 1e-3, "session {session} at {offset:?}: {expected}");
            last = offset;
            count = session + 1;
        }
        prop_assert!((count as f64 - rate.integral(90.0)).abs() <= 0.5 + 1e-6);
    }

    #[test]
    fn poisson_spacing_has_the_right_number_and_order(levels in levels(), seed in any::<u64>()) {
        let rate = Rate::new(&levels, Duration::from_secs(60), 50.0);
        let offsets: Vec<_> = Arrivals::new(&rate, Spacing::Poisson, seed, Some(Duration::from_secs(60))).collect();
        prop_assert!(offsets.windows(2).all(|w| w[0].1 <= w[1].1 && w[0].0 + 1 == w[1].0));
        let expected = rate.integral(60.0);
        // Six standard deviations of a Poisson count.
        prop_assert!((offsets.len() as f64 - expected).abs() <= 6.0 * expected.sqrt() + 1.0, "{} for {expected}", offsets.len());
    }
}

#[test]
fn a_ramp_has_most_of_its_arrivals_at_its_end() {
    // From 0 to 100/s in 10 s: 500 in all, a quarter of them in the first half.
    let rate = Rate::new(&[(0.0, 0.0), (100.0, 1.0)], Duration::from_secs(10), 100.0);
    let offsets: Vec<_> = Arrivals::new(&rate, Spacing::Even, 1, Some(Duration::from_secs(10))).collect();
    assert_eq!(offsets.len(), 500);
    assert_eq!(offsets.iter().filter(|(_, at)| *at < Duration::from_secs(5)).count(), 125);
}

#[test]
fn a_spike_jumps_up_and_down() {
    let plan =
        Plan::new(&load("spike", &[]).unwrap(), 1, Some(Duration::from_secs(100)), Some(60.0)).unwrap();
    let count = |from: u64, to: u64| {
        plan.arrivals().filter(|(_, at)| (from..to).contains(&at.as_secs())).count() as f64
            / (to - from) as f64
    };
    let (before, during, after) = (count(0, 40), count(40, 60), count(60, 100));
    assert!(
        (4.0..6.0).contains(&(during / before)) && (4.0..6.0).contains(&(during / after)),
        "{before} {during} {after}"
    );
}

#[test]
fn a_run_without_an_end_repeats_its_levels() {
    let plan = Plan::endless(&load("daily", &[]).unwrap(), 1, Some(200.0)).unwrap();
    let day = plan.profile().duration.as_secs();
    let mut days = [0u32; 4];
    for (_, at) in plan.arrivals().take_while(|(_, at)| at.as_secs() < 4 * day) {
        days[(at.as_secs() / day) as usize] += 1;
    }
    let mean = f64::from(days.iter().sum::<u32>()) / 4.0;
    assert!(days.iter().all(|d| (f64::from(*d) - mean).abs() < 0.05 * mean), "{days:?}");
}

#[test]
fn the_rate_means_requests_not_sessions() {
    let plan =
        Plan::new(&load("steady", &[]).unwrap(), 9, Some(Duration::from_secs(200)), Some(50.0)).unwrap();
    let requests: usize = plan.arrivals().map(|(n, _)| plan.session(n).steps.len()).sum();
    assert!((requests as f64 / 10_000.0 - 1.0).abs() < 0.06, "{requests} requests instead of 10000");
    assert!((plan.expected_requests().unwrap() - 10_000.0).abs() < 1e-6);
}
