//! `/loki/api/v1/index/volume` and `volume_range`: how many bytes the streams hold, added up by labels, in all of the range or
//! step by step.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Number, Value, json};

use super::LokiError;
use super::query::step;
use super::stats::{Read, stats};
use super::streams::{Streams, selectors};
use super::times::{DEFAULT_LOGS_NS, range};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::store::segment::ReadError;
use crate::time::now_ns;

/// Loki's default for `limit`.
const DEFAULT_LIMIT: usize = 100;
const SECOND_NS: i64 = 1_000_000_000;
/// Loki lets no two steps share a moment.
const GAP_NS: i64 = 1_000_000;

pub(super) async fn volume(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    answer(backend, request, false).await
}

pub(super) async fn volume_range(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    answer(backend, request, true).await
}

async fn answer(backend: Arc<Backend>, request: Request, by_step: bool) -> Response {
    let answer = async {
        let started = Instant::now();
        let params = params::read(&backend.bodies, request).await?;
        let asked = Asked::new(&params)?;
        let times = range(&params, now_ns(), DEFAULT_LOGS_NS)?;
        let steps =
            if by_step { steps(&times, step(&params, times.end - times.start)?) } else { vec![times] };
        let shared = Arc::clone(&backend);
        let found = backend
            .gate
            .run(None, move |deadline| {
                let mut found: BTreeMap<Labels, Vec<(i64, u64)>> = BTreeMap::new();
                for times in steps {
                    if Instant::now() > deadline {
                        return Err(ReadError::TimedOut);
                    }
                    for (labels, bytes) in asked.volumes(&shared.store.streams(&asked.selectors, &times)?) {
                        found.entry(labels).or_default().push((times.end, bytes));
                    }
                }
                Ok(asked.print(found, started))
            })
            .await??;
        Ok(Json(found).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

/// Where each step begins and ends: on multiples of the step, but for the first beginning and the last end.
fn steps(times: &Range<i64>, step: i64) -> Vec<Range<i64>> {
    let mut found = Vec::new();
    let mut start = times.start;
    while start < times.end {
        let next = (start - start.rem_euclid(step)).saturating_add(step);
        let end = if next < times.end { next - GAP_NS } else { times.end };
        found.push(start..end);
        start = next;
    }
    found
}

/// What is to be added up.
struct Asked {
    selectors: Vec<Vec<Matcher>>,
    limit: usize,
    by_name: bool,
    /// Labels by which it is added up; where none are named, those that the selector names.
    targets: Vec<String>,
    targeted: bool,
}

impl Asked {
    fn new(params: &Params) -> Result<Self, LokiError> {
        let limit = match params.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => match text.parse::<i64>() {
                Ok(0) => DEFAULT_LIMIT,
                Ok(limit @ 1..) => usize::try_from(limit).unwrap_or(usize::MAX),
                Ok(_) => return Err(LokiError::bad("limit must be a positive value")),
                Err(_) => {
                    return Err(LokiError::bad(format!("strconv.Atoi: parsing {text:?}: invalid syntax")));
                }
            },
        };
        let by_name = match params.get("aggregateBy") {
            None | Some("" | "series") => false,
            Some("labels") => true,
            Some(_) => return Err(LokiError::bad("invalid aggregation option")),
        };
        let selectors = selectors(params, "query")?;
        if selectors.is_empty() {
            return Err(LokiError::bad("parse error : syntax error: unexpected $end"));
        }
        let named = params.get("targetLabels").filter(|names| !names.is_empty());
        let targets = match named {
            Some(names) => names.split(',').map(|n| n.trim().to_owned()).collect(),
            None => selectors.iter().flatten().map(|m| m.name.clone()).collect(),
        };
        Ok(Self { selectors, limit, by_name, targets, targeted: named.is_some() })
    }

    /// The largest, largest first.
    fn volumes(&self, streams: &Streams) -> Vec<(Labels, u64)> {
        let wanted = |name: &str| self.targets.iter().any(|t| t == name);
        let mut volumes: HashMap<Labels, u64> = HashMap::new();
        for (labels, found) in streams {
            if self.by_name {
                for (name, _) in labels.iter().filter(|(n, _)| !self.targeted || wanted(n)) {
                    // An empty label would vanish from a label set: the name stands for itself until it is printed.
                    *volumes.entry(Labels::new([(name, "-")])).or_default() += found.bytes;
                }
            } else {
                let labels = if self.targets.is_empty() { (**labels).clone() } else { labels.filter(wanted) };
                *volumes.entry(labels).or_default() += found.bytes;
            }
        }
        let mut volumes: Vec<(Labels, u64)> = volumes.into_iter().collect();
        volumes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        volumes.truncate(self.limit);
        volumes
    }

    /// One value for each, or several, at the times at which they end.
    fn print(&self, found: BTreeMap<Labels, Vec<(i64, u64)>>, started: Instant) -> Value {
        let is_matrix = found.values().any(|points| points.len() > 1);
        let mut rows: Vec<(Labels, Vec<(i64, u64)>)> = found.into_iter().collect();
        rows.sort_by_key(|(_, points)| std::cmp::Reverse(points[0].1));
        let print = |(labels, points): &(Labels, Vec<(i64, u64)>)| {
            let metric = match labels.iter().next() {
                Some((name, _)) if self.by_name => json!({ name: "" }),
                _ => json!(labels),
            };
            let points: Vec<Value> =
                points.iter().map(|(t, bytes)| json!([seconds(*t), bytes.to_string()])).collect();
            if is_matrix {
                json!({"metric": metric, "values": points})
            } else {
                json!({"metric": metric, "value": points[0]})
            }
        };
        let result: Vec<Value> = rows.iter().map(print).collect();
        let stats = stats(&Read::default(), result.len(), started);
        let kind = if is_matrix { "matrix" } else { "vector" };
        json!({"status": "success", "data": {"resultType": kind, "result": result, "stats": stats}})
    }
}

/// A time in seconds, to the millisecond.
fn seconds(ns: i64) -> Number {
    let whole = ns.rem_euclid(SECOND_NS) < GAP_NS;
    let float = Number::from_f64((ns / GAP_NS) as f64 / 1000.0).filter(|_| !whole);
    float.unwrap_or_else(|| ns.div_euclid(SECOND_NS).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lie_on_multiples_and_share_no_moment() {
        let s = SECOND_NS;
        let found = steps(&(25 * s..45 * s), 10 * s);
        assert_eq!(found, [25 * s..30 * s - GAP_NS, 30 * s..40 * s - GAP_NS, 40 * s..45 * s]);
        let [only] = &steps(&(20 * s..30 * s), 10 * s)[..] else { panic!("not one") };
        assert_eq!(*only, 20 * s..30 * s);
        assert!(steps(&(5..5), 10).is_empty());
        assert_eq!(seconds(30 * s - GAP_NS).to_string(), "29.999");
        assert_eq!(seconds(30 * s).to_string(), "30");
    }
}
