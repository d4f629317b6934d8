//! OTLP log records to Loki's streams, by Loki's own default mapping: a few resource attributes become labels, all
//! else becomes structured metadata, the body becomes the line. Pure.

use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use super::names::metadata_name;
use super::times::{Times, Wrong};
use super::{LAID_OUT, Partial, TOO_LARGE, level};
use crate::labels::Labels;
use crate::store::batch::{Batch, LogIn, metadata_key};
use crate::store::logs::encode_stream;
use crate::store::spans::{hex, value_text};
use crate::time::from_unsigned_ns;

/// Resource attributes that become stream labels; Loki's default list.
const LABELS: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// Why a record is refused, as Loki does: whoever asks for it could not name the attribute.
const NAMELESS: &str = "the name of an attribute has neither a letter nor a digit";

type Pairs = Vec<(String, String)>;

/// Lays out an export's log records. Now stands in for a record without any time.
pub(crate) fn lay_out(
    request: ExportLogsServiceRequest,
    indexed: &[String],
    times: Times,
) -> (Batch, Partial) {
    let (mut batch, mut partial) = (Batch::default(), Partial::default());
    let mut streams = Streams::default();
    for resource_logs in request.resource_logs {
        let resource = resource_logs.resource.unwrap_or_default();
        let Some((labels, of_resource)) = of_resource(&resource.attributes) else {
            let records = resource_logs.scope_logs.iter().map(|scope| scope.log_records.len()).sum();
            partial.refuse(records, NAMELESS);
            continue;
        };
        let stream = streams.id(&mut batch, &labels);
        for scope_logs in resource_logs.scope_logs {
            if scope_logs.log_records.is_empty() {
                continue;
            }
            let mut common = of_resource.clone();
            if add_scope(&mut common, scope_logs.scope.unwrap_or_default()).is_none() {
                partial.refuse(scope_logs.log_records.len(), NAMELESS);
                continue;
            }
            for record in scope_logs.log_records {
                if batch.data.len() > LAID_OUT {
                    partial.refuse(1, TOO_LARGE);
                    continue;
                }
                let ts_ns = time(&record, times.now_ns);
                if let Err(wrong) = times.check(ts_ns) {
                    partial.refuse(1, out_of_time(wrong));
                    continue;
                }
                let Some(metadata) = metadata(&record, &common) else {
                    partial.refuse(1, NAMELESS);
                    continue;
                };
                let line =
                    record.body.as_ref().and_then(|b| b.value.as_ref()).map(value_text).unwrap_or_default();
                push(&mut batch, (stream, &labels), ts_ns, &line, metadata, indexed);
            }
        }
    }
    (batch, partial)
}

/// The labels of a resource's stream, and the metadata of all its records.
fn of_resource(attributes: &[KeyValue]) -> Option<(Labels, Pairs)> {
    let (mut labels, mut metadata) = (Vec::new(), Vec::new());
    for attribute in attributes {
        let to = if LABELS.contains(&attribute.key.as_str()) { &mut labels } else { &mut metadata };
        flatten("", attribute, to)?;
    }
    if !labels.iter().any(|(k, v)| k == "service_name" && !v.is_empty()) {
        labels.push(("service_name".to_owned(), "unknown_service".to_owned()));
    }
    Some((Labels::new(labels), metadata))
}

fn add_scope(metadata: &mut Pairs, scope: InstrumentationScope) -> Option<()> {
    for attribute in &scope.attributes {
        flatten("", attribute, metadata)?;
    }
    if !scope.name.is_empty() {
        metadata.push(("scope_name".to_owned(), scope.name));
    }
    if !scope.version.is_empty() {
        metadata.push(("scope_version".to_owned(), scope.version));
    }
    Some(())
}

/// What stands beside a record's line. Of equal names the later one is shown, but the earlier one tells the level: hence
/// Loki's order.
fn metadata(record: &LogRecord, common: &[(String, String)]) -> Option<Pairs> {
    let mut metadata = Vec::with_capacity(record.attributes.len() + common.len() + 8);
    for attribute in &record.attributes {
        flatten("", attribute, &mut metadata)?;
    }
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            metadata.push((name.to_owned(), value));
        }
    };
    let number = |n: u64| if n == 0 { String::new() } else { n.to_string() };
    // Without a time of its own, the record's time is when it was observed, and need not be said twice.
    if record.time_unix_nano != 0 {
        put("observed_timestamp", number(record.observed_time_unix_nano));
    }
    put("severity_number", number(u64::try_from(record.severity_number).unwrap_or(0)));
    put("severity_text", record.severity_text.clone());
    put("dropped_attributes_count", number(u64::from(record.dropped_attributes_count)));
    put("flags", number(u64::from(record.flags)));
    let id = |bytes: &[u8]| if bytes.iter().all(|b| *b == 0) { String::new() } else { hex(bytes) };
    put("trace_id", id(&record.trace_id));
    put("span_id", id(&record.span_id));
    metadata.extend_from_slice(common);
    Some(metadata)
}

/// Why a record is refused: what is no longer kept would be stored for nothing, what is far ahead for ever.
fn out_of_time(wrong: Wrong) -> &'static str {
    match wrong {
        Wrong::TooOld => "the record is older than what is kept",
        Wrong::TooNew => "the record is from more than 10 minutes ahead of the clock",
    }
}

fn time(record: &LogRecord, now_ns: i64) -> i64 {
    let time =
        if record.time_unix_nano == 0 { record.observed_time_unix_nano } else { record.time_unix_nano };
    if time == 0 { now_ns } else { from_unsigned_ns(time) }
}

/// Adds one entry with its level and its index keys.
pub(crate) fn push(
    batch: &mut Batch,
    (stream, labels): (u32, &Labels),
    ts_ns: i64,
    line: &str,
    mut metadata: Vec<(String, String)>,
    indexed: &[String],
) {
    metadata.retain(|(_, value)| !value.is_empty());
    level::add(labels, &mut metadata, line);
    // Of equal names the last one stays.
    metadata.sort_by(|(a, _), (b, _)| a.cmp(b));
    metadata.dedup_by(|later, kept| {
        later.0 == kept.0 && {
            std::mem::swap(later, kept);
            true
        }
    });
    let from = batch.keys.len() as u32;
    let metadata_pairs = metadata.iter().map(|(k, v)| (k.as_str(), v.as_str()));
    // A stream label of an indexed name is found the same way.
    for (name, value) in metadata_pairs.chain(labels.iter()) {
        if indexed.iter().any(|i| i == name) {
            batch.keys.push(metadata_key(name, value));
        }
    }
    let keys = (from, batch.keys.len() as u32);
    let body = batch.put_log(line, &metadata);
    batch.logs.push(LogIn { stream, ts_ns, body, keys });
}

/// The streams of one request, each once.
#[derive(Debug, Default)]
pub(crate) struct Streams(HashMap<String, u32>);

impl Streams {
    pub(crate) fn id(&mut self, batch: &mut Batch, labels: &Labels) -> u32 {
        let encoded = encode_stream(labels);
        *self.0.entry(encoded).or_insert_with_key(|encoded| {
            batch.streams.push(encoded.clone());
            batch.streams.len() as u32 - 1
        })
    }
}

/// Nested maps become `outer_inner`; names become valid label names. `None` where a name cannot.
fn flatten(prefix: &str, attribute: &KeyValue, out: &mut Pairs) -> Option<()> {
    let name = metadata_name(&format!("{prefix}{}", attribute.key))?;
    match attribute.value.as_ref().and_then(|v| v.value.as_ref()) {
        // Depth is bounded by the decoders: protobuf and JSON both refuse deep nesting.
        Some(Value::KvlistValue(map)) => {
            return map.values.iter().try_for_each(|inner| flatten(&format!("{name}_"), inner, out));
        }
        Some(value) => out.push((name, value_text(value))),
        None => {}
    }
    Some(())
}
