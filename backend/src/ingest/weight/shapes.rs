//! The messages that senders bring, as far as they hold other things: OTLP's three signals and Loki's push.

use opentelemetry_proto::tonic::common::v1::{AnyValue, EntityRef, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, SummaryDataPoint,
};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use super::Holds::{Many, Numbers, One, Texts};
use super::{Holds, Shape};

type Fields = &'static [(u64, &'static str, Holds)];

/// A message that takes this many bytes.
const fn taking(bytes: usize, fields: Fields) -> Shape {
    Shape { bytes, fields, is_row: false }
}

/// `ExportTraceServiceRequest`.
pub(crate) static SPANS: Shape = taking(0, &[(1, "resourceSpans", Many(&RESOURCE_SPANS))]);
static RESOURCE_SPANS: Shape = taking(
    size_of::<ResourceSpans>(),
    &[(1, "resource", One(&RESOURCE)), (2, "scopeSpans", Many(&SCOPE_SPANS))],
);
static SCOPE_SPANS: Shape =
    taking(size_of::<ScopeSpans>(), &[(1, "scope", One(&SCOPE)), (2, "spans", Many(&SPAN))]);
static SPAN: Shape = taking(
    size_of::<Span>(),
    &[
        (9, "attributes", Many(&ATTRIBUTE)),
        (11, "events", Many(&EVENT)),
        (13, "links", Many(&LINK)),
        (15, "status", One(&NOTHING)),
    ],
);
static EVENT: Shape = taking(size_of::<Event>(), &[(3, "attributes", Many(&ATTRIBUTE))]);
static LINK: Shape = taking(size_of::<Link>(), &[(4, "attributes", Many(&ATTRIBUTE))]);

/// `ExportLogsServiceRequest`.
pub(crate) static LOGS: Shape = taking(0, &[(1, "resourceLogs", Many(&RESOURCE_LOGS))]);
static RESOURCE_LOGS: Shape = taking(
    size_of::<ResourceLogs>(),
    &[(1, "resource", One(&RESOURCE)), (2, "scopeLogs", Many(&SCOPE_LOGS))],
);
static SCOPE_LOGS: Shape =
    taking(size_of::<ScopeLogs>(), &[(1, "scope", One(&SCOPE)), (2, "logRecords", Many(&LOG_RECORD))]);
static LOG_RECORD: Shape =
    taking(size_of::<LogRecord>(), &[(5, "body", One(&VALUE)), (6, "attributes", Many(&ATTRIBUTE))]);

/// `ExportMetricsServiceRequest`.
pub(crate) static METRICS: Shape = taking(0, &[(1, "resourceMetrics", Many(&RESOURCE_METRICS))]);
static RESOURCE_METRICS: Shape = taking(
    size_of::<ResourceMetrics>(),
    &[(1, "resource", One(&RESOURCE)), (2, "scopeMetrics", Many(&SCOPE_METRICS))],
);
static SCOPE_METRICS: Shape =
    taking(size_of::<ScopeMetrics>(), &[(1, "scope", One(&SCOPE)), (2, "metrics", Many(&METRIC))]);
static METRIC: Shape = taking(
    size_of::<Metric>(),
    &[
        (5, "gauge", One(&NUMBERS)),
        (7, "sum", One(&NUMBERS)),
        (9, "histogram", One(&HISTOGRAM)),
        (10, "exponentialHistogram", One(&EXPONENTIAL)),
        (11, "summary", One(&SUMMARY)),
        (12, "metadata", Many(&ATTRIBUTE)),
    ],
);
static NUMBERS: Shape = taking(0, &[(1, "dataPoints", Many(&NUMBER_POINT))]);
static HISTOGRAM: Shape = taking(0, &[(1, "dataPoints", Many(&HISTOGRAM_POINT))]);
static EXPONENTIAL: Shape = taking(0, &[(1, "dataPoints", Many(&EXPONENTIAL_POINT))]);
static SUMMARY: Shape = taking(0, &[(1, "dataPoints", Many(&SUMMARY_POINT))]);
static NUMBER_POINT: Shape = taking(
    size_of::<NumberDataPoint>(),
    &[(5, "exemplars", Many(&EXEMPLAR)), (7, "attributes", Many(&ATTRIBUTE))],
);
static HISTOGRAM_POINT: Shape = taking(
    size_of::<HistogramDataPoint>(),
    &[
        (6, "bucketCounts", Numbers(8)),
        (7, "explicitBounds", Numbers(8)),
        (8, "exemplars", Many(&EXEMPLAR)),
        (9, "attributes", Many(&ATTRIBUTE)),
    ],
);
static EXPONENTIAL_POINT: Shape = taking(
    size_of::<ExponentialHistogramDataPoint>(),
    &[
        (1, "attributes", Many(&ATTRIBUTE)),
        (8, "positive", One(&BUCKETS)),
        (9, "negative", One(&BUCKETS)),
        (11, "exemplars", Many(&EXEMPLAR)),
    ],
);
static BUCKETS: Shape = taking(0, &[(2, "bucketCounts", Numbers(1))]);
static SUMMARY_POINT: Shape = taking(
    size_of::<SummaryDataPoint>(),
    &[(6, "quantileValues", Many(&QUANTILE)), (7, "attributes", Many(&ATTRIBUTE))],
);
static QUANTILE: Shape = taking(size_of::<ValueAtQuantile>(), &[]);
static EXEMPLAR: Shape = taking(size_of::<Exemplar>(), &[(7, "filteredAttributes", Many(&ATTRIBUTE))]);

static RESOURCE: Shape = taking(0, &[(1, "attributes", Many(&ATTRIBUTE)), (3, "entityRefs", Many(&ENTITY))]);
static ENTITY: Shape = taking(size_of::<EntityRef>(), &[(3, "idKeys", Texts), (4, "descriptionKeys", Texts)]);
static SCOPE: Shape = taking(0, &[(3, "attributes", Many(&ATTRIBUTE))]);
static ATTRIBUTE: Shape = taking(size_of::<KeyValue>(), &[(2, "value", One(&VALUE))]);
static VALUE: Shape =
    taking(size_of::<AnyValue>(), &[(5, "arrayValue", One(&LIST)), (6, "kvlistValue", One(&MAP))]);
static LIST: Shape = taking(0, &[(1, "values", Many(&VALUE))]);
static MAP: Shape = taking(0, &[(1, "values", Many(&ATTRIBUTE))]);
static NOTHING: Shape = taking(0, &[]);

/// Loki's push. What is made of its parts while it is laid out counts, too.
pub(crate) static PUSH: Shape = taking(0, &[(1, "streams", Many(&STREAM))]);
static STREAM: Shape = taking(192, &[(1, "stream", Many(&PAIR)), (2, "values", Many(&ENTRY))]);
static ENTRY: Shape = Shape { bytes: 256, fields: &[(3, "", Many(&PAIR))], is_row: true };
static PAIR: Shape = taking(96, &[]);
