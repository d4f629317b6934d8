//! Answers log queries: the first (or last) lines that pass the pipeline, grouped into streams.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Instant;

use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};
use serde_json::Value;

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

/// Lines with the same labels. Written from what was found, without a tree of JSON between.
#[derive(Debug, Serialize)]
pub(super) struct Stream {
    stream: Labels,
    values: Vec<Line>,
}

type Labels = BTreeMap<String, String>;

#[derive(Debug)]
struct Line {
    ts_ns: i64,
    line: String,
    categories: Option<Categories>,
}

/// Labels of a line by where they come from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Categories {
    #[serde(skip_serializing_if = "Labels::is_empty")]
    structured_metadata: Labels,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    parsed: Labels,
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_seq(Some(2 + usize::from(self.categories.is_some())))?;
        parts.serialize_element(&format_args!("{}", self.ts_ns))?;
        parts.serialize_element(&self.line)?;
        if let Some(categories) = &self.categories {
            parts.serialize_element(categories)?;
        }
        parts.end()
    }
}

/// Groups lines into streams. Without categories, metadata and fields are part of the stream's labels.
pub(super) fn group(hits: Vec<Hit>, categorize: bool) -> Vec<Stream> {
    let mut streams: BTreeMap<Labels, Vec<Line>> = BTreeMap::new();
    for Hit { ts_ns, line, stream, metadata, parsed } in hits {
        let (labels, categories) = if categorize {
            let structured_metadata = metadata.into_iter().collect();
            let categories = Categories { structured_metadata, parsed: parsed.into_iter().collect() };
            (stream.into_iter().collect(), Some(categories))
        } else {
            (stream.into_iter().chain(metadata).chain(parsed).collect(), None)
        };
        streams.entry(labels).or_default().push(Line { ts_ns, line, categories });
    }
    streams.into_iter().map(|(stream, values)| Stream { stream, values }).collect()
}

/// The answer to a log query, written.
///
/// # Errors
/// It cannot be written.
pub(super) fn print(found: Found, categorize: bool, started: Instant) -> Result<Vec<u8>, LokiError> {
    let stats = stats(&found.read, found.hits.len(), started);
    let data = Data {
        kind: "streams",
        result: group(found.hits, categorize),
        stats,
        flags: categorize.then_some(["categorize-labels"]),
    };
    data.written()
}

/// What stands under `data` in the answer to a query.
#[derive(Debug, Serialize)]
pub(super) struct Data<R> {
    #[serde(rename = "resultType")]
    pub(super) kind: &'static str,
    pub(super) result: R,
    pub(super) stats: Value,
    #[serde(rename = "encodingFlags", skip_serializing_if = "Option::is_none")]
    pub(super) flags: Option<[&'static str; 1]>,
}

impl<R: Serialize> Data<R> {
    /// The whole answer as text.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn written(&self) -> Result<Vec<u8>, LokiError> {
        #[derive(Serialize)]
        struct Answer<'d, R> {
            status: &'static str,
            data: &'d Data<R>,
        }
        serde_json::to_vec(&Answer { status: "success", data: self })
            .map_err(|error| LokiError::internal(format!("the answer cannot be written: {error}")))
    }
}
