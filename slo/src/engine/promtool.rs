//! Prometheus' own rule engine, by way of `promtool test rules`.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::{
    Answer, Case, Engine, EngineError, Firing,
    notation::{self, Samples},
};
use crate::rules;

/// The program.
#[derive(Clone, Debug)]
pub struct Promtool {
    /// Where it lies.
    pub program: PathBuf,
}

const NAME: &str = "promtool";

impl Engine for Promtool {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, case: &Case) -> Result<Answer, EngineError> {
        let unavailable =
            |source| EngineError::Unavailable { program: self.program.display().to_string(), source };
        let mut questions = about_alerts(case);
        let own = questions.len();
        questions.extend(case.questions.iter().cloned());

        let folder = tempfile::tempdir().map_err(unavailable)?;
        let test = folder.path().join("test.yaml");
        fs::write(folder.path().join("rules.yaml"), rules::write(&[], &case.groups)).map_err(unavailable)?;
        fs::write(&test, notation::test_file(case, "rules.yaml", &questions)).map_err(unavailable)?;
        let output = Command::new(&self.program)
            .args(["test", "rules", "test.yaml"])
            // It lives for seconds: memory is cheaper than collecting it again and again.
            .env("GOGC", "400")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .map_err(unavailable)?;
        let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let results = notation::results(&printed, questions.len())
            .ok_or_else(|| EngineError::Refused { engine: NAME, said: last_words(&printed) })?;
        let firings = firings(&results[..own], case.step, case.length)
            .ok_or_else(|| EngineError::Strange { engine: NAME, said: last_words(&printed) })?;
        let values = results[own..].iter().map(|samples| samples.iter().map(|(_, value)| *value).collect());
        Ok(Answer { firings, values: values.collect() })
    }
}

/// What is asked to know when alerts fired: the first moment, the last one, and how often it began.
fn about_alerts(case: &Case) -> Vec<(String, u32)> {
    let fires = "ALERTS{alertstate=\"firing\"}";
    let (step, range) = (case.step, case.length + case.step);
    let moments = format!("[{range}s:{step}s]");
    let begins = format!("({fires} unless {fires} offset {step}s){moments}");
    [
        format!("min_over_time(timestamp({fires}){moments})"),
        format!("max_over_time(timestamp({fires}){moments})"),
        format!("count_over_time({begins})"),
    ]
    .map(|expr| (expr, case.length))
    .into()
}

/// The alerts from the results of those three; none where they do not fit together.
fn firings(results: &[Samples], step: u32, length: u32) -> Option<Vec<Firing>> {
    let [first, last, times] = results else { return None };
    let number = |samples: &Samples, labels: &BTreeMap<String, String>| {
        let found = samples.iter().find(|(known, _)| known == labels)?;
        (found.1 >= 0.0 && found.1 <= f64::from(u32::MAX)).then_some(found.1.round() as u32)
    };
    let mut all = Vec::new();
    for (labels, first) in first {
        let last = number(last, labels)?;
        let times = times.iter().find(|(known, _)| own(known) == own(labels))?;
        // What fires at the last moment is not over.
        let over = (last + step <= length).then_some(last + step);
        let (first, times) = (first.round() as u32, times.1.round() as u32);
        all.push(Firing { labels: own(labels), first, over, times });
    }
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    Some(all)
}

/// The labels of the alert itself.
fn own(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let added = ["alertstate", "__name__"];
    labels
        .iter()
        .filter(|(name, _)| !added.contains(&name.as_str()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

/// The end of what it printed, in one line.
fn last_words(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let words = lines[lines.len().saturating_sub(6)..].join("; ");
    words.chars().take(500).collect()
}
