//! `firedrill runbook`: pages are listed, shown and run. What a page is made of is in [`crate::runbook`].

mod ask;
mod mitigate;
mod run;

use serde_json::json;

use super::{ops, output};
use crate::{
    cli::Runbook,
    failure::{Code, Outcome},
    home::Home,
    runbook::library,
};

/// Dispatches.
pub(super) async fn run(home: &Home, command: &Runbook, json: bool) -> Outcome {
    match command {
        Runbook::List => list(json),
        Runbook::Show(options) => show(&options.alert, json),
        Runbook::Run(options) => run::run(home, options, json).await,
    }
}

fn list(json: bool) -> Outcome {
    let pages = library::all()?;
    if json {
        let listed = pages.iter().map(|page| {
            json!({
                "alert": page.alert,
                "meaning": page.meaning,
                "steps": page.steps.len(),
                "mitigations": page.remedies.len(),
            })
        });
        output::json(&json!({"runbooks": listed.collect::<Vec<_>>()}));
    } else {
        let width = pages.iter().map(|page| page.alert.len()).max().unwrap_or(0);
        let lines = pages.iter().map(|page| format!("{:<width$}  {}", page.alert, page.meaning));
        output::print(&lines.collect::<Vec<_>>().join("\n"));
    }
    Ok(Code::Good)
}

/// As it is written; programs get what can be run of it, too.
fn show(alert: &str, json: bool) -> Outcome {
    let text = library::text(alert)?;
    if json {
        let page = library::open(alert)?;
        let steps = page.steps.iter().enumerate().map(|(at, step)| step.json(at + 1));
        let remedies = page.remedies.iter().map(crate::runbook::Remedy::json);
        output::json(&json!({
            "alert": page.alert,
            "text": text,
            "steps": steps.collect::<Vec<_>>(),
            "mitigations": remedies.collect::<Vec<_>>(),
        }));
    } else {
        output::print(&text);
    }
    Ok(Code::Good)
}
