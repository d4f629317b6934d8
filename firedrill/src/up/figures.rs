//! The figures that `up` tells: rate, errors and duration now, whether the stores can write, and what a run came to.
//! Read through the HTTP APIs.

use std::{collections::BTreeMap, fmt, fs, time::Duration};

use query::Stack;

use super::disk::Writes;

/// Rate, errors and duration of the user-facing service over the last seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Red {
    /// Requests per second.
    pub(super) rate: f64,
    /// Share of them that failed, 0 to 1.
    pub(super) errors: f64,
    /// 99th percentile of the duration in seconds.
    pub(super) p99: f64,
}

/// Requests of order-service: it is the one that users talk to.
const OF_ORDERS: &str = r#"http_server_request_duration_seconds"#;
const SELECT: &str = r#"service="order-service""#;
/// Short enough to move, long enough for a scrape each second.
const OVER: Duration = Duration::from_secs(10);
/// The shortest window in which a scrape each second leaves enough samples for a rate.
const LEAST: Duration = Duration::from_secs(3);

impl Red {
    /// Asks the Prometheus API, over no more time than the stack has been up: a window that is not filled shows too low
    /// a rate.
    pub(super) async fn now(stack: &Stack, up: Duration) -> Result<Self, query::Error> {
        let over = format!("{}s", up.clamp(LEAST, OVER).as_secs());
        let rate = format!("sum(rate({OF_ORDERS}_count{{{SELECT}}}[{over}]))");
        let failed = format!("sum(rate({OF_ORDERS}_count{{{SELECT},status=~\"5..\"}}[{over}]))");
        let p99 =
            format!("histogram_quantile(0.99, sum by (le) (rate({OF_ORDERS}_bucket{{{SELECT}}}[{over}])))");
        let (rate, failed, p99) = tokio::try_join!(one(stack, &rate), one(stack, &failed), one(stack, &p99))?;
        Ok(Self { rate, errors: if rate > 0.0 { failed / rate } else { 0.0 }, p99 })
    }
}

impl fmt::Display for Red {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, errors, p99 } = self;
        write!(
            f,
            "order-service  rate {rate:6.1}/s  errors {:5.2}%  p99 {:6.1} ms",
            errors * 100.0,
            p99 * 1e3
        )
    }
}

async fn one(stack: &Stack, expression: &str) -> Result<f64, query::Error> {
    let samples = stack.prometheus.instant(expression, None).await?.data.into_samples();
    Ok(samples.first().map(|sample| sample.point.value).filter(|value| value.is_finite()).unwrap_or(0.0))
}

/// What the services' databases have counted of their writes, by service.
pub(super) async fn database_writes(stack: &Stack) -> Result<BTreeMap<String, Writes>, query::Error> {
    let count = |of: &str| format!("sum by (service) (db_client_operation_duration_seconds_count{{{of}}})");
    let (refused, committed) =
        (count(r#"outcome=~"full|unwritable""#), count(r#"operation="COMMIT",outcome="ok""#));
    let (refused, committed) = tokio::try_join!(
        stack.prometheus.instant(&refused, None),
        stack.prometheus.instant(&committed, None)
    )?;
    let mut writes: BTreeMap<String, Writes> = BTreeMap::new();
    let mut note = |answer: query::prometheus::Answer, count: fn(&mut Writes) -> &mut u64| {
        for sample in answer.data.into_samples() {
            let service = sample.labels.get("service").cloned().unwrap_or_default();
            *count(writes.entry(service).or_default()) = sample.point.value as u64;
        }
    };
    note(refused, |writes| &mut writes.refused);
    note(committed, |writes| &mut writes.committed);
    Ok(writes)
}

/// What the backends have taken in, and whether they can take more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Spans taken in.
    pub(super) spans: u64,
    /// Log records taken in.
    pub(super) log_lines: u64,
    /// Metric series held.
    pub(super) series: u64,
    /// Whether its disk takes no data.
    pub(super) disk_refuses: bool,
}

/// Longest wait for one backend's own figures.
const PATIENCE: Duration = Duration::from_secs(5);

impl Figures {
    /// Reads them from the backends' own `/metrics`: the embedded one's, or Prometheus' and the collector's.
    pub(super) async fn of_backends(bases: &[String]) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let mut pages = String::new();
        for base in bases {
            let answer = client.get(format!("{base}/metrics")).send().await?;
            pages.push_str(&answer.error_for_status()?.text().await?);
        }
        Ok(Self::parse(&pages))
    }

    fn parse(exposition: &str) -> Self {
        let sum = |name: &str| {
            let of_name =
                |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
            let values = exposition
                .lines()
                .filter(of_name)
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            values.sum::<f64>() as u64
        };
        Self {
            spans: sum("backend_ingested_spans_total") + sum("otelcol_receiver_accepted_spans"),
            log_lines: sum("backend_ingested_log_records_total")
                + sum("otelcol_receiver_accepted_log_records"),
            series: sum("backend_series") + sum("prometheus_tsdb_head_series"),
            disk_refuses: sum("backend_disk_refuses") > 0,
        }
    }
}

/// Resident memory of each process in MB (10^6 bytes), and of all together as `total`, where the system tells.
pub(super) fn resident_mb(pids: &BTreeMap<String, u32>) -> BTreeMap<String, f64> {
    let own = ("up".to_owned(), std::process::id());
    let mut sizes: BTreeMap<String, f64> = pids
        .iter()
        .map(|(name, pid)| (name.clone(), *pid))
        .chain([own])
        .filter_map(|(name, pid)| Some((name, resident(pid)?)))
        .collect();
    let total: f64 = sizes.values().sum();
    sizes.insert("total".into(), (total * 10.0).round() / 10.0);
    sizes
}

fn resident(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some((kib * 1024.0 / 1e5).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backends_own_counters_are_summed_over_their_labels() {
        let text = "# TYPE backend_ingested_spans counter\nbackend_ingested_spans_total{protocol=\"grpc\"} 2\n\
                    backend_ingested_spans_total{protocol=\"http\"} 3.0\nbackend_ingested_log_records_total 7\n\
                    backend_series 11\nbackend_series_refused_total 5\nbackend_disk_refuses 1\n";
        let expected = Figures { spans: 5, log_lines: 7, series: 11, disk_refuses: true };
        assert_eq!(Figures::parse(text), expected);
        assert!(!Figures::parse("backend_disk_refuses 0\n").disk_refuses);
    }

    #[test]
    fn memory_is_summed_over_the_processes() {
        let sizes = resident_mb(&BTreeMap::from([("self".to_owned(), std::process::id())]));
        if cfg!(target_os = "linux") {
            assert!(sizes["self"] > 0.1);
            assert!((sizes["total"] - sizes["self"] - sizes["up"]).abs() < 0.01);
        }
    }
}
