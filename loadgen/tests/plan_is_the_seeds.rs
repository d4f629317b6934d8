//! Same inputs, same plan: to the byte, on every machine.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use loadgen::plan::Plan;
use loadgen::plan::digest::{inputs, sessions};
use loadgen::plan::journeys::{Journey, Path};
use loadgen::profile::load;
use std::time::Duration;

fn plan(profile: &str, seed: u64) -> Plan {
    let profile = load(profile, &[]).unwrap();
    Plan::new(&profile, seed, Some(Duration::from_secs(20)), Some(20.0)).unwrap()
}

/// A change here is a change of every plan: raise the encoding's version, and say so where people read it.
#[test]
fn the_golden_plan_has_not_changed() {
    let golden = include_str!("golden/steady-seed1-20s.txt");
    let plan = plan("steady", 1);
    let got = format!("digest {}\n{}{}", plan.digest(), inputs(&plan), sessions(&plan, 40));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/steady-seed1-20s.txt"), &got)
            .unwrap();
    }
    assert_eq!(got, golden);
}

#[test]
fn digests_of_the_built_in_profiles_have_not_changed() {
    let got: Vec<_> =
        loadgen::profile::names().iter().map(|n| format!("{n} {}", &plan(n, 7).digest()[..16])).collect();
    assert_eq!(got, GOLDEN);
}
const GOLDEN: [&str; 4] =
    ["steady e47f3f4b2755ad40", "ramp 5baad2789b3adeb1", "spike 18c66e61da0e7567", "daily 770a308c4276721c"];

#[test]
fn every_input_changes_the_digest() {
    let profile = load("steady", &[]).unwrap();
    let base = plan("steady", 1).digest();
    assert_eq!(base, plan("steady", 1).digest());
    let mut hotter = profile.clone();
    hotter.hot_share = 0.81;
    let second = Duration::from_secs(1);
    let others = [
        plan("steady", 2),
        plan("spike", 1),
        Plan::new(&profile, 1, Some(21 * second), Some(20.0)).unwrap(),
        Plan::new(&profile, 1, Some(20 * second), Some(21.0)).unwrap(),
        Plan::new(&hotter, 1, Some(20 * second), Some(20.0)).unwrap(),
        Plan::endless(&profile, 1, Some(20.0)).unwrap(),
    ];
    let mut digests: Vec<String> = others.iter().map(Plan::digest).collect();
    digests.push(base);
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 7);
}

#[test]
fn a_session_does_not_depend_on_those_before_it() {
    let plan = plan("steady", 5);
    let forwards: Vec<_> = (0..200).map(|n| plan.session(n)).collect();
    let backwards: Vec<_> = (0..200).rev().map(|n| plan.session(n)).rev().collect();
    assert_eq!(forwards, backwards);
}

#[test]
fn journeys_come_by_weight_and_are_as_long_as_promised() {
    let plan = plan("steady", 3);
    let n = 20_000;
    for (journey, weight) in &plan.profile().journeys {
        let mine: Vec<_> = (0..n).map(|s| plan.session(s)).filter(|s| s.journey == *journey).collect();
        let share = mine.len() as f64 / n as f64;
        assert!((share - weight / 100.0).abs() < 0.012, "{journey:?}: {share} of sessions, weight {weight}");
        let steps = mine.iter().map(|s| s.steps.len()).sum::<usize>() as f64 / mine.len() as f64;
        assert!((steps - journey.mean_steps()).abs() < 0.05, "{journey:?}: {steps} steps on average");
    }
    let used: Vec<Journey> = plan.profile().journeys.iter().map(|(j, _)| *j).collect();
    assert_eq!(used, Journey::ALL, "the steady profile shows all journeys");
}

#[test]
fn products_that_people_try_by_hand_are_never_bought() {
    let plan = plan("steady", 11);
    for session in (0..20_000).map(|n| plan.session(n)) {
        for step in &session.steps {
            for product in ids_after(step.body.as_deref().unwrap_or_default(), "\"product_id\":") {
                let sold_out = (9_001..=9_010).contains(&product);
                let stocked = (1_001..=2_000).contains(&product);
                let expect = plan.kinds()[step.kind].expect;
                match expect {
                    201 => assert!(stocked, "{product} in {step:?}"),
                    409 => assert!(sold_out, "{product} in {step:?}"),
                    400 => assert!(stocked || product >= 1_000_000, "{product} in {step:?}"),
                    other => panic!("an order planned to be answered {other}"),
                }
            }
        }
    }
}

#[test]
fn every_order_is_planned_for_one_answer_and_receipts_follow_orders() {
    let plan = plan("steady", 13);
    for session in (0..5_000).map(|n| plan.session(n)) {
        let captured = session.steps.iter().position(|s| matches!(s.path, Path::Captured(_)));
        if let Some(at) = captured {
            assert_eq!(session.steps[at - 1].capture, Some("id"), "{session:?}");
        }
        assert_eq!(captured.is_some(), matches!(session.journey, Journey::Buy | Journey::Basket));
    }
}

fn ids_after(text: &str, key: &str) -> Vec<u64> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    text.split(key).skip(1).map(|rest| digits(rest).parse().unwrap()).collect()
}
