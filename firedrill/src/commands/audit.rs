//! `firedrill audit`: known requests in, and the proof that the three signals tell the same story about each.

use super::output;
use crate::{
    audit,
    cli::Audit,
    failure::{Code, Outcome},
    home::Home,
    load_control::LoadControl,
    run_file::RunFile,
    stack,
};

/// Silences the background traffic, audits, and lets the traffic go on.
pub(super) async fn run(home: &Home, options: &Audit, json: bool) -> Outcome {
    let run = RunFile::find(home)?;
    let stack = stack::of(&run)?;
    let sender = audit::send::Sender::new(&run)?;
    let paused = match run.url("loadgen") {
        Ok(base) => Some(LoadControl::new(base, &run.admin_token)?.pause().await?),
        Err(_) => None,
    };
    let audited =
        audit::run(&stack, &sender, options.requests, options.seed, options.concurrency.into()).await;
    if let Some(paused) = paused {
        paused.resume().await?;
    }
    sender.finish().await;
    let report = audited?;
    if json {
        output::json(&serde_json::to_value(&report).map_err(anyhow::Error::from)?);
    } else {
        output::print(&text(&report));
    }
    Ok(if report.good() { Code::Good } else { Code::NotGood })
}

fn text(report: &audit::Report) -> String {
    let mut lines = vec![
        format!("requests sent          {}", report.requests),
        format!("traces complete        {}", report.traces_complete),
        format!("orphan spans           {}", report.orphan_spans),
        format!("log lines joined       {}", report.logs_joined),
        format!("metrics equal          {}", if report.metrics_equal { "yes" } else { "no" }),
        format!("mismatches             {}", report.mismatches),
    ];
    lines.extend(report.mismatch_list.iter().map(|mismatch| {
        let id = mismatch.correlation_id.as_deref().unwrap_or("(all requests)");
        format!("  {id}  {}", mismatch.what)
    }));
    lines.join("\n")
}
