//! OTLP data points to samples under Prometheus' names: gauges, cumulative sums, histograms and summaries.
//! Delta temporality and exponential histograms are refused, and the sender is told how many. Pure.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::names::label_name;
use super::{LAID_OUT, Partial, TOO_LARGE};
use crate::labels::{Labels, NAME};
use crate::store::samples::{Metadata, stale};
use crate::store::spans::text;

const CUMULATIVE: i32 = 2;
const INFO: &str = "target_info";
/// Attributes that become `job` and `instance`.
const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];
/// Half of how far back a query looks, and the most of such times.
const MOMENT_MS: i64 = 150_000;
const MOMENTS: i64 = 1_000;

/// Everything one export brings.
#[derive(Debug, Default)]
pub(crate) struct Points {
    /// Labels, time in milliseconds, value.
    pub(crate) samples: Vec<(Labels, i64, f64)>,
    pub(crate) metadata: Vec<(String, Metadata)>,
    /// What `target_info` is at which times, in milliseconds.
    pub(crate) targets: Vec<(Labels, i64)>,
    pub(crate) partial: Partial,
    /// Bytes of all labels.
    laid_out: usize,
    /// The earliest and the latest data point of the resource that is being added.
    times: Option<(i64, i64)>,
}

impl Points {
    pub(crate) fn add(&mut self, request: ExportMetricsServiceRequest) {
        for resource_metrics in request.resource_metrics {
            let resource = resource_metrics.resource.unwrap_or_default();
            let common = identity(&resource);
            self.times = None;
            for metric in resource_metrics.scope_metrics.into_iter().flat_map(|s| s.metrics) {
                self.add_metric(&common, metric);
            }
            if let Some((earliest, latest)) = self.times
                && let Some(info) = target_info(&resource, &common)
            {
                self.targets.extend(moments(earliest, latest).map(|t| (info.clone(), t)));
            }
        }
        if !self.targets.is_empty() {
            let metadata = Metadata {
                kind: "gauge".to_owned(),
                help: "Target metadata".to_owned(),
                unit: String::new(),
            };
            self.metadata.push((INFO.to_owned(), metadata));
        }
    }

    fn add_metric(&mut self, common: &[(String, String)], metric: Metric) {
        let is_counter = matches!(&metric.data, Some(Data::Sum(s)) if s.is_monotonic);
        let is_gauge = matches!(&metric.data, Some(Data::Gauge(_)));
        let name = metric_name(&metric.name, &metric.unit, is_counter, is_gauge);
        let kind = match metric.data {
            Some(Data::Gauge(gauge)) => {
                gauge.data_points.iter().for_each(|p| self.number(&name, common, p));
                "gauge"
            }
            Some(Data::Sum(sum)) if sum.aggregation_temporality == CUMULATIVE => {
                sum.data_points.iter().for_each(|p| self.number(&name, common, p));
                if is_counter { "counter" } else { "gauge" }
            }
            Some(Data::Histogram(h)) if h.aggregation_temporality == CUMULATIVE => {
                h.data_points.iter().for_each(|p| self.histogram(&name, common, p));
                "histogram"
            }
            Some(Data::Summary(summary)) => {
                summary.data_points.iter().for_each(|p| self.summary(&name, common, p));
                "summary"
            }
            Some(Data::Sum(sum)) => {
                return self
                    .partial
                    .refuse(sum.data_points.len(), "only cumulative temporality is supported");
            }
            Some(Data::Histogram(h)) => {
                return self.partial.refuse(h.data_points.len(), "only cumulative temporality is supported");
            }
            Some(Data::ExponentialHistogram(h)) => {
                return self.partial.refuse(h.data_points.len(), "exponential histograms are not supported");
            }
            None => return,
        };
        let metadata = Metadata { kind: kind.to_owned(), help: metric.description, unit: metric.unit };
        self.metadata.push((name, metadata));
    }

    fn push(
        &mut self,
        name: String,
        common: &[(String, String)],
        own: &[KeyValue],
        extra: Option<(&str, String)>,
        t: i64,
        v: f64,
    ) {
        if self.laid_out > LAID_OUT {
            return self.partial.refuse(1, TOO_LARGE);
        }
        self.times = Some(self.times.map_or((t, t), |(from, to)| (from.min(t), to.max(t))));
        let own = own.iter().map(|kv| (label_name(&kv.key), text(kv)));
        let extra = extra.map(|(k, v)| (k.to_owned(), v));
        let labels = own.chain(common.iter().cloned()).chain(extra).chain([(NAME.to_owned(), name)]);
        let labels = Labels::new(labels);
        self.laid_out += labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        self.samples.push((labels, t, v));
    }

    fn number(&mut self, name: &str, common: &[(String, String)], point: &NumberDataPoint) {
        let value = match point.value {
            _ if point.flags & 1 == 1 => stale(),
            Some(number_data_point::Value::AsDouble(v)) => v,
            Some(number_data_point::Value::AsInt(v)) => v as f64,
            None => return self.partial.refuse(1, "a data point has no value"),
        };
        self.push(name.to_owned(), common, &point.attributes, None, ms(point.time_unix_nano), value);
    }

    fn histogram(&mut self, name: &str, common: &[(String, String)], point: &HistogramDataPoint) {
        if point.bucket_counts.len() != point.explicit_bounds.len() + 1 && !point.bucket_counts.is_empty() {
            return self.partial.refuse(1, "a histogram's bounds and counts do not fit together");
        }
        let t = ms(point.time_unix_nano);
        let mut total = 0u64;
        let bounds = point.explicit_bounds.iter().map(|b| float_text(*b)).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&point.bucket_counts) {
            total = total.saturating_add(*count);
            self.push(
                format!("{name}_bucket"),
                common,
                &point.attributes,
                Some(("le", bound)),
                t,
                total as f64,
            );
        }
        if point.bucket_counts.is_empty() {
            let inf = Some(("le", "+Inf".to_owned()));
            self.push(format!("{name}_bucket"), common, &point.attributes, inf, t, point.count as f64);
        }
        self.push(format!("{name}_count"), common, &point.attributes, None, t, point.count as f64);
        self.push(format!("{name}_sum"), common, &point.attributes, None, t, point.sum.unwrap_or_default());
    }

    fn summary(&mut self, name: &str, common: &[(String, String)], point: &SummaryDataPoint) {
        let t = ms(point.time_unix_nano);
        for q in &point.quantile_values {
            let quantile = Some(("quantile", float_text(q.quantile)));
            self.push(name.to_owned(), common, &point.attributes, quantile, t, q.value);
        }
        self.push(format!("{name}_count"), common, &point.attributes, None, t, point.count as f64);
        self.push(format!("{name}_sum"), common, &point.attributes, None, t, point.sum);
    }
}

fn ms(ns: u64) -> i64 {
    crate::time::from_unsigned_ns(ns) / 1_000_000
}

/// `5` is written `5`, as Prometheus does for what comes by OTLP.
fn float_text(v: f64) -> String {
    v.to_string()
}

/// `job` and `instance` from the resource, as Prometheus' OTLP receiver makes them.
fn identity(resource: &Resource) -> Vec<(String, String)> {
    let get = |name: &str| resource.attributes.iter().find(|kv| kv.key == name).map(text).unwrap_or_default();
    let (namespace, name, instance) =
        (get("service.namespace"), get("service.name"), get("service.instance.id"));
    let job = if namespace.is_empty() || name.is_empty() { name } else { format!("{namespace}/{name}") };
    vec![("job".to_owned(), job), ("instance".to_owned(), instance)]
}

/// The labels of `target_info`: what is said of the resource beside what identifies it. `None` where it says nothing more, or
/// nothing that identifies it.
fn target_info(resource: &Resource, identity: &[(String, String)]) -> Option<Labels> {
    if identity.iter().all(|(_, value)| value.is_empty()) {
        return None;
    }
    let mut told: Vec<(&str, String)> = resource.attributes.iter().map(|kv| (&*kv.key, text(kv))).collect();
    told.retain(|(name, _)| !IDENTIFYING.contains(name));
    if told.is_empty() {
        return None;
    }
    told.sort_by_key(|(name, _)| *name);
    let mut labels: Vec<(String, String)> = Vec::with_capacity(told.len() + 3);
    for (name, value) in told {
        let name = label_name(name);
        // Names that have become the same share one label.
        match labels.iter_mut().find(|(known, value)| *known == name && !value.is_empty()) {
            Some((_, all)) => *all = format!("{all};{value}"),
            None => labels.push((name, value)),
        }
    }
    labels.extend(identity.iter().filter(|(_, value)| !value.is_empty()).cloned());
    labels.push((NAME.to_owned(), INFO.to_owned()));
    Some(Labels::new(labels))
}

/// When `target_info` has a sample, so that a query finds one at any time between two data points.
fn moments(earliest: i64, latest: i64) -> impl Iterator<Item = i64> {
    // Of what lies further back than that, nothing can be stored.
    let from = earliest.max(latest.saturating_sub(MOMENTS * MOMENT_MS));
    (0..).map(move |i| from.saturating_add(i * MOMENT_MS)).take_while(move |t| *t < latest).chain([latest])
}

/// A metric's name with unit and `_total`, by the OpenTelemetry compatibility rules.
fn metric_name(name: &str, unit: &str, is_counter: bool, is_gauge: bool) -> String {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == ':';
    let mut words: Vec<String> =
        name.split(|c| !valid(c)).filter(|w| !w.is_empty()).map(str::to_owned).collect();
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    for word in [unit_word(main).to_owned(), per_word(per)] {
        if !word.is_empty() && !words.contains(&word) {
            words.extend(word.split('_').map(str::to_owned));
        }
    }
    if is_counter {
        words.retain(|w| w != "total");
        words.push("total".to_owned());
    }
    if unit == "1" && is_gauge {
        words.retain(|w| w != "ratio");
        words.push("ratio".to_owned());
    }
    let joined = words.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) { format!("_{joined}") } else { joined }
}

fn unit_word(unit: &str) -> &str {
    match unit.trim() {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        "1" => "",
        other if other.contains(['{', '}']) => "",
        other if other.chars().all(|c| c.is_ascii_alphanumeric()) => other,
        _ => "",
    }
}

fn per_word(unit: &str) -> String {
    let word = match unit.trim() {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other if other.chars().all(|c| c.is_ascii_alphanumeric()) => other,
        _ => "",
    };
    if word.is_empty() { String::new() } else { format!("per_{word}") }
}

#[cfg(test)]
mod tests {
    use super::{metric_name, moments};

    #[test]
    fn a_target_is_told_of_from_the_first_data_point_to_the_last() {
        assert_eq!(moments(5, 5).collect::<Vec<_>>(), [5]);
        assert_eq!(moments(5, 300_005).collect::<Vec<_>>(), [5, 150_005, 300_005]);
        assert!(moments(i64::MIN, i64::MAX).count() < 1_100);
    }

    #[test]
    fn names_follow_the_compatibility_rules() {
        assert_eq!(
            metric_name("http.server.duration", "ms", false, false),
            "http_server_duration_milliseconds"
        );
        assert_eq!(metric_name("orders", "{order}", true, false), "orders_total");
        assert_eq!(metric_name("cpu.utilization", "1", false, true), "cpu_utilization_ratio");
        assert_eq!(
            metric_name("traces.span.metrics.calls", "", true, false),
            "traces_span_metrics_calls_total"
        );
        assert_eq!(metric_name("net.io", "By/s", false, true), "net_io_bytes_per_second");
    }
}
