//! Measures the generator alone, for `bench/loadgen.py`: prints the report as JSON.
//!
//! `measure closed URL CONNECTIONS SECONDS`, or `measure open BASES REQUESTS_PER_SECOND SECONDS`, where BASES
//! is one address or those of user, product and order service with commas between.

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
            run(plan, targets(url)?, options, |_| {}, never()).await?
        }
        other => bail!("no mode {other:?}: closed or open"),
    };
    println!("{}", report.json());
    Ok(())
}

fn targets(bases: &str) -> anyhow::Result<Targets> {
    match bases.split(',').collect::<Vec<_>>().as_slice() {
        [one] => Ok(Targets::single(one)?),
        [user, product, order] => Ok(Targets::new(user, product, order)?),
        _ => bail!("BASES: one address or three"),
    }
}
