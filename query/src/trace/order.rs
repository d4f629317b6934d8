//! Which span stands where in the tree.
//!
//! Total over any input: duplicate ids, absent parents, spans that are their own ancestors. Every span gets exactly
//! one place, and neither time nor stack depends on how deep the tree is.

use super::node::Place;
use crate::{
    SpanId,
    jaeger::{ReferenceKind, Span},
};
use std::collections::HashMap;

/// Where one span stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slot {
    /// The span's index in the input.
    pub(super) span: usize,
    pub(super) depth: usize,
    /// The position (not the input's index) of its parent.
    pub(super) parent: Option<usize>,
    pub(super) place: Place,
}

/// The span this one names as its parent: what it is `CHILD_OF`, else, as Jaeger has it, what it follows in the same
/// trace.
pub(super) fn named_parent(span: &Span) -> Option<SpanId> {
    let of_kind = |kind| {
        let mut references = span.references.iter();
        references
            .find(|r| r.kind == kind && r.trace_id == span.trace_id && r.span_id.0 != 0)
            .map(|r| r.span_id)
    };
    of_kind(ReferenceKind::ChildOf).or_else(|| of_kind(ReferenceKind::FollowsFrom))
}

/// All spans, parents before children and siblings by their start: whole trees first, then those whose root's parent
/// is absent, then those that go in a circle (entered at their earliest span).
pub(super) fn order(spans: &[Span]) -> Vec<Slot> {
    let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
    for (index, span) in spans.iter().enumerate() {
        by_id.entry(span.span_id).or_insert(index);
    }
    let named: Vec<Option<SpanId>> = spans.iter().map(named_parent).collect();
    let parents: Vec<Option<usize>> = named.iter().map(|id| by_id.get(&(*id)?).copied()).collect();

    let earliest = |&index: &usize| (spans[index].start_us, spans[index].span_id, index);
    let mut by_start: Vec<usize> = (0..spans.len()).collect();
    by_start.sort_by_key(earliest);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    for &index in &by_start {
        if let Some(parent) = parents[index] {
            children[parent].push(index);
        }
    }

    let mut walk = Walk { children: &children, placed: vec![false; spans.len()], slots: Vec::new() };
    for &index in by_start.iter().filter(|&&index| named[index].is_none()) {
        walk.subtree(index, Place::Root);
    }
    for &index in &by_start {
        if let (Some(missing), None) = (named[index], parents[index]) {
            walk.subtree(index, Place::Orphan { missing });
        }
    }
    // What is left hangs below circles. Each such part holds exactly one, found by going up from any of its spans.
    let mut seen_from = vec![usize::MAX; spans.len()];
    for &start in &by_start {
        let mut at = start;
        while !walk.placed[at] && seen_from[at] != start {
            seen_from[at] = start;
            at = parents[at].unwrap_or(at);
        }
        if walk.placed[at] {
            continue;
        }
        let (entry, mut next) = (at, parents[at].unwrap_or(at));
        let mut head = at;
        while next != entry {
            head = if earliest(&next) < earliest(&head) { next } else { head };
            next = parents[next].unwrap_or(entry);
        }
        walk.subtree(head, Place::Circle);
    }
    walk.slots
}

struct Walk<'a> {
    children: &'a [Vec<usize>],
    placed: Vec<bool>,
    slots: Vec<Slot>,
}

impl Walk<'_> {
    fn subtree(&mut self, root: usize, place: Place) {
        let mut stack = vec![Slot { span: root, depth: 0, parent: None, place }];
        while let Some(slot) = stack.pop() {
            if std::mem::replace(&mut self.placed[slot.span], true) {
                continue;
            }
            let (parent, depth) = (Some(self.slots.len()), slot.depth + 1);
            self.slots.push(slot);
            let children = self.children[slot.span].iter().rev();
            stack.extend(children.map(|&span| Slot { span, depth, parent, place: Place::Child }));
        }
    }
}
