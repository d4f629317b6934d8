//! The catalogue says what it means, the seed decides the rest, and what makes no sense is one clear error.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use loadgen::faults::{self, Request, Schedule, parse};
use loadgen::place::Mistake;
use std::time::Duration;

const SLOW: &str = include_str!("../faults/slow-network.toml");
const RUN: Duration = Duration::from_secs(120);

fn requests(texts: &[&str]) -> Vec<Request> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn schedule(texts: &[&str], seed: u64) -> Result<Schedule, String> {
    Schedule::new(&requests(texts), seed, RUN).map_err(|e| e.to_string())
}

#[test]
fn every_fault_of_the_catalogue_loads_and_can_be_planned() {
    let all = faults::all().unwrap();
    assert_eq!(all.len(), faults::names().len());
    assert!(faults::names().is_sorted(), "{:?}", faults::names());
    for fault in &all {
        assert!(!fault.about.is_empty(), "{}", fault.name);
        // Only the one that does nothing has nothing to prove.
        assert_eq!(fault.dose.is_none(), fault.steps.is_empty(), "{}", fault.name);
        for other in &fault.excludes {
            assert!(other == "*" || faults::names().contains(&other.as_str()), "{}: {other}", fault.name);
        }
        for seed in 0..20 {
            schedule(&[&fault.name], seed).unwrap();
        }
    }
}

#[test]
fn every_file_of_the_folder_is_in_the_catalogue() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("faults");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(files, faults::names());
}

#[test]
fn the_same_seed_plans_the_same_and_another_differently() {
    let of = |seed| schedule(&["slow-network"], seed).unwrap();
    assert_eq!(of(7).digest(), of(7).digest());
    let all: Vec<_> = (0..40).map(|seed| of(seed).injections[0].clone()).collect();
    let differ = |what: fn(&faults::Injection) -> String| {
        let mut values: Vec<_> = all.iter().map(what).collect();
        values.sort();
        values.dedup();
        values.len()
    };
    assert!(differ(|i| i.onset.as_millis().to_string()) > 30);
    assert!(differ(|i| i.severity.to_string()) > 30);
    assert_eq!(differ(|i| i.victims["link"].clone()), 2, "both victims get their turn");
    for injection in &all {
        let delay = injection.parameters["delay_ms"];
        assert!((80.0..=250.0).contains(&delay) && delay.fract() == 0.0, "{delay}");
    }
}

#[test]
fn a_plan_is_the_same_on_every_machine() {
    let digest = schedule(&["slow-network@30s+60s", "connection-resets@100s+10s"], 7).unwrap().digest();
    assert_eq!(digest, GOLDEN, "a change here is a change of everybody's plans");
}
const GOLDEN: &str = "e0ff08ca6eb45a93bb734888a0139e499e5bfee068d74914a845497ca406fd1a";

#[test]
fn what_was_asked_for_is_not_left_to_the_seed() {
    let one = schedule(&["slow-network@30s+60s,delay_ms=100"], 3).unwrap().injections.remove(0);
    assert_eq!((one.onset, one.length), (Duration::from_secs(30), Duration::from_secs(60)));
    assert_eq!(one.parameters["delay_ms"], 100.0);
}

#[test]
fn requests_that_make_no_sense_are_one_clear_error() {
    for (texts, words) in [
        (&["slow-netwrk@1s+1s"][..], &["no fault \"slow-netwrk\"", "did you mean `slow-network`?"][..]),
        (&["slow-network,delay=100"], &["no parameter \"delay\"", "did you mean `delay_ms`?"]),
        (&["slow-network,delay_ms=9000"], &["delay_ms=9000 is out of range", "from 80 to 250"]),
        (&["slow-network,delay_ms=100.5"], &["out of range", "a whole number"]),
        (&["control,delay_ms=1"], &["it has none"]),
        (&["slow-network@1s+11m"], &["may last 10m at most, not 11m"]),
        (&["slow-network@90s+60s"], &["would end after 150s", "the run after 2m", "--for"]),
        (
            &["connection-resets@10s+30s", "connection-resets@39s+30s"],
            &["overlap", "both need the link loadgen>order-service"],
        ),
    ] {
        let error = schedule(texts, 1).unwrap_err();
        assert_eq!(error.lines().count(), 1, "{error}");
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}

#[test]
fn one_after_the_other_is_no_overlap() {
    schedule(&["connection-resets@10s+30s", "connection-resets@40s+30s"], 1).unwrap();
    schedule(&["connection-resets@10s+30s", "slow-network@20s+30s"], 1).unwrap();
}

/// The error of the slow network with one text replaced.
fn broken(from: &str, to: &str) -> Mistake {
    assert!(SLOW.contains(from), "{from}");
    parse("broken", "broken.toml", &SLOW.replacen(from, to, 1)).expect_err(to)
}

fn line_of(text: &str) -> usize {
    SLOW.lines().position(|l| l.starts_with(text)).unwrap() + 1
}

#[test]
fn a_file_that_makes_no_sense_names_line_key_and_the_nearest_word() {
    for (from, to, line, key, word) in [
        ("usual = \"60s\"", "usuall = \"60s\"", line_of("usual"), "usuall", "did you mean `usual`?"),
        ("usual = \"60s\"", "usual = \"11m\"", line_of("usual"), "usual", "at most `longest`"),
        ("usual = \"60s\"", "usual = \"60\"", line_of("usual"), "usual", "not a duration"),
        ("mild = 80", "mild = \"80\"", line_of("mild = 80"), "parameters.delay_ms.mild", "number"),
        ("act = \"network\"", "act = \"netwrk\"", line_of("act"), "steps.act", "did you mean `network`?"),
        (
            "link = \"$link\"",
            "service = \"x\"",
            line_of("link = \"$link\""),
            "steps.service",
            "means nothing",
        ),
        ("\"$delay_ms\"", "\"$delay\"", line_of("act"), "steps.act", "`$delay` stands for nothing"),
        ("\"gap-ms\"", "\"gaps-ms\"", line_of("traces"), "dose.traces", "did you mean `gap-ms`?"),
        ("at_least = 100.0", "at_least = 0.0", line_of("at_least"), "dose.at_least", "above 0"),
        ("at_least = 0.05", "at_least = 0.0", line_of("at_least = 0.05"), "panel.at_least", "above 0"),
        ("title = ", "titel = ", line_of("title"), "titel", "did you mean `title`?"),
        (
            "\"POST /orders\"",
            "\"POST /order\"",
            line_of("on = "),
            "effect.on",
            "did you mean `POST /orders`?",
        ),
        ("of = \"slower\"", "of = \"slow\"", line_of("of = "), "effect.of", "did you mean `slower`?"),
        ("set = {", "lease = \"2m\"\nset = {", line_of("set = {"), "steps.lease", "from 1s to 60s"),
        ("quantile = 0.5", "quantile = 1.5", line_of("quantile"), "effect.quantile", "at most 1"),
    ] {
        let mistake = broken(from, to);
        assert_eq!((mistake.line, mistake.key.as_str()), (line, key), "{mistake}");
        assert!(mistake.reason.contains(word), "{word}: {mistake}");
        assert_eq!(mistake.file, "broken.toml");
    }
}
