//! Log lines: kinds that were not there before, and the few words by which systems everywhere say what they lack.

use super::template;
use crate::{
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
};
use query::{LogEntry, quoted};
use std::collections::BTreeMap;

/// A new kind must have so many lines.
const ENOUGH: usize = 3;
/// The most new kinds told of one service.
const MOST: usize = 5;

/// Words that say by themselves what is lacking, in the operating system's and SQLite's own spelling.
const WORDS: [(Sign, &[&str]); 4] = [
    (Sign::SaidDiskFull, &["no space left on device", "disk is full", "database or disk is full"]),
    (Sign::SaidLocked, &["database is locked", "database table is locked"]),
    (Sign::SaidNoDescriptors, &["too many open files"]),
    (Sign::SaidPanic, &["panicked at", "the handler panicked"]),
];

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let mut found = new_kinds(facts);
    found.extend(words(facts));
    found
}

fn is_loud(entry: &LogEntry) -> bool {
    matches!(entry.level().as_str(), "WARN" | "ERROR" | "FATAL")
}

fn new_kinds(facts: &Facts) -> Vec<Finding> {
    let kinds = |lines: &[LogEntry]| {
        let mut kinds: BTreeMap<(String, String), Vec<LogEntry>> = BTreeMap::new();
        for entry in lines.iter().filter(|entry| is_loud(entry)) {
            let of_kind = kinds.entry((entry.service().to_owned(), template::of(entry))).or_default();
            of_kind.push(entry.clone());
        }
        kinds
    };
    let before = kinds(&facts.before.lines);
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut new: Vec<_> = kinds(&facts.during.lines).into_iter().collect();
    new.retain(|(kind, lines)| lines.len() >= ENOUGH && !before.contains_key(kind));
    new.sort_by_key(|(kind, lines)| (std::cmp::Reverse(lines.len()), kind.clone()));
    let mut found = Vec::new();
    for ((service, kind), lines) in new {
        let count = told.entry(service.clone()).or_default();
        *count += 1;
        if *count > MOST {
            continue;
        }
        let text = format!("{} lines of a kind that was not there before: {kind}", lines.len());
        let first = lines.first().map_or("", |entry| entry.message());
        let word = first.split_whitespace().next().unwrap_or_default();
        let logql = format!("{{service_name={}}} |= {}", quoted(&service), quoted(word));
        let trace = lines.iter().find_map(LogEntry::trace_id).map(Evidence::Trace);
        let finding = Finding::new(Sign::NewLines, Place::service(&service), 0.5, text);
        found.push(finding.shown_by([Evidence::Logql(logql)]).shown_by(trace));
    }
    found
}

fn words(facts: &Facts) -> Vec<Finding> {
    let says = |entry: &LogEntry, phrase: &str| {
        let text = std::iter::once(entry.message()).chain(entry.fields().map(|(_, value)| value));
        text.into_iter().any(|text| text.to_lowercase().contains(phrase))
    };
    let mut found = Vec::new();
    for (sign, phrases) in WORDS {
        let saying = |lines: &[LogEntry]| {
            let mut services: BTreeMap<String, (usize, &'static str)> = BTreeMap::new();
            for entry in lines {
                if let Some(phrase) = phrases.iter().find(|phrase| says(entry, phrase)) {
                    services.entry(entry.service().to_owned()).or_insert((0, phrase)).0 += 1;
                }
            }
            services
        };
        let before = saying(&facts.before.lines);
        for (service, (count, phrase)) in saying(&facts.during.lines) {
            let known = before.get(&service).map_or(0, |(count, _)| *count);
            if count < ENOUGH || count < 3 * known {
                continue;
            }
            let text = format!("{count} lines say {phrase:?}, {known} before");
            let logql =
                format!("{{service_name={}}} |~ {}", quoted(&service), quoted(&format!("(?i){phrase}")));
            let finding = Finding::new(sign, Place::service(&service), 1.0, text);
            found.push(finding.shown_by([Evidence::Logql(logql)]));
        }
    }
    found
}
