//! `firedrill slo test`: does every alert keep its contracts.

use std::io::IsTerminal as _;

use slo::{
    contract::{self, Contract, Verdict},
    engine::Engine,
};

use super::{super::output, broken};
use crate::{
    cli::SloTest,
    failure::{Code, Failure, Outcome},
    objectives::routes::Routes,
};

/// Scores the contracts and tells of those that were not kept.
pub(super) fn run(options: &SloTest, engine: &dyn Engine, json: bool) -> Outcome {
    let slos = slo::files::specs(options.dir.as_deref())?;
    let mut contracts = slo::files::contracts(options.dir.as_deref(), &slos)?;
    if let Some(text) = &options.only {
        contracts.retain(|contract| contract.name.contains(text) || contract.slo.name.contains(text));
    }
    if options.skip_slow {
        contracts.retain(|contract| !contract.slow);
    }
    if contracts.is_empty() {
        return Err(Failure::arguments("no contract is left; leave out --only or name something else"));
    }
    let started = std::time::Instant::now();
    let count = contracts.len();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let progress = std::io::stderr().is_terminal();
    let verdicts = contract::run(&contracts, engine, &Routes::open()?, &|contract, verdict| {
        let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        if progress {
            output::progress(&format!("\r\x1b[K{done} of {count}: {}", contract.slo.name));
        }
        if !verdict.passed() && !json {
            output::progress(if progress { "\r\x1b[K" } else { "" });
            output::print(&broken_promises(contract, verdict));
        }
    });
    if progress {
        output::progress("\r\x1b[K");
    }
    let verdicts = verdicts.map_err(|e| broken(&e))?;
    let passed = verdicts.iter().filter(|verdict| verdict.passed()).count();
    let score = passed as f64 / count as f64;
    if json {
        let failed = contracts.iter().zip(&verdicts).filter(|(_, verdict)| !verdict.passed());
        output::json(&serde_json::json!({
            "engine": engine.name(),
            "contracts": count,
            "passed": passed,
            "score": score,
            "seconds": started.elapsed().as_secs_f64(),
            "failed": failed.map(|(contract, verdict)| serde_json::json!({
                "objective": contract.slo.name,
                "contract": contract.name,
                "place": place(contract),
                "broken": verdict.broken,
                "seen": verdict.seen,
            })).collect::<Vec<_>>(),
        }));
    } else {
        output::print(&format!(
            "{passed} of {count} contracts kept, by {} in {:.0} s",
            engine.name(),
            started.elapsed().as_secs_f64()
        ));
    }
    Ok(if passed == count { Code::Good } else { Code::NotGood })
}

fn place(contract: &Contract) -> String {
    format!("{}:{}", contract.file, contract.line)
}

/// The contract, what it promises in vain, and what happened instead.
fn broken_promises(contract: &Contract, verdict: &Verdict) -> String {
    let mut lines = vec![format!("{}: {}: {}", place(contract), contract.slo.name, contract.name)];
    lines.extend(verdict.broken.iter().map(|line| format!("  ! {line}")));
    lines.extend(verdict.seen.iter().map(|line| format!("    {line}")));
    lines.join("\n")
}
