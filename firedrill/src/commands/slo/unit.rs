//! `firedrill slo test --promtool-file`: unit tests of rules in Prometheus' own format.

use std::path::{Path, PathBuf};

use slo::{
    engine::RuleTester,
    files::Unusable,
    unit_test::{self, Missed, Verdict},
};

use super::{super::output, broken};
use crate::failure::{Code, Failure, Outcome};

/// What became of a file: a verdict on each of its tests, or the mistake in it.
type Judged = Result<Vec<Verdict>, String>;

/// Runs the files one after the other; a mistake in one does not keep the others from being run.
pub(super) fn run(files: &[PathBuf], engine: &dyn RuleTester, json: bool) -> Outcome {
    let judged: Vec<(String, Judged)> = files
        .iter()
        .map(|file| Ok((file.display().to_string(), judge(file, engine)?)))
        .collect::<Result<_, Failure>>()?;
    let tests = judged.iter().filter_map(|(_, judged)| judged.as_ref().ok()).flatten();
    let (count, passed) = (tests.clone().count(), tests.filter(|verdict| verdict.passed()).count());
    let wrong = judged.iter().filter(|(_, judged)| judged.is_err()).count();
    if json {
        output::json(&as_json(&judged, count, passed));
    } else {
        let mut lines: Vec<String> = judged.iter().flat_map(|(file, judged)| told(file, judged)).collect();
        lines.push(format!("{passed} of {count} tests passed, in {} files", files.len()));
        output::print(&lines.join("\n"));
    }
    Ok(if wrong == 0 && passed == count { Code::Good } else { Code::NotGood })
}

fn judge(file: &Path, engine: &dyn RuleTester) -> Result<Judged, Failure> {
    let opened = match unit_test::open(file) {
        Ok(opened) => opened,
        Err(Unusable::Wrong(mistake)) => return Ok(Err(mistake.to_string())),
        Err(error) => return Err(error.into()),
    };
    for missing in &opened.missing {
        output::note(&format!("firedrill: {}: no file is meant by {missing}", file.display()));
    }
    unit_test::run(&opened.tests, &opened.rules, engine).map(Ok).map_err(|e| broken(&e))
}

fn told(file: &str, judged: &Judged) -> Vec<String> {
    let verdicts = match judged {
        Ok(verdicts) => verdicts,
        Err(mistake) => return vec![mistake.clone()],
    };
    let mut lines = Vec::new();
    for verdict in verdicts.iter().filter(|verdict| !verdict.passed()) {
        lines.push(format!("{file}:{}: {}", verdict.line, verdict.name));
        for missed in &verdict.missed {
            lines.push(format!("  ! {} (line {})", missed.asked, missed.line));
            lines.extend(both(missed));
        }
    }
    if lines.is_empty() {
        lines.push(format!("{file}: {} passed", verdicts.len()));
    }
    lines
}

/// What was expected, and what came.
fn both(missed: &Missed) -> Vec<String> {
    let side = |word: &str, all: &[String]| match all {
        [] => vec![format!("    {word} nothing")],
        all => all.iter().map(|one| format!("    {word} {one}")).collect(),
    };
    let sides = [side("expected", &missed.expected), side("came    ", &missed.came)];
    sides.concat()
}

fn as_json(judged: &[(String, Judged)], count: usize, passed: usize) -> serde_json::Value {
    let failed = judged.iter().flat_map(|(file, judged)| {
        let verdicts = judged.as_deref().unwrap_or_default().iter();
        verdicts.flat_map(move |verdict| {
            verdict.missed.iter().map(move |missed| {
                serde_json::json!({
                    "file": file,
                    "line": missed.line,
                    "test": verdict.name,
                    "asked": missed.asked,
                    "expected": missed.expected,
                    "came": missed.came,
                })
            })
        })
    });
    let errors = judged.iter().filter_map(|(_, judged)| judged.as_ref().err());
    serde_json::json!({
        "files": judged.len(),
        "tests": count,
        "passed": passed,
        "score": if count == 0 { 1.0 } else { passed as f64 / count as f64 },
        "failed": failed.collect::<Vec<_>>(),
        "errors": errors.collect::<Vec<_>>(),
    })
}
