//! Who calls whom: spans joined with their parents, counted by the services of both. A span inside its service is a call
//! of the service to itself: whoever draws a graph leaves those out.

use std::collections::BTreeMap;
use std::time::Instant;

use rusqlite::params;

use super::{Origins, Record};
use crate::store::Store;
use crate::store::block::{Reader, hash};
use crate::store::read::{read_block, within};
use crate::store::segment::ReadError;

/// Most spans one dependency graph is computed from; more would not fit a small process.
const GRAPH_SPANS: usize = 1_000_000;

/// Calls from one service to another.
pub(crate) type Calls = BTreeMap<(String, String), u64>;

impl Store {
    /// Counts calls among spans that started in the window, those of a service to itself too, as Jaeger does. `None`
    /// when there are too many to count.
    pub(crate) fn calls(
        &self,
        start_ns: i64,
        end_ns: i64,
        deadline: Instant,
    ) -> Result<Option<Calls>, ReadError> {
        let mut names: Vec<String> = Vec::new();
        // (span, service) and (parent, service), as pairs of plain numbers: a map of a million spans would not fit.
        let mut spans: Vec<(i64, u32)> = Vec::new();
        let mut children: Vec<(i64, u32)> = Vec::new();
        self.each_segment(|connection| {
            let mut origins = Origins::default();
            let mut blocks = connection.prepare_cached(
                "SELECT block FROM span_blocks WHERE max_start_ns >= ?1 AND min_start_ns < ?2",
            )?;
            for block in blocks.query_map(params![start_ns, end_ns], |r| r.get(0))? {
                within(deadline)?;
                let raw = read_block(connection, block?)?;
                let mut reader = Reader::new(&raw, 0);
                while !reader.is_at_end() && spans.len() <= GRAPH_SPANS {
                    let stored = Record::read(&mut reader)?.decode(connection, &mut origins)?;
                    let start = stored.span.start_time_unix_nano as i64;
                    if start < start_ns || start >= end_ns {
                        continue;
                    }
                    let service = &stored.origin.service;
                    let service = names.iter().position(|n| n == service).unwrap_or_else(|| {
                        names.push(service.clone());
                        names.len() - 1
                    }) as u32;
                    // Ids of spans are unique in their trace only.
                    let number = |id: &[u8]| hash(&[&stored.trace, id]);
                    spans.push((number(&stored.span.span_id), service));
                    if stored.span.parent_span_id.iter().any(|b| *b != 0) {
                        children.push((number(&stored.span.parent_span_id), service));
                    }
                }
            }
            Ok(spans.len() <= GRAPH_SPANS)
        })?;
        if spans.len() > GRAPH_SPANS {
            return Ok(None);
        }
        spans.sort_unstable();
        let mut calls = Calls::new();
        for (parent, child) in children {
            let Ok(at) = spans.binary_search_by_key(&parent, |(id, _)| *id) else { continue };
            let pair = (names[spans[at].1 as usize].clone(), names[child as usize].clone());
            *calls.entry(pair).or_default() += 1;
        }
        Ok(Some(calls))
    }
}
