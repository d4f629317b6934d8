//! Answers log queries: the first (or last) lines that pass the pipeline, grouped into streams.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::LokiError;
use super::stats::{Read, stats};
use crate::Backend;
use crate::logql::{Fields, Hints, Origin, Plan, Query};
use crate::store::batch::metadata_key;
use crate::store::logs::{Entry, LogQuery, Sink};

/// The most entries that are looked through for an `interval`, where none can be left out beforehand.
const MAX_THINNED: usize = 200_000;

/// The most bytes that an answer's lines and labels may have, as templates can make long ones.
const MAX_BYTES: usize = 64 << 20;

/// Which lines are asked for.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) times: Range<i64>,
    pub(super) limit: usize,
    pub(super) forward: bool,
    /// The least time between two lines, nanoseconds.
    pub(super) interval: i64,
    pub(super) deadline: Instant,
}

/// What a query reads of the store: with the index keys of the conditions that every answer satisfies.
pub(super) fn log_query(backend: &Backend, query: &Query, range: Range<i64>, deadline: Instant) -> LogQuery {
    let exact = query.exact_metadata().into_iter();
    let keys = exact
        .filter(|(name, _)| backend.config.indexed_metadata.iter().any(|i| i == name))
        .map(|(name, value)| metadata_key(name, value))
        .collect();
    LogQuery { keys, selectors: vec![query.selector.clone()], range, deadline }
}

/// Finds the lines.
///
/// # Errors
/// The store cannot be read in time, or there are too many lines to thin out.
pub(super) fn find(backend: &Backend, query: &Query, wish: &Wish) -> Result<Found, LokiError> {
    let asked = log_query(backend, query, wish.times.clone(), wish.deadline);
    let plan = query.plan();
    let mut hits = Hits {
        hints: Hints::of_lines(&plan),
        plan,
        wish,
        hits: Vec::new(),
        edge: None,
        bytes: 0,
        read: Read::default(),
        over: None,
    };
    backend.store.scan_logs(&asked, wish.forward, &mut hits)?;
    if let Some(message) = hits.over {
        return Err(LokiError::bad(message));
    }
    hits.prune(true);
    Ok(Found { hits: hits.hits, read: hits.read })
}

/// One line of the answer.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) ts_ns: i64,
    pub(super) line: String,
    pub(super) stream: Vec<(String, String)>,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) parsed: Vec<(String, String)>,
}

impl Hit {
    fn of(fields: &Fields<'_>) -> Self {
        Self {
            ts_ns: fields.ts_ns(),
            line: fields.line.to_string(),
            stream: fields.of(Origin::Stream),
            metadata: fields.of(Origin::Metadata),
            parsed: fields.of(Origin::Line),
        }
    }

    /// About what it takes in memory.
    fn bytes(&self) -> usize {
        let labels = self.stream.iter().chain(&self.metadata).chain(&self.parsed);
        labels.map(|(k, v)| k.len() + v.len() + 48).sum::<usize>() + self.line.len() + 104
    }
}

/// The lines of an answer, in its order.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) hits: Vec<Hit>,
    read: Read,
}

/// Collects the entries that pass the pipeline, and keeps the first (or last) of them.
#[derive(Debug)]
struct Hits<'q> {
    plan: Plan,
    hints: Hints,
    wish: &'q Wish,
    hits: Vec<Hit>,
    /// The worst time that is still in, once there are enough.
    edge: Option<i64>,
    bytes: usize,
    read: Read,
    /// Why there will be no answer.
    over: Option<String>,
}

impl Hits<'_> {
    fn prune(&mut self, is_last: bool) {
        if self.wish.forward {
            self.hits.sort_by_key(|h| h.ts_ns);
        } else {
            self.hits.sort_by_key(|h| std::cmp::Reverse(h.ts_ns));
        }
        if self.wish.interval > 0 {
            if is_last {
                let mut before: Option<i64> = None;
                self.hits.retain(|hit| {
                    let far = before.is_none_or(|b| (hit.ts_ns - b).abs() >= self.wish.interval);
                    if far {
                        before = Some(hit.ts_ns);
                    }
                    far
                });
                self.hits.truncate(self.wish.limit);
            }
            return;
        }
        self.hits.truncate(self.wish.limit);
        if self.hits.len() == self.wish.limit {
            self.edge = self.hits.last().map(|h| h.ts_ns);
        }
    }

    fn is_within(&self, ts_ns: i64) -> bool {
        self.over.is_none()
            && self.edge.is_none_or(|edge| if self.wish.forward { ts_ns < edge } else { ts_ns > edge })
    }
}

impl Sink for Hits<'_> {
    fn wants(&self, times: Range<i64>) -> bool {
        self.is_within(if self.wish.forward { times.start } else { times.end })
    }

    fn needle(&self) -> Option<&str> {
        self.plan.needle()
    }

    fn wants_line(&mut self, line: &str) -> bool {
        self.read.line(line);
        self.plan.wants(line)
    }

    fn entry(&mut self, entry: Entry<'_>) {
        self.read.metadata(&entry);
        if !self.is_within(entry.ts_ns) {
            return;
        }
        let Some(fields) = self.plan.run(&self.hints, &entry) else { return };
        self.read.kept += 1;
        let hit = Hit::of(&fields);
        self.bytes += hit.bytes();
        self.hits.push(hit);
        let is_too_much = self.bytes > MAX_BYTES;
        if self.wish.interval > 0 {
            if self.hits.len() > MAX_THINNED {
                self.over = Some(format!(
                    "more than {MAX_THINNED} lines stand between those that interval asks for; the embedded backend takes a shorter time or a narrower filter"
                ));
            }
        } else if is_too_much || self.hits.len() >= self.wish.limit * 2 {
            self.prune(false);
            self.bytes = self.hits.iter().map(Hit::bytes).sum();
        }
        if self.bytes > MAX_BYTES {
            self.over = Some(format!(
                "the lines of the answer have more than {MAX_BYTES} bytes, which is more than the embedded backend holds; take a smaller limit"
            ));
        }
    }
}

/// Collects entries that pass the pipeline, in the order they come.
#[derive(Debug)]
pub(super) struct Collected {
    plan: Plan,
    hints: Hints,
    /// How many are taken.
    most: usize,
    pub(super) hits: Vec<Hit>,
    /// Of those beyond, as many as are told of: their times and streams.
    pub(super) dropped: Vec<(i64, Vec<(String, String)>)>,
}

impl Collected {
    /// The most dropped lines that are told of.
    const MOST_TOLD: usize = 1000;

    pub(super) fn new(query: &Query, most: usize) -> Self {
        let plan = query.plan();
        Self { hints: Hints::of_lines(&plan), plan, most, hits: Vec::new(), dropped: Vec::new() }
    }
}

impl Sink for Collected {
    fn wants(&self, _: Range<i64>) -> bool {
        true
    }

    fn needle(&self) -> Option<&str> {
        self.plan.needle()
    }

    fn wants_line(&mut self, line: &str) -> bool {
        self.plan.wants(line)
    }

    fn entry(&mut self, entry: Entry<'_>) {
        let Some(fields) = self.plan.run(&self.hints, &entry) else { return };
        if self.hits.len() < self.most {
            self.hits.push(Hit::of(&fields));
        } else if self.dropped.len() < Self::MOST_TOLD {
            self.dropped.push((entry.ts_ns, fields.of(Origin::Stream)));
        }
    }
}

/// Groups lines into streams. Without categories, metadata and fields are part of the stream's labels.
pub(super) fn group(hits: Vec<Hit>, categorize: bool) -> Vec<Value> {
    let mut streams: BTreeMap<BTreeMap<String, String>, Vec<Value>> = BTreeMap::new();
    for Hit { ts_ns, line, stream, metadata, parsed } in hits {
        let ts = ts_ns.to_string();
        if categorize {
            let mut categories = Map::new();
            for (name, pairs) in [("structuredMetadata", metadata), ("parsed", parsed)] {
                if !pairs.is_empty() {
                    let pairs = pairs.into_iter().map(|(k, v)| (k, Value::from(v)));
                    categories.insert(name.to_owned(), pairs.collect::<Map<_, _>>().into());
                }
            }
            streams.entry(stream.into_iter().collect()).or_default().push(json!([ts, line, categories]));
        } else {
            let labels = stream.into_iter().chain(metadata).chain(parsed).collect();
            streams.entry(labels).or_default().push(json!([ts, line]));
        }
    }
    streams.into_iter().map(|(labels, values)| json!({"stream": labels, "values": values})).collect()
}

/// The answer to a log query.
pub(super) fn print(found: Found, categorize: bool, started: Instant) -> Value {
    let returned = found.hits.len();
    let result = group(found.hits, categorize);
    let mut data =
        json!({"resultType": "streams", "result": result, "stats": stats(&found.read, returned, started)});
    if categorize {
        data["encodingFlags"] = json!(["categorize-labels"]);
    }
    json!({"status": "success", "data": data})
}
