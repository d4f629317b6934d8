//! `firedrill slo generate`: rules from objectives.

use std::path::{Path, PathBuf};

use slo::{
    files::ON_DISK,
    generate::{self, File, Speed},
    lint::{Finding, lint},
    rules::Kind,
};

use super::super::output;
use crate::{
    cli::SloGenerate,
    failure::{Code, Failure, Outcome},
    objectives::{
        folder::{self, Drift},
        world::World,
    },
};

/// Writes the rules, or tells what of them is not as the specs say.
pub(super) fn run(options: &SloGenerate, json: bool) -> Outcome {
    let folder = target(options)?;
    let slos = slo::files::specs(options.dir.as_deref())?;
    let files = generate::files(&slos, options.speed);
    let groups: Vec<_> = files.iter().flat_map(|file| file.groups.clone()).collect();
    let findings = lint(&groups, &World::open()?);
    let drift = match findings.is_empty() {
        // Rules that cannot be right are not written.
        false => Vec::new(),
        true if options.check => folder::drift(&folder, &files)?,
        true => folder::write(&folder, &files)?,
    };
    let good = findings.is_empty() && (drift.is_empty() || !options.check);
    report(options, &files, &findings, &drift, slos.len(), json);
    Ok(if good { Code::Good } else { Code::NotGood })
}

/// The folder that the rules belong in.
fn target(options: &SloGenerate) -> Result<PathBuf, Failure> {
    match (&options.out, &options.dir) {
        (Some(out), _) => Ok(out.clone()),
        _ if options.speed != Speed::REAL => Err(Failure::arguments(
            "rules of another speed than 1 are not those of the folder slo/rules; name a folder with --out",
        )),
        (None, Some(dir)) => Ok(dir.join("rules")),
        (None, None) if Path::new(ON_DISK).is_dir() => Ok(Path::new(ON_DISK).join("rules")),
        (None, None) => {
            Err(Failure::environment(format!("there is no folder {ON_DISK} here; name one with --out")))
        }
    }
}

fn report(
    options: &SloGenerate,
    files: &[File],
    findings: &[Finding],
    drift: &[Drift],
    objectives: usize,
    json: bool,
) {
    let rules: Vec<_> = files.iter().flat_map(|file| &file.groups).flat_map(|group| &group.rules).collect();
    let alerts = rules.iter().filter(|rule| matches!(rule.kind, Kind::Alert { .. })).count();
    if json {
        let findings: Vec<String> = findings.iter().map(Finding::to_string).collect();
        return output::json(&serde_json::json!({
            "objectives": objectives,
            "files": files.len(),
            "recording_rules": rules.len() - alerts,
            "alerting_rules": alerts,
            "findings": findings,
            "drift": drift,
        }));
    }
    let mut lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    lines.extend(drift.iter().map(|drift| match options.check {
        true => format!("{}; run firedrill slo generate", drift.told()),
        false => format!("{}: done", drift.told()),
    }));
    lines.push(format!(
        "{objectives} objectives: {} recording and {alerts} alerting rules in {} files, {} findings, {} differences",
        rules.len() - alerts,
        files.len(),
        findings.len(),
        drift.len()
    ));
    output::print(&lines.join("\n"));
}
