//! What both are fed: counters with resets, gauges with NaN and infinities, histograms, gaps, staleness markers, and
//! series by the names that the dashboards ask for.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};

use crate::harness::text;
use crate::remote::{self, TimeSeries};

/// The first sample's time: no multiple of any step asked for.
pub(crate) const START_MS: i64 = 1_700_000_007_123;
/// Time between samples, and how many there are.
const STEP_MS: i64 = 15_000;
const COUNT: i64 = 200;
/// The last sample's time.
pub(crate) const END_MS: i64 = START_MS + (COUNT - 1) * STEP_MS;

/// Prometheus' staleness marker.
const STALE: u64 = 0x7ff0_0000_0000_0002;

#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) labels: Vec<(String, String)>,
    /// Milliseconds and values.
    pub(crate) samples: Vec<(i64, f64)>,
}

fn series(name: &str, labels: &[(&str, &str)], value: impl Fn(i64) -> Option<f64>) -> Series {
    let own = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let labels = own.chain([("__name__".to_owned(), name.to_owned())]).collect();
    let samples = (0..COUNT).filter_map(|i| Some((START_MS + i * STEP_MS, value(i)?)));
    Series { labels, samples: samples.collect() }
}

/// A number between 0 and 1 that looks random and is always the same.
fn noise(i: i64, seed: i64) -> f64 {
    let mut x =
        (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (seed as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
    x = (x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// A counter: `rate` a step on average, back to zero every `reset` steps.
fn counter(i: i64, seed: i64, rate: f64, reset: i64) -> f64 {
    let since = if reset > 0 { i - i % reset } else { 0 };
    (since..=i).map(|j| (noise(j, seed) * 2.0 * rate).floor()).sum()
}

pub(crate) fn all() -> Vec<Series> {
    let mut all = abstract_ones();
    all.extend(of_the_shop());
    all
}

fn abstract_ones() -> Vec<Series> {
    let stale = f64::from_bits(STALE);
    let mut all = Vec::new();
    for (n, instance) in ["a:1", "b:1", "c:1"].into_iter().enumerate() {
        for (m, group) in ["canary", "production"].into_iter().enumerate() {
            let seed = (n * 7 + m) as i64;
            let labels = [("host", instance), ("group", group), ("path", if n == 2 { "/x" } else { "/" })];
            let reset = [0, 60, 37][n];
            all.push(series("requests_total", &labels, |i| Some(counter(i, seed, 5.0, reset))));
            all.push(series("requests_failed_total", &labels, |i| {
                (n != 1).then(|| counter(i, seed + 50, 0.6, reset))
            }));
            all.push(series("memory_bytes", &labels, |i| Some(1e9 + (noise(i, seed) * 1e8).floor())));
            all.push(series("temperature", &labels, |i| {
                Some((i as f64 / 9.0).sin() * 30.0 + noise(i, seed + 9) - 5.0)
            }));
        }
        all.push(series("info", &[("host", instance), ("version", ["1.2", "1.10", "1.9"][n])], |_| {
            Some(1.0)
        }));
    }
    for (q, v) in [("x", f64::NAN), ("y", f64::INFINITY), ("z", f64::NEG_INFINITY), ("w", 0.0), ("v", 3.0)] {
        all.push(series("special", &[("kind", q)], move |_| Some(v)));
        all.push(series("sometimes_special", &[("kind", q)], move |i| {
            Some(if i % 5 == 2 { v } else { noise(i, 77) * 10.0 - 5.0 })
        }));
    }
    // Huge values whose sum overflows, and tiny ones lost beside them.
    all.push(series("huge", &[("n", "1")], |i| Some(if i % 2 == 0 { 1.7e308 } else { 1.6e308 })));
    all.push(series("huge", &[("n", "2")], |_| Some(1.5e308)));
    all.push(series("mixed_scale", &[("n", "1")], |i| Some([1e100, 1.0, -1e100, 1e-3][(i % 4) as usize])));
    all.push(series("mixed_scale", &[("n", "2")], |_| Some(1.0)));
    all.push(series("mixed_scale", &[("n", "3")], |_| Some(-1e100)));
    // Gone with a marker and back, gone without one, rare, short.
    all.push(series("flapping", &[("n", "1")], |i| match i % 50 {
        0..=29 => Some(i as f64),
        30 => Some(stale),
        _ => None,
    }));
    all.push(series("flapping", &[("n", "2")], |i| (i % 40 < 12).then_some(i as f64)));
    all.push(series("rare", &[], |i| (i % 13 == 0).then_some(i as f64)));
    all.push(series("lone", &[("n", "1")], |i| (i == 100).then_some(42.0)));
    all.push(series("constant", &[("n", "1")], |_| Some(7.0)));
    all.push(series("unix_times", &[("n", "leap")], |i| Some(1_709_164_800.0 + i as f64 * 4000.0)));
    all.push(series("unix_times", &[("n", "old")], |i| Some(-86_400.5 * i as f64)));
    all.push(series("fraction", &[("n", "1")], |i| Some(noise(i, 3) * 2.0 - 1.0)));
    for (n, buckets) in [
        [("0.1", 0.1), ("0.5", 0.4), ("1", 0.9), ("2.5", 1.5), ("+Inf", 1.6)],
        [("0.1", 0.5), ("0.5", 0.5), ("1", 0.3), ("2.5", 0.9), ("+Inf", 1.0)],
    ]
    .into_iter()
    .enumerate()
    {
        let host = ["a:1", "b:1"][n];
        for (le, share) in buckets {
            // The second falls between buckets, which quantiles have to mend.
            all.push(series("latency_seconds_bucket", &[("host", host), ("le", le)], |i| {
                Some((counter(i, 5, 9.0, 0) * share).floor())
            }));
        }
    }
    for (le, n) in [("-1", 3.0), ("0", 5.0), ("1", 9.0)] {
        all.push(series("no_infinity_bucket", &[("le", le)], |_| Some(n)));
    }
    for (le, n) in [("-2", 3.0), ("-1", 5.0), ("+Inf", 9.0)] {
        all.push(series("below_zero_bucket", &[("le", le)], |_| Some(n)));
    }
    all.push(series("odd_bucket", &[("le", "much")], |_| Some(1.0)));
    all.push(series("odd_bucket", &[], |_| Some(1.0)));
    all
}

/// The series of the dashboards, as far as their queries are not empty without them.
fn of_the_shop() -> Vec<Series> {
    let mut all = Vec::new();
    for (n, service) in
        ["user-service", "product-service", "order-service", "loadgen"].into_iter().enumerate()
    {
        let n = n as i64;
        all.push(series("up_like", &[("service", service)], |i| Some(f64::from(u8::from(i % 90 != 7 * n)))));
        let started = move |i| Some(1_699_999_000.0 + if i > 50 * n && n > 0 { 500.0 } else { 0.0 });
        all.push(series("process_start_time_seconds", &[("service", service)], started));
        all.push(series("process_cpu_seconds_total", &[("service", service)], |i| Some(i as f64 * 0.37)));
        for (m, (method, route, status)) in
            [("GET", "/users/{id}", "200"), ("POST", "/orders", "201"), ("POST", "/orders", "503")]
                .into_iter()
                .enumerate()
        {
            let seed = n * 11 + m as i64;
            let rate = if status == "503" { 0.3 } else { 6.0 };
            for (family, extra) in [("server", None), ("client", Some(("peer", "product-service")))] {
                let name = format!("http_{family}_request_duration_seconds");
                let labels: Vec<_> =
                    [("service", service), ("method", method), ("route", route), ("status", status)]
                        .into_iter()
                        .chain(extra)
                        .collect();
                all.push(series(&format!("{name}_count"), &labels, |i| Some(counter(i, seed, rate, 0))));
                all.push(series(&format!("{name}_sum"), &labels, |i| {
                    Some(counter(i, seed, rate, 0) * 0.037)
                }));
                for (le, share) in [("0.005", 0.3), ("0.05", 0.8), ("0.5", 0.99), ("+Inf", 1.0)] {
                    let labels: Vec<_> = labels.iter().copied().chain([("le", le)]).collect();
                    all.push(series(&format!("{name}_bucket"), &labels, |i| {
                        Some((counter(i, seed, rate, 0) * share).floor())
                    }));
                }
            }
        }
        for (m, outcome) in ["confirmed", "out_of_stock", "dependency_failed"].into_iter().enumerate() {
            let labels = [("service", service), ("outcome", outcome)];
            all.push(series("orders_total", &labels, |i| Some(counter(i, m as i64 + 90, 2.0, 0))));
        }
        for server in ["user-service", "database"] {
            let kind = if server == "database" { "database" } else { "virtual_node" };
            let labels = [("client", service), ("server", server), ("connection_type", kind)];
            all.push(series("traces_service_graph_request_total", &labels, |i| Some(counter(i, n, 3.0, 0))));
        }
    }
    all
}

/// All of them as remote write has them.
pub(crate) fn written(series: &[Series]) -> Vec<TimeSeries> {
    let one = |s: &Series| {
        let mut labels: Vec<_> = s.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        labels.sort_unstable();
        remote::series(&labels, &s.samples)
    };
    series.iter().map(one).collect()
}

/// The same as gauges of OTLP, whose names and labels arrive unchanged.
pub(crate) fn export(series: &[Series]) -> ExportMetricsServiceRequest {
    let metrics = series.iter().map(|s| {
        let name = s.labels.iter().find(|(k, _)| k == "__name__").expect("a name").1.clone();
        let attributes = s.labels.iter().filter(|(k, _)| k != "__name__").map(|(k, v)| text(k, v));
        let attributes: Vec<_> = attributes.collect();
        let point = |(t, v): &(i64, f64)| NumberDataPoint {
            attributes: attributes.clone(),
            time_unix_nano: u64::try_from(*t).expect("after 1970") * 1_000_000,
            flags: u32::from(v.to_bits() == STALE),
            value: Some(Value::AsDouble(*v)),
            ..NumberDataPoint::default()
        };
        let gauge = Gauge { data_points: s.samples.iter().map(point).collect() };
        Metric { name, data: Some(Data::Gauge(gauge)), ..Metric::default() }
    });
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics { metrics: metrics.collect(), ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }],
    }
}
