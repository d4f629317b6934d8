//! `firedrill load --verify-faults`: carries faults out one by one, and counts those that occurred, that users felt, and that left
//! everything as it was.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use loadgen::{
    Options,
    faults::{self, Fault, Measured, Request, Schedule},
    plan::Plan,
};
use serde::Serialize;

use super::super::{output, signal};
use crate::{
    cli::Load,
    failure::{Code, Failure, Outcome},
    faulty_run::{Begun, Ground},
    home::Home,
    profiles,
    run_file::RunFile,
};

/// Time to see what is usual.
const BEFORE: Duration = Duration::from_secs(12);
/// Time of the fault.
const DURING: Duration = Duration::from_secs(20);
/// Time to recover, and to see that it did: also of what users do seldom, such as logging in.
const AFTER: Duration = Duration::from_secs(20);

/// One fault with one seed.
#[derive(Serialize)]
struct Verified {
    seed: u64,
    /// The machine could not keep up: the run says nothing.
    void: bool,
    #[serde(flatten)]
    measured: Measured,
}

/// What `--json` gives.
#[derive(Serialize)]
struct Summary {
    runs: usize,
    void: usize,
    dose_proven: usize,
    effect_proven: usize,
    restored: usize,
    /// Runs in which the dashboard's panel showed the fault, and nothing of it before. Not every fault has one.
    panel_shows: usize,
    /// The faults of which not every run that counts has proven all.
    not_proven: Vec<String>,
    results: Vec<Verified>,
}

/// Verifies; good when every run that counts has proven everything.
pub(super) async fn run(home: &Home, options: &Load, json: bool) -> Outcome {
    let chosen = chosen(options)?;
    let run = RunFile::find(home)?;
    let _alone = home.alone("drill")?;
    let ground = Ground::of(run).await?;
    // Everything is checked before anything is done.
    for (request, _) in &chosen {
        ground.check(&schedule(request, 1)?).await?;
    }
    let begun = ground.begin().await?;
    let mut stop = signal::StopAsked::listen()?;
    let mut results = Vec::new();
    let mut interrupted = false;
    'all: for (request, fault) in &chosen {
        for seed in &options.faults.seeds {
            let verified = tokio::select! {
                verified = verify(&begun, options, request, *seed) => verified,
                () = stop.asked() => {
                    interrupted = true;
                    break 'all;
                }
            }?;
            if !json {
                output::print(&line(fault, &verified));
            }
            results.push(verified);
        }
    }
    begun.end().await;
    if interrupted {
        return Err(Failure::not_good("interrupted; what was on ends with its leases, within seconds"));
    }
    let summary = summary(results);
    let good = summary.not_proven.is_empty() && summary.void < summary.runs;
    if json {
        output::json(&serde_json::to_value(&summary).map_err(anyhow::Error::from)?);
    } else {
        output::print(&format!(
            "runs {}   void {}   dose proven {}   effect proven {}   restored {}   shown by a panel {}",
            summary.runs,
            summary.void,
            summary.dose_proven,
            summary.effect_proven,
            summary.restored,
            summary.panel_shows
        ));
    }
    Ok(if good { Code::Good } else { Code::NotGood })
}

/// The faults asked for.
fn chosen(options: &Load) -> Result<Vec<(Request, Fault)>, Failure> {
    let asked = options.faults.fault.clone();
    let requests = match options.faults.all {
        true => faults::names()
            .into_iter()
            .map(|name| Request { name: name.to_owned(), ..Request::default() })
            .collect(),
        false => asked,
    };
    if requests.is_empty() {
        return Err(Failure::arguments("which faults? Name them with --fault, or give --all"));
    }
    let with_fault = |request: Request| {
        let fault = faults::load(&request.name).map_err(|e| Failure::arguments(e.to_string()))?;
        Ok((request, fault))
    };
    requests.into_iter().map(with_fault).collect()
}

/// The times of a verification are its own; parameters may be given.
fn schedule(request: &Request, seed: u64) -> Result<Schedule, Failure> {
    let request = Request { start: Some(BEFORE), length: Some(DURING), ..request.clone() };
    Schedule::new(&[request], seed, BEFORE + DURING + AFTER).map_err(|e| Failure::arguments(e.to_string()))
}

async fn verify(begun: &Begun, options: &Load, request: &Request, seed: u64) -> Result<Verified, Failure> {
    let profile = profiles::load(&options.profile)?;
    let plan = Plan::new(&profile, seed, Some(BEFORE + DURING + AFTER), options.rps)
        .map_err(|e| Failure::arguments(e.to_string()))?;
    let sent = Options { lag_budget: options.lag_budget, ..Options::default() };
    let drill = begun.drill(plan, sent, schedule(request, seed)?);
    let (report, mut measured) = faults::drill(drill, |_| {}, std::future::pending()).await?;
    let measured = measured.pop().ok_or_else(|| Failure::not_good("a schedule of one fault had none"))?;
    Ok(Verified { seed, void: !report.valid, measured })
}

fn summary(results: Vec<Verified>) -> Summary {
    let counted: Vec<&Verified> = results.iter().filter(|result| !result.void).collect();
    let proven = |of: fn(&Measured) -> Option<bool>| {
        counted.iter().filter(|result| of(&result.measured) == Some(true)).count()
    };
    let all = |m: &Measured| {
        [m.dose_proven, m.effect_proven, m.restored].iter().all(|proven| *proven == Some(true))
            && m.panel_shows != Some(false)
            && m.troubles.is_empty()
    };
    let mut not_proven: BTreeMap<&str, ()> = BTreeMap::new();
    for result in counted.iter().filter(|result| !all(&result.measured)) {
        not_proven.insert(&result.measured.fault, ());
    }
    Summary {
        runs: results.len(),
        void: results.len() - counted.len(),
        dose_proven: proven(|m| m.dose_proven),
        effect_proven: proven(|m| m.effect_proven),
        restored: proven(|m| m.restored),
        panel_shows: proven(|m| m.panel_shows),
        not_proven: not_proven.into_keys().map(str::to_owned).collect(),
        results,
    }
}

/// One run for people.
fn line(fault: &Fault, verified: &Verified) -> String {
    let m = &verified.measured;
    let word = |proven: Option<bool>| match proven {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "?",
    };
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    let at_least = fault.dose.as_ref().map(|dose| dose.at_least);
    let mut line = format!(
        "{:<22}seed {:<4}dose {} ({} to {}, from {})   effect {} (failed {:.3} to {:.3}, {:.0} to {:.0} ms)   restored {} ({:.3}, {:.0} ms)",
        m.fault,
        verified.seed,
        word(m.dose_proven),
        number(m.dose_before),
        number(m.dose),
        number(at_least),
        word(m.effect_proven),
        m.before.failed,
        m.during.failed,
        m.before.response_ms,
        m.during.response_ms,
        word(m.restored),
        m.after.failed,
        m.after.response_ms,
    );
    if let Some(panel) = &fault.panel {
        let (before, during) = (number(m.panel_before), number(m.panel));
        let shows = word(m.panel_shows);
        // Writing to a String cannot fail.
        let _ = write!(line, "   panel {shows} ({before} to {during}, from {})", panel.at_least);
    }
    if verified.void {
        line.push_str("   void: the generator was late");
    }
    for more in m.troubles.iter().map(|trouble| &trouble.0).chain(&m.left_behind) {
        line.push_str("\n      ");
        line.push_str(more);
    }
    line
}
