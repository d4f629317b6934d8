//! `firedrill load --reveal`: opens the ledger of a run.

use std::fmt::Write as _;

use loadgen::faults::{Ledger, Opened};
use serde_json::Value;

use super::super::output;
use crate::{
    failure::{Code, Failure, Outcome},
    home::Home,
};

/// Tells what the run suffered; a ledger that is not what was sealed is told, too, and is not good.
pub(super) fn run(home: &Home, run: &str, json: bool) -> Outcome {
    let opened = Ledger::open(&home.ledger(), run).map_err(|e| Failure::arguments(e.to_string()))?;
    if json {
        output::json(&serde_json::to_value(&opened).map_err(anyhow::Error::from)?);
    } else {
        output::print(&text(&opened));
    }
    Ok(if opened.intact { Code::Good } else { Code::NotGood })
}

fn text(opened: &Opened) -> String {
    let mut text = String::new();
    let seal = if opened.intact { "as sealed" } else { "CHANGED since it was sealed" };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "run {}   {} {seal}", plain(&opened.sealed["run"]), opened.sha256);
    let measured = opened.measured.as_ref().and_then(Value::as_array);
    for (nth, injection) in opened.sealed["injections"].as_array().into_iter().flatten().enumerate() {
        let _ = writeln!(
            text,
            "{}   from {} for {}   severity {}   {} {}",
            plain(&injection["fault"]),
            seconds(&injection["onset"]),
            seconds(&injection["length"]),
            injection["severity"],
            injection["victims"],
            injection["parameters"],
        );
        match measured.and_then(|all| all.get(nth)) {
            Some(measured) => {
                let _ = writeln!(
                    text,
                    "   dose {} (before {})   users {} (before {})   restored {}",
                    measured["dose"],
                    measured["dose_before"],
                    measured["during"],
                    measured["before"],
                    measured["restored"]
                );
                for line in
                    ["troubles", "left_behind"].iter().flat_map(|key| measured[key].as_array()).flatten()
                {
                    let _ = writeln!(text, "   {}", plain(line));
                }
            }
            None => text.push_str("   not measured: the run has not come to its end\n"),
        }
    }
    text
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn seconds(duration: &Value) -> String {
    let nanos = duration["nanos"].as_f64().unwrap_or_default();
    format!("{}s", duration["secs"].as_f64().unwrap_or_default() + nanos / 1e9)
}
