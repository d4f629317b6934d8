//! Log lines, one line each: time, level, service, message, fields, labels, the trace id as `trace`
//! takes it.
//!
//! What all lines of a service have in common is not repeated on each of them: [`Shared`] knows it, and tells it once.

use super::{BOLD, DIM, Look, bare, clean, level_style, pairs, query::selector};
use query::{Labels, LogEntry};
use std::collections::BTreeMap;

/// Widest column of services.
const SERVICE: usize = 24;
/// Labels with a place of their own in a line, or none because a field says the same.
const SHOWN: [&str; 4] = ["detected_level", "level", "service_name", "severity_text"];

/// The stream labels that the lines of each service share, and the width of their names.
#[derive(Debug, Default)]
pub struct Shared {
    services: BTreeMap<String, Labels>,
    width: usize,
}

impl Shared {
    /// Learns of lines; gives the services that are new among them, each with what its lines share.
    pub fn learn(&mut self, entries: &[LogEntry]) -> Vec<(String, Labels)> {
        let mut new: BTreeMap<&str, Labels> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| !self.services.contains_key(entry.service())) {
            match new.get_mut(entry.service()) {
                Some(shared) => shared.retain(|name, value| entry.labels.get(name) == Some(value)),
                None => _ = new.insert(entry.service(), entry.labels.clone()),
            }
        }
        let new: Vec<_> = new.into_iter().map(|(name, labels)| (name.to_owned(), labels)).collect();
        self.services.extend(new.iter().cloned());
        let widest = new.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        self.width = self.width.max(widest.min(SERVICE));
        new
    }

    /// The labels of a line that are not those of all lines of its service.
    fn own<'a>(&self, entry: &'a LogEntry) -> impl Iterator<Item = (&'a str, &'a str)> {
        let shared = self.services.get(entry.service());
        let is_own = move |name: &str, value: &String| {
            !SHOWN.contains(&name) && shared.and_then(|shared| shared.get(name)) != Some(value)
        };
        let own = entry.labels.iter().filter(move |(name, value)| is_own(name, value));
        own.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// What the lines of a service share, on one line: `order-service: {deployment_environment_name="dev"}`. Nothing if that is
/// no more than its name.
#[must_use]
pub fn shared_line(service: &str, labels: &Labels, look: Look) -> Option<String> {
    let mut labels = labels.clone();
    labels.retain(|name, _| !SHOWN.contains(&name.as_str()));
    let name = if service.is_empty() { "all lines".into() } else { clean(service) };
    (!labels.is_empty()).then(|| look.paint(DIM, &format!("{name}: {}", selector(&labels))))
}

/// The entries in the order given. Lines are not cut: what is searched for may be at the end.
#[must_use]
pub fn render(entries: &[LogEntry], shared: &Shared, look: Look) -> String {
    let width = shared.width;
    let date = |entry: &LogEntry| entry.time.to_string().chars().take(10).collect::<String>();
    let several_days = entries.windows(2).any(|pair| date(&pair[0]) != date(&pair[1]));
    let mut out = String::new();
    for entry in entries {
        let level = entry.level();
        let level = clean(&level);
        let time = if several_days { entry.time.to_string() } else { entry.time.clock() };
        let mut line = format!(
            "{} {} {} {}",
            look.paint(DIM, &time),
            look.paint(level_style(&level), &format!("{level:<5}")),
            look.paint(BOLD, &format!("{:<width$}", clean(entry.service()))),
            clean(entry.message()),
        );
        for (name, value) in pairs(entry) {
            line.push_str(&format!(" {}{value}", look.paint(DIM, &format!("{name}="))));
        }
        for (name, value) in shared.own(entry) {
            let name = look.paint(DIM, &format!("{}=", clean(name)));
            line.push_str(&format!(" {name}{}", bare(value)));
        }
        if let Some(trace) = entry.trace_id() {
            line.push_str(&format!(" {}", look.paint(DIM, &format!("trace={trace}"))));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if entries.is_empty() {
        out.push_str("no log lines\n");
    }
    out
}
