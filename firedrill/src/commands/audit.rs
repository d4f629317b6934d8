//! `firedrill audit`: known requests in, and the proof that the three signals tell the same story about each.

use super::{output, signal};
use crate::{
    audit,
    cli::Audit,
    failure::{Code, Failure, Outcome},
    home::Home,
    load_control::LoadControl,
    run_file::RunFile,
    stack,
};

/// Silences the background traffic, audits, and lets the traffic go on, also when it is interrupted.
pub(super) async fn run(home: &Home, options: &Audit, json: bool) -> Outcome {
    let run = RunFile::find(home)?;
    let stack = stack::of(&run)?;
    // Two at once would count each other's requests as strangers.
    let _alone = home.alone("audit")?;
    let mut stop = signal::StopAsked::listen()?;
    let sender = audit::send::Sender::new(&run).await?;
    let paused = match run.url("loadgen") {
        Ok(base) => Some(LoadControl::new(base, &run.admin_token)?.pause().await?),
        Err(_) => None,
    };
    let audited = tokio::select! {
        audited = audit::run(&stack, &sender, options.requests, options.seed, options.concurrency.into()) => {
            audited.map_err(Failure::from)
        }
        () = stop.asked() => Err(Failure::not_good("interrupted; what was sent so far proves nothing")),
    };
    let resumed = match paused {
        Some(paused) => paused.resume().await,
        None => Ok(()),
    };
    sender.finish().await;
    let report = audited?;
    if json {
        output::json(&serde_json::to_value(&report).map_err(anyhow::Error::from)?);
    } else {
        output::print(&text(&report));
    }
    // The finding comes first; that the traffic does not go on is worth a line, and its pause ends by itself.
    if let Err(error) = resumed {
        output::note(&format!(
            "the traffic could not be resumed and goes on when its pause runs out: {error:#}"
        ));
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
