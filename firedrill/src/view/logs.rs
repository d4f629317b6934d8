//! Log lines, one line each: time, level, service, message, fields, the beginning of the trace id.

use super::{BOLD, DIM, Look, clean, level_style, pairs};
use query::LogEntry;

/// The entries in the order given. Lines are not cut: what is searched for may be at the end.
#[must_use]
pub fn render(entries: &[LogEntry], look: Look) -> String {
    let service_width = entries.iter().map(|e| e.service().chars().count()).max().unwrap_or(0).min(24);
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
            look.paint(BOLD, &format!("{:<service_width$}", clean(entry.service()))),
            clean(entry.message()),
        );
        for (name, value) in pairs(entry) {
            line.push_str(&format!(" {}{value}", look.paint(DIM, &format!("{name}="))));
        }
        if let Some(trace) = entry.trace_id() {
            let short: String = trace.to_string().chars().take(8).collect();
            line.push_str(&format!(" {}", look.paint(DIM, &format!("trace={short}"))));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if entries.is_empty() {
        out.push_str("no log lines\n");
    }
    out
}
