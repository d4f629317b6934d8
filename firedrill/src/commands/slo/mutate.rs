//! `firedrill slo mutate`: would a contract notice if a rule were wrong.

use std::io::IsTerminal as _;

use slo::{
    engine::Engine,
    mutate::{self, Explained, Fate, Mutant},
};

use super::{super::output, broken, named};
use crate::{
    cli::SloMutate,
    failure::{Code, Failure, Outcome},
};

/// Of the changes that make usable rules which do something else, so many must be noticed.
const ENOUGH: f64 = 0.95;

/// Makes the changes and tells which survive.
pub(super) fn run(options: &SloMutate, engine: &dyn Engine, json: bool) -> Outcome {
    let slos = slo::files::specs(options.dir.as_deref())?;
    let contracts = slo::files::contracts(options.dir.as_deref(), &slos)?;
    let explanations = mutate::explanations().map_err(|e| Failure::not_good(e.to_string()))?;
    let chosen = match options.slo.as_slice() {
        [] => mutate::examples(&slos, &contracts),
        names => names.iter().map(|name| named(&slos, name)).collect::<Result<_, _>>()?,
    };
    let mut mutants: Vec<Mutant> = chosen.into_iter().flat_map(mutate::mutants).collect();
    if let Some(text) = &options.only {
        mutants.retain(|mutant| mutant.told().contains(text));
    }
    let mutants = sampled(mutants, options.sample);
    if mutants.is_empty() {
        return Err(Failure::arguments("no change is left; leave out --only or name something else"));
    }
    let count = mutants.len();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let progress = std::io::stderr().is_terminal();
    let fates = mutate::run(&mutants, &contracts, engine, &|mutant, _| {
        let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        if progress {
            output::progress(&format!("\r\x1b[K{done} of {count}: {}", mutant.slo));
        }
    });
    if progress {
        output::progress("\r\x1b[K");
    }
    let fates = fates.map_err(|e| broken(&e))?;
    report(&mutants, &fates, &explanations, engine, json)
}

/// Evenly spread over all, so that each kind of change is among them.
fn sampled(mutants: Vec<Mutant>, sample: Option<u32>) -> Vec<Mutant> {
    let Some(wanted) = sample.map(|n| n as usize).filter(|n| *n < mutants.len()) else { return mutants };
    let count = mutants.len();
    let chosen: std::collections::BTreeSet<usize> = (0..wanted).map(|n| n * count / wanted).collect();
    mutants.into_iter().enumerate().filter(|(n, _)| chosen.contains(n)).map(|(_, mutant)| mutant).collect()
}

fn report(
    mutants: &[Mutant],
    fates: &[Fate],
    explanations: &[Explained],
    engine: &dyn Engine,
    json: bool,
) -> Outcome {
    let killed = fates.iter().filter(|fate| matches!(fate, Fate::Killed(_))).count();
    let refused = fates.iter().filter(|fate| matches!(fate, Fate::Refused)).count();
    let survivors = mutants.iter().zip(fates).filter(|(_, fate)| matches!(fate, Fate::Survived));
    let survivors: Vec<(String, Option<&Explained>)> = survivors
        .map(|(mutant, _)| {
            let told = mutant.told();
            let explained = explanations.iter().find(|explained| explained.covers(&told));
            (told, explained)
        })
        .collect();
    let unexplained = survivors.iter().filter(|(_, explained)| explained.is_none()).count();
    let equivalent =
        survivors.iter().filter(|(_, explained)| explained.is_some_and(|e| e.equivalent)).count();
    let usable = mutants.len() - refused - equivalent;
    let score = if usable == 0 { 1.0 } else { killed as f64 / usable as f64 };
    if json {
        output::json(&serde_json::json!({
            "engine": engine.name(),
            "mutants": mutants.len(),
            "killed": killed,
            "refused": refused,
            "equivalent": equivalent,
            "score": score,
            "unexplained": unexplained,
            "survivors": survivors.iter().map(|(change, explained)| serde_json::json!({
                "change": change,
                "reason": explained.map(|e| &e.reason),
                "equivalent": explained.is_some_and(|e| e.equivalent),
            })).collect::<Vec<_>>(),
        }));
    } else {
        let mut lines: Vec<String> = survivors
            .iter()
            .map(|(change, explained)| {
                let reason = explained.map_or("not explained", |e| e.reason.as_str());
                format!("{change}\n    {reason}")
            })
            .collect();
        lines.push(format!(
            "{} changes: {killed} noticed, {refused} refused by {}, {equivalent} that do the same as the right rules, {} survived of which {unexplained} without an explanation: {:.1}%",
            mutants.len(),
            engine.name(),
            survivors.len() - equivalent,
            score * 100.0
        ));
        output::print(&lines.join("\n"));
    }
    Ok(if score >= ENOUGH && unexplained == 0 { Code::Good } else { Code::NotGood })
}
