//! `firedrill dashboards`: do all panels show something, and are they written as they should be.

use std::path::Path;

use super::output;
use crate::{
    cli::{Dashboards, DashboardsCheck},
    dashboards::{
        catalogue::catalogue,
        check::{self, Report, State},
        folder::Folder,
        lint::{self, Finding},
    },
    failure::{Code, Outcome},
    home::Home,
    run_file::RunFile,
    stack,
};

/// Checks against the stack that is up, or lints what is written.
pub(super) async fn run(home: &Home, command: &Dashboards, json: bool) -> Outcome {
    match command {
        Dashboards::Check(options) => check(home, options, json).await,
        Dashboards::Lint(options) => lint(options.dir.as_deref(), json),
    }
}

async fn check(home: &Home, options: &DashboardsCheck, json: bool) -> Outcome {
    let folder = Folder::open(options.dashboards.dir.as_deref())?;
    let stack = stack::of(&RunFile::find(home)?)?;
    let report = check::run(&stack, &folder, options.window).await.map_err(|e| stack::failed(&e))?;
    if json {
        output::json(&serde_json::to_value(&report).map_err(anyhow::Error::from)?);
    } else {
        output::print(&listed(&report));
    }
    Ok(if report.good() { Code::Good } else { Code::NotGood })
}

/// Each panel with its state and, where it shows nothing, why; the numbers at the end.
fn listed(report: &Report) -> String {
    let mut lines = Vec::new();
    let mut file = "";
    for panel in &report.panel_list {
        if panel.file != file {
            file = &panel.file;
            lines.push(file.to_owned());
        }
        let mark = if matches!(panel.state, State::Error | State::Empty) { '!' } else { ' ' };
        lines.push(format!("{mark} {:<30} {}", panel.state.words(), panel.panel));
        lines.extend(
            panel
                .without_data
                .iter()
                .map(|t| format!("      {} {}: {}", t.target, t.state.words(), t.reason)),
        );
    }
    lines.push(format!(
        "{} dashboards, {} panels, {} targets, {} with data; panels: {} with errors, {} empty, {} empty by nature, {} not supported by this backend",
        report.dashboards,
        report.panels,
        report.targets,
        report.with_data,
        report.errors,
        report.empty,
        report.empty_by_nature,
        report.unsupported
    ));
    lines.join("\n")
}

fn lint(dir: Option<&Path>, json: bool) -> Outcome {
    let folder = Folder::open(dir)?;
    let findings = lint::lint(&folder, catalogue());
    let (dashboards, exceptions) = (folder.files.len(), folder.lint.len());
    if json {
        output::json(&serde_json::json!({
            "dashboards": dashboards,
            "rules": lint::rules().count(),
            "exceptions": exceptions,
            "findings": findings,
        }));
    } else {
        let mut lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
        lines.push(format!(
            "{dashboards} dashboards, {} findings, {exceptions} exceptions with a reason",
            findings.len()
        ));
        output::print(&lines.join("\n"));
    }
    Ok(if findings.is_empty() { Code::Good } else { Code::NotGood })
}
