//! From the spans and log lines of one trace to its tree.

use super::{
    gaps::{Gap, gaps},
    node::{Node, Place},
    order::order,
};
use crate::{LogEntry, TraceId, jaeger::Trace};
use std::collections::HashMap;

/// A trace as a tree. The nodes stand in the order in which they are shown, each after its parent, so that drawing
/// one is a loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The trace.
    pub id: TraceId,
    /// When its first span began, in microseconds since 1970.
    pub start_us: u64,
    /// From there to the end of the span that ended last, in microseconds.
    pub duration_us: u64,
    /// Its services, in the order in which they first appear.
    pub services: Vec<String>,
    /// All its spans: whole trees, then orphans, then circles.
    pub nodes: Vec<Node>,
    /// Log lines of the trace whose span is not stored, by time.
    pub loose_logs: Vec<LogEntry>,
    /// What the server found odd.
    pub warnings: Vec<String>,
}

impl Tree {
    /// The correlation id: of the first span that carries one, else of a log line.
    #[must_use]
    pub fn correlation_id(&self) -> Option<String> {
        let of_span = |node: &Node| node.span.tag_text("correlation.id").filter(|id| !id.is_empty());
        self.nodes
            .iter()
            .find_map(of_span)
            .or_else(|| self.logs().find_map(|l| l.correlation_id().map(str::to_owned)))
    }

    /// All its log lines: span by span, then the loose ones.
    pub fn logs(&self) -> impl Iterator<Item = &LogEntry> {
        self.nodes.iter().flat_map(|node| &node.logs).chain(&self.loose_logs)
    }

    /// Its first node; there is one unless the trace is empty.
    #[must_use]
    pub fn root(&self) -> Option<&Node> {
        self.nodes.first()
    }

    /// The spans whose parent is not stored.
    pub fn orphans(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| matches!(node.place, Place::Orphan { .. }))
    }

    /// Puts log lines beside the spans they were written in, after those that are there already.
    pub fn place_logs(&mut self, logs: Vec<LogEntry>) {
        let loose = place_logs(&mut self.nodes, logs);
        self.loose_logs.extend(loose);
    }

    /// How many spans failed.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_error()).count()
    }
}

/// The tree of a trace, its log lines beside the spans they were written in.
///
/// Every span of the input is in the tree exactly once, whatever the references say; every log line too.
#[must_use]
pub fn assemble(trace: Trace, logs: Vec<LogEntry>) -> Tree {
    let Trace { trace_id, spans, processes, warnings } = trace;
    let start_us = spans.iter().map(|span| span.start_us).min().unwrap_or(0);
    let end_us = spans.iter().map(|span| span.end_us()).max().unwrap_or(start_us);
    let slots = order(&spans);

    let mut children: Vec<Vec<usize>> = vec![Vec::new(); slots.len()];
    for (position, slot) in slots.iter().enumerate() {
        if let Some(parent) = slot.parent {
            children[parent].push(position);
        }
    }
    let extent = |position: usize| {
        let span = &spans[slots[position].span];
        (span.start_us - start_us, span.end_us() - start_us)
    };
    let gaps: Vec<Vec<Gap>> = (0..slots.len())
        .map(|position| {
            let (start, end) = extent(position);
            gaps(start, end, children[position].iter().map(|&child| extent(child)).collect())
        })
        .collect();

    let mut spans: Vec<_> = spans.into_iter().map(Some).collect();
    let mut nodes = Vec::with_capacity(slots.len());
    for ((slot, children), gaps) in slots.into_iter().zip(children).zip(gaps) {
        // `order` names each span once, so there is always one to take.
        let Some(span) = spans[slot.span].take() else { continue };
        let process = processes.get(&span.process_id).cloned().unwrap_or_default();
        nodes.push(Node {
            service: process.service_name,
            resource: process.tags,
            depth: slot.depth,
            place: slot.place,
            parent: slot.parent,
            children,
            offset_us: span.start_us - start_us,
            gaps,
            logs: Vec::new(),
            span,
        });
    }

    let mut services = Vec::new();
    for node in &nodes {
        if !services.contains(&node.service) {
            services.push(node.service.clone());
        }
    }
    let loose_logs = place_logs(&mut nodes, logs);
    Tree { id: trace_id, start_us, duration_us: end_us - start_us, services, nodes, loose_logs, warnings }
}

/// Gives each line to the span it was written in, and returns those whose span is not there.
fn place_logs(nodes: &mut [Node], mut logs: Vec<LogEntry>) -> Vec<LogEntry> {
    let mut positions = HashMap::with_capacity(nodes.len());
    for (position, node) in nodes.iter().enumerate() {
        positions.entry(node.span.span_id).or_insert(position);
    }
    logs.sort_by_key(|entry| entry.time);
    let mut loose = Vec::new();
    for entry in logs {
        match entry.span_id().and_then(|id| positions.get(&id)) {
            Some(&position) => nodes[position].logs.push(entry),
            None => loose.push(entry),
        }
    }
    loose
}
