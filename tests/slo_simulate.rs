//! What `slo simulate` computes by hand is what rule engines see, and what it is asked in vain is one clear line.

use slo::{
    contract::{Contract, Phase},
    engine::{Engine, Firing, Promtool},
    simulate::{Incident, Part, simulate},
};

use crate::harness::{checkout, command, json, native, said};

async fn simulated(args: &[&str]) -> std::process::Output {
    let home = tempfile::tempdir().expect("a home");
    command(home.path()).args(["slo", "simulate"]).args(args).output().await.expect("the command runs")
}

#[tokio::test]
async fn an_hour_of_failures_is_told_as_the_workbook_does() {
    let args = ["order-placement-availability", "--errors", "5%", "--for", "1h"];
    let output = simulated(&args).await;
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for word in ["99.9% in 30 days", "page-1h", "18m", "44m", "6.94% of the budget of 30 days is gone"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let report = json(&simulated(&[&args[..], &["--json"]].concat()).await);
    let tiers = report["tiers"].as_array().expect("tiers");
    assert_eq!(tiers.len(), 4, "{report}");
    // The well-known table says 18 and 4 minutes; it is met give or take an evaluation.
    let near =
        |key: &str, seconds: u64| tiers[0][key].as_u64().is_some_and(|seen| seen.abs_diff(seconds) <= 60);
    assert!(tiers[0]["tier"] == "page-1h" && near("fires_s", 1080) && near("clears_s", 240), "{report}");
    assert!(tiers[2]["fires_s"].is_null(), "{report}");
    let spent = report["budget_spent"].as_f64().expect("a number");
    assert!((spent - 50.0 / 720.0).abs() < 1e-6, "{report}");
}

#[tokio::test]
async fn phases_slowness_and_silence_can_be_simulated() {
    let report = json(
        &simulated(&[
            "order-placement-latency",
            "--latency",
            "800ms@30m,50ms@2h,2s",
            "--for",
            "20m",
            "--json",
        ])
        .await,
    );
    assert_eq!(
        (&report["tiers"][0]["times"], &report["tiers"][0]["fires_s"]),
        (&2.into(), &540.into()),
        "{report}"
    );
    let silent = json(&simulated(&["order-placement-availability", "--traffic-during", "0", "--json"]).await);
    assert_eq!(
        (&silent["silence"]["fires_s"], &silent["budget_spent"]),
        (&540.into(), &0.0.into()),
        "{silent}"
    );
    let listed = json(&simulated(&["--json"]).await);
    assert!(listed["objectives"].as_array().is_some_and(|all| all.len() >= 25), "{listed}");
}

#[tokio::test]
async fn what_cannot_be_simulated_is_one_line_that_says_what_to_do() {
    for (args, word) in [
        (&["order-placement", "--errors", "5%"][..], "did you mean `order-placement-"),
        (&["nothing-of-the-kind", "--errors", "5%"], "known are "),
        (&["inbox-latency"], "--errors 5% --for 1h"),
        (&["inbox-latency", "--errors", "5"], "from 0% to 100%"),
        (&["inbox-latency", "--errors", "5%@10s"], "whole minutes"),
        (&["inbox-latency", "--errors", "5%", "--for", "31d"], "30 days"),
        (&["inbox-latency", "--errors", "5%", "--for", "soon"], "whole minutes"),
        (&["inbox-latency", "--errors", "5%", "--traffic", "0"], "above 0"),
        (&["inbox-latency", "--errors", "5%", "--latency", "1s"], "cannot be used with"),
        (&["inbox-latency", "--latency", "1"], "800ms"),
        (&["inbox-availability", "--latency", "1s"], "does not look at latency"),
        (&["inbox-latency", "--errors", "5%", "--background", "2%@1h"], "without a time"),
    ] {
        let output = simulated(args).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(word), "{args:?}: {word}: {}", said(&output));
    }
}

/// Numbers that are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }
}

/// An incident that nobody would think of: shares, lengths, traffic, noise, restarts and gaps as they fall.
fn incident(seed: u64) -> Contract {
    let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
    let slos = slo::files::specs(Some(&checkout().join("slo"))).expect("good specs");
    let slo = draw.of(&slos);
    let phases = 1 + draw.below(3);
    let parts: Vec<Part> = (0..phases)
        .map(|_| Part {
            // In thousandths and a bit, so that none stands on a threshold.
            share: draw.of(&[0.0, 0.0203, 0.0711, 0.157, 0.31, 0.83, 1.0]),
            seconds: Some(60 * (1 + draw.below(90) as u32)),
        })
        .collect();
    let incident = Incident {
        history: 3600 * (1 + draw.below(5) as u32),
        traffic: draw.of(&[0.013, 0.9, 7.0, 50.0]),
        ..Incident::of(&slo, &parts, 60)
    };
    let mut contract = incident.contract().expect("possible");
    contract.tail = 3600;
    contract.noise = (draw.below(2) == 0).then_some(seed);
    contract.unborn = draw.below(4) == 0;
    let odd = Phase { errors: 0.0, healthy: true, ..contract.phases[0].clone() };
    match draw.below(4) {
        0 => contract.phases.push(Phase { absent: true, healthy: false, ..odd }),
        1 => contract.phases.push(Phase { restart: true, ..odd }),
        2 => contract.phases.push(Phase { traffic: Some(0.0), healthy: false, ..odd }),
        _ => {}
    }
    contract
}

/// Both see the same alerts, at the same minutes give or take one.
pub fn agrees(engine: &dyn Engine, seed: u64) -> usize {
    let contract = incident(seed);
    let seen = engine.run(&contract.case(contract.rules())).expect("an answer").firings;
    let computed = simulate(&contract).answer(&contract).firings;
    let told = |firings: &[Firing]| {
        let each = firings.iter().map(|f| format!("{:?} {} {:?}", f.labels.get("tier"), f.first, f.over));
        each.collect::<Vec<_>>().join("\n")
    };
    let near = |a: &Firing, b: &Firing| {
        let over = match (a.over, b.over) {
            (Some(a), Some(b)) => a.abs_diff(b) <= 60,
            (a, b) => a == b,
        };
        a.labels == b.labels && a.first.abs_diff(b.first) <= 60 && over
    };
    let same = seen.len() == computed.len() && seen.iter().zip(&computed).all(|(a, b)| near(a, b));
    assert!(
        same,
        "seed {seed}: {contract:#?}\n{} sees\n{}\ncomputed\n{}",
        engine.name(),
        told(&seen),
        told(&computed)
    );
    seen.len()
}

#[tokio::test]
async fn prometheus_sees_what_is_computed() {
    let Some(program) = native::program("promtool") else { return };
    let promtool = Promtool { program };
    let fired: usize = (1..=8).map(|seed| agrees(&promtool, seed)).sum();
    assert!(fired >= 8, "incidents at which hardly anything fires prove nothing: {fired}");
}
