//! `/loki/api/v1/query_range` and `/loki/api/v1/query`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::LokiError;
use super::times::{DEFAULT_LOGS_NS, range as time_range};
use crate::Backend;
use crate::api::params;
use crate::labels::Labels;
use crate::logql::{self, Extracted, Query};
use crate::store::batch::metadata_key;
use crate::store::logs::{Entry, LogQuery, Sink};
use crate::time::now_ns;

/// Loki's default bounds on `limit`.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 5000;

pub(super) async fn range(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let categorize = request
        .headers()
        .get("x-loki-response-encoding-flags")
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.split(',').any(|flag| flag.trim() == "categorize-labels"));
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let query = logql::parse(params.get("query").unwrap_or_default())?;
        let times = time_range(&params, now_ns(), DEFAULT_LOGS_NS)?;
        let limit =
            match params.get("limit") {
                None => DEFAULT_LIMIT,
                Some(text) => text.parse().ok().filter(|l| *l > 0).ok_or_else(|| {
                    LokiError::bad(format!("limit must be a positive value, it is {text:?}"))
                })?,
            };
        if limit > MAX_LIMIT {
            return Err(LokiError::bad(format!(
                "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MAX_LIMIT})"
            )));
        }
        let forward = match params.get("direction").map(str::to_ascii_lowercase).as_deref() {
            None | Some("backward") => false,
            Some("forward") => true,
            Some(other) => return Err(LokiError::bad(format!("invalid direction '{other}'"))),
        };
        let shared = Arc::clone(&backend);
        let found = backend
            .gate
            .run(None, move |deadline| {
                let started = Instant::now();
                let log_query = LogQuery {
                    keys: index_keys(&query, &shared.config.indexed_metadata),
                    selectors: vec![query.selector.clone()],
                    range: times,
                    deadline,
                };
                let mut hits = Hits::new(&query, limit, forward);
                shared.store.scan_logs(&log_query, forward, &mut hits)?;
                Ok::<_, LokiError>(print(hits.finish(), categorize, started))
            })
            .await??;
        Ok(Json(found).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

pub(super) async fn instant(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        logql::parse(params.get("query").unwrap_or_default())?;
        Err::<Response, _>(LokiError::bad(
            "log queries are not supported as an instant query type, please change your query to a range query type",
        ))
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

/// Index keys of the conditions that every answer satisfies.
fn index_keys(query: &Query, indexed: &[String]) -> Vec<i64> {
    let exact = query.exact_metadata().into_iter();
    exact
        .filter(|(name, _)| indexed.iter().any(|i| i == name))
        .map(|(name, value)| metadata_key(name, value))
        .collect()
}

/// One line of the answer.
#[derive(Debug)]
struct Hit {
    ts_ns: i64,
    stream: Arc<Labels>,
    line: String,
    extracted: Extracted,
}

/// Collects the entries that pass the pipeline, and keeps the first (or last) `limit` of them.
#[derive(Debug)]
struct Hits<'q> {
    query: &'q Query,
    limit: usize,
    forward: bool,
    hits: Vec<Hit>,
    /// The worst time that is still in, once there are `limit` hits.
    edge: Option<i64>,
    scanned: usize,
    bytes: usize,
}

impl<'q> Hits<'q> {
    fn new(query: &'q Query, limit: usize, forward: bool) -> Self {
        Self { query, limit, forward, hits: Vec::new(), edge: None, scanned: 0, bytes: 0 }
    }

    fn prune(&mut self) {
        if self.forward {
            self.hits.sort_by_key(|h| h.ts_ns);
        } else {
            self.hits.sort_by_key(|h| std::cmp::Reverse(h.ts_ns));
        }
        self.hits.truncate(self.limit);
        if self.hits.len() == self.limit {
            self.edge = self.hits.last().map(|h| h.ts_ns);
        }
    }

    fn is_within(&self, ts_ns: i64) -> bool {
        self.edge.is_none_or(|edge| if self.forward { ts_ns < edge } else { ts_ns > edge })
    }

    fn finish(mut self) -> Self {
        self.prune();
        self
    }
}

impl Sink for Hits<'_> {
    fn wants(&self, times: Range<i64>) -> bool {
        self.is_within(if self.forward { times.start } else { times.end })
    }

    fn entry(&mut self, entry: Entry<'_>) {
        self.scanned += 1;
        self.bytes += entry.line.len();
        if !self.is_within(entry.ts_ns) {
            return;
        }
        if let Some(extracted) = logql::run(&self.query.stages, &entry) {
            let (stream, line) = (Arc::clone(entry.stream), entry.line.to_owned());
            self.hits.push(Hit { ts_ns: entry.ts_ns, stream, line, extracted });
            if self.hits.len() >= self.limit * 2 {
                self.prune();
            }
        }
    }
}

/// Groups the hits into streams. Without categories, metadata and fields are part of the stream's labels.
fn print(hits: Hits<'_>, categorize: bool, started: Instant) -> Value {
    let (scanned, bytes, returned) = (hits.scanned, hits.bytes, hits.hits.len());
    let mut streams: BTreeMap<Labels, Vec<Value>> = BTreeMap::new();
    for hit in hits.hits {
        let Extracted { metadata, parsed } = hit.extracted;
        let ts = hit.ts_ns.to_string();
        if categorize {
            let mut categories = serde_json::Map::new();
            for (name, pairs) in [("structuredMetadata", metadata), ("parsed", parsed)] {
                if !pairs.is_empty() {
                    categories.insert(
                        name.to_owned(),
                        pairs
                            .into_iter()
                            .map(|(k, v)| (k, Value::from(v)))
                            .collect::<serde_json::Map<_, _>>()
                            .into(),
                    );
                }
            }
            streams.entry((*hit.stream).clone()).or_default().push(json!([ts, hit.line, categories]));
        } else {
            let stream = hit.stream.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
            let labels = Labels::new(stream.chain(metadata).chain(parsed));
            streams.entry(labels).or_default().push(json!([ts, hit.line]));
        }
    }
    let result: Vec<Value> =
        streams.into_iter().map(|(labels, values)| json!({"stream": labels, "values": values})).collect();
    let mut data =
        json!({"resultType": "streams", "result": result, "stats": stats(scanned, bytes, returned, started)});
    if categorize {
        data["encodingFlags"] = json!(["categorize-labels"]);
    }
    json!({"status": "success", "data": data})
}

fn stats(scanned: usize, bytes: usize, returned: usize, started: Instant) -> Value {
    let seconds = started.elapsed().as_secs_f64().max(1e-9);
    json!({
        "summary": {
            "bytesProcessedPerSecond": (bytes as f64 / seconds) as u64,
            "linesProcessedPerSecond": (scanned as f64 / seconds) as u64,
            "totalBytesProcessed": bytes, "totalLinesProcessed": scanned,
            "execTime": seconds, "queueTime": 0, "subqueries": 0,
            "totalEntriesReturned": returned, "splits": 0, "shards": 0,
            "totalPostFilterLines": returned, "totalStructuredMetadataBytesProcessed": 0,
        },
        "querier": {"store": {}}, "ingester": {"store": {}}, "cache": {}, "index": {},
    })
}
