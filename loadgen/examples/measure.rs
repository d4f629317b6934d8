//! Measures the generator alone, for `bench/loadgen.py`: prints the report as JSON.
//!
//! `measure closed URL CONNECTIONS SECONDS`, or `measure open BASE REQUESTS_PER_SECOND SECONDS`.

use anyhow::{Context, bail};
use loadgen::plan::Plan;
use loadgen::{Options, client::Targets, profile, run, run_url};
use std::sync::Arc;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mode, url, number, seconds] = args.as_slice() else {
        bail!(
            "usage: measure closed URL CONNECTIONS SECONDS | measure open BASE REQUESTS_PER_SECOND SECONDS"
        );
    };
    let duration = Duration::from_secs_f64(seconds.parse().context("SECONDS")?);
    let mut options = Options { thresholds: Some(Vec::new()), ..Options::default() };
    let never = std::future::pending;
    let report = match mode.as_str() {
        "closed" => {
            options.closed = Some(number.parse().context("CONNECTIONS")?);
            run_url(url, duration, options, |_| {}, never()).await?
        }
        "open" => {
            let profile = profile::load("steady", &[])?;
            let rps = number.parse().context("REQUESTS_PER_SECOND")?;
            let plan = Arc::new(Plan::new(&profile, 1, Some(duration), Some(rps))?);
            run(plan, Targets::single(url)?, options, |_| {}, never()).await?
        }
        other => bail!("no mode {other:?}: closed or open"),
    };
    println!("{}", report.json());
    Ok(())
}
