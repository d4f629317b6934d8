//! Fetches what the three APIs say, and waits for telemetry that is still on its way.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use query::{Stack, UnixNanos, Window, trace};
use tokio::time::{Instant, sleep};

use super::{
    check_logs, check_trace,
    ledger::{self, Entry, Key, Mismatch},
};

/// Between two looks at something that is not there yet.
const PAUSE: Duration = Duration::from_millis(250);

/// The requests whose log lines are asked for together: each has a dozen at most, and an answer holds 5,000.
const LOG_BATCH: usize = 200;

const SERVICES: [&str; 3] = ["user-service", "product-service", "order-service"];
const JOBS: &str = r#"job=~"user-service|product-service|order-service""#;

/// The request counters, once they rest: deliveries of earlier orders go on for a moment after the traffic stopped.
pub(super) async fn settled_counters(stack: &Stack, within: Duration) -> anyhow::Result<BTreeMap<Key, f64>> {
    let deadline = Instant::now() + within;
    let mut last = None;
    loop {
        wait_for_scrape(stack, within).await?;
        let now = counters(stack).await?;
        if last.as_ref() == Some(&now) {
            return Ok(now);
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "the request counters do not rest: something else sends requests to the services; stop it and try again"
        );
        last = Some(now);
    }
}

/// Compares the counters with the growth that the ledger demands, waiting for late scrapes and deliveries.
///
/// Counters that fit have to fit after one more scrape too: what comes late and unasked counts as well.
pub(super) async fn counters_grown(
    stack: &Stack,
    before: &BTreeMap<Key, f64>,
    growth: &BTreeMap<Key, u64>,
    within: Duration,
) -> anyhow::Result<Vec<Mismatch>> {
    let deadline = Instant::now() + within;
    while !ledger::compare(before, &counters(stack).await?, growth).is_empty() && Instant::now() < deadline {
        sleep(PAUSE).await;
    }
    let after = settled_counters(stack, within).await?;
    Ok(ledger::compare(before, &after, growth))
}

async fn counters(stack: &Stack) -> anyhow::Result<BTreeMap<Key, f64>> {
    let expression = format!(
        "sum by (service, method, route, status) (http_server_request_duration_seconds_count{{{JOBS}}})"
    );
    let samples = stack.prometheus.instant(&expression, None).await?.data.into_samples();
    let counted = samples.into_iter().map(|sample| {
        let label = |name: &str| sample.labels.get(name).cloned().unwrap_or_default();
        ((label("service"), label("method"), label("route"), label("status")), sample.point.value)
    });
    Ok(counted.collect())
}

async fn wait_for_scrape(stack: &Stack, within: Duration) -> anyhow::Result<()> {
    let (asked, deadline) = (UnixNanos::now(), Instant::now() + within);
    #[expect(clippy::cast_precision_loss, reason = "a double holds microseconds of this century")]
    let asked_s = asked.micros() as f64 / 1e6;
    loop {
        // The samples of one scrape carry one time stamp, so that of `up` dates everything of its target. One that is scraped no
        // more has none.
        let answer = stack.prometheus.instant(&format!("timestamp(up{{{JOBS}}})"), None).await?;
        let seen = answer.data.into_samples().into_iter().map(|mut sample| {
            let job = sample.labels.remove("job").unwrap_or_default();
            (job, sample.point.value > asked_s)
        });
        let Some(lacking) = lacking(&seen.collect::<Vec<_>>()) else { return Ok(()) };
        anyhow::ensure!(Instant::now() < deadline, "within {within:?} {lacking}");
        sleep(PAUSE).await;
    }
}

/// What a scrape of all services lacks, of the jobs whose targets are known and whether each was scraped in time.
fn lacking(seen: &[(String, bool)]) -> Option<String> {
    let targets = |service: &'static str| seen.iter().filter(move |(job, _)| job == service);
    let (known, unknown): (Vec<&'static str>, Vec<&'static str>) =
        SERVICES.into_iter().partition(|service| targets(service).next().is_some());
    if known.is_empty() {
        return Some(format!(
            "no target with the job {} was scraped: let the stack's Prometheus scrape each of them under its name, and try again",
            SERVICES.join(", ")
        ));
    }
    let late = known.into_iter().filter(|service| targets(service).any(|(_, in_time)| !in_time));
    let lacking: Vec<&str> = unknown.into_iter().chain(late).collect();
    (!lacking.is_empty()).then(|| format!("{} was not scraped; is it down?", lacking.join(", ")))
}

/// Checks the trace of each request, waiting for spans that are still on their way.
pub(super) async fn traces(
    stack: &Stack,
    entries: &[&Entry],
    concurrency: usize,
    within: Duration,
) -> anyhow::Result<Vec<check_trace::Finding>> {
    let deadline = Instant::now() + within;
    stream::iter(entries)
        .map(|entry| one_trace(stack, entry, deadline))
        .buffered(concurrency)
        .try_collect()
        .await
}

async fn one_trace(stack: &Stack, entry: &Entry, deadline: Instant) -> anyhow::Result<check_trace::Finding> {
    let id = entry.trace_id.parse().map_err(|e| anyhow::anyhow!("the ledger's own trace id: {e}"))?;
    loop {
        let finding = match stack.jaeger.trace(id).await {
            Ok(trace) => check_trace::check(entry, &trace),
            Err(error) if error.is_not_found() => check_trace::Finding {
                orphans: 0,
                mismatches: vec![Mismatch::of(entry, format!("the trace {id} is missing"))],
            },
            Err(error) => return Err(error.into()),
        };
        if finding.mismatches.is_empty() || Instant::now() >= deadline {
            return Ok(finding);
        }
        sleep(PAUSE).await;
    }
}

/// Checks the log lines of each request, written since `from`, waiting for lines that are still on their way.
pub(super) async fn logs(
    stack: &Stack,
    entries: &[&Entry],
    from: UnixNanos,
    within: Duration,
) -> anyhow::Result<Vec<Vec<Mismatch>>> {
    let deadline = Instant::now() + within;
    let mut all = Vec::with_capacity(entries.len());
    // One after the other: each is a search through all lines, which the server does on all its cores.
    for batch in entries.chunks(LOG_BATCH) {
        all.extend(lines(stack, batch, from, deadline).await?);
    }
    Ok(all)
}

async fn lines(
    stack: &Stack,
    batch: &[&Entry],
    from: UnixNanos,
    deadline: Instant,
) -> anyhow::Result<Vec<Vec<Mismatch>>> {
    let mut findings = vec![Vec::new(); batch.len()];
    let mut open: Vec<usize> = (0..batch.len()).collect();
    loop {
        let ids = open.iter().map(|&index| batch[index].correlation_id.as_str());
        let window = Window { start: from, end: UnixNanos::now().after(PAUSE) };
        let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for line in trace::logs_with_any(&stack.loki, "correlation_id", ids, window).await? {
            let id = line.correlation_id().unwrap_or_default().to_owned();
            found.entry(id).or_default().push(line);
        }
        for &index in &open {
            let entry = batch[index];
            let lines = found.get(&entry.correlation_id).map_or(&[] as &[_], Vec::as_slice);
            findings[index] = check_logs::check(entry, lines);
        }
        open.retain(|&index| !findings[index].is_empty());
        if open.is_empty() || Instant::now() >= deadline {
            return Ok(findings);
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::lacking;

    fn lack(seen: &[(&str, bool)]) -> Option<String> {
        lacking(&seen.iter().map(|(job, in_time)| ((*job).to_owned(), *in_time)).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_scraped_is_named_and_that_nobody_scrapes_is_told() {
        let all = [("user-service", true), ("product-service", true), ("order-service", true)];
        assert_eq!(lack(&all), None);
        assert_eq!(lack(&all[..2]).as_deref(), Some("order-service was not scraped; is it down?"));
        let second_is_late = [all.as_slice(), &[("user-service", false)]].concat();
        assert_eq!(lack(&second_is_late).as_deref(), Some("user-service was not scraped; is it down?"));
        let told = lack(&[]).expect("nobody scrapes");
        assert!(told.contains("let the stack's Prometheus scrape each of them"), "{told}");
    }
}
