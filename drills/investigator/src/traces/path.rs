//! The critical path of a trace: of all the time until the answer, which span it was spent in.
//!
//! Going back from the end of a span, the child that ended last is what the span waited for; what lies between is the
//! span's own time. Each moment of the span is thus counted once, however many children ran side by side.

use query::trace::Tree;

/// The time on the critical path below (and with) the node at `root`, by node, in microseconds.
#[must_use]
pub fn critical(tree: &Tree, root: usize) -> Vec<(usize, u64)> {
    let mut spent = Vec::new();
    let Some(top) = tree.nodes.get(root) else { return spent };
    // A node, and from when until when somebody waited for it.
    let mut left = vec![(root, top.offset_us, top.offset_us + top.span.duration_us)];
    while let Some((at, start, mut until)) = left.pop() {
        let node = &tree.nodes[at];
        let mut own = 0;
        let mut children: Vec<usize> = node.children.clone();
        children.sort_by_key(|child| {
            let child = &tree.nodes[*child];
            std::cmp::Reverse((child.offset_us + child.span.duration_us, child.offset_us))
        });
        for child in children {
            let (from, to) = {
                let child = &tree.nodes[child];
                (child.offset_us.max(start), child.offset_us + child.span.duration_us)
            };
            // One that began after the moment in question, or is beside its parent, was not waited for.
            if from >= until || to <= start {
                continue;
            }
            let to = to.min(until);
            own += until - to;
            left.push((child, from, to));
            until = from;
        }
        own += until.saturating_sub(start);
        spent.push((at, own));
    }
    spent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Spans, trace};
    use proptest::prelude::*;

    fn by_name(spans: &Spans) -> Vec<(String, u64)> {
        let tree = spans.tree();
        let spent = critical(&tree, 0);
        let mut named: Vec<_> =
            spent.into_iter().map(|(at, own)| (tree.nodes[at].span.operation_name.clone(), own)).collect();
        named.sort();
        named
    }

    fn of(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
        pairs.iter().map(|(name, own)| ((*name).to_owned(), *own)).collect()
    }

    #[test]
    fn of_two_calls_side_by_side_the_longer_one_was_waited_for() {
        let spans = trace().span("a", "root", None, 0, 100).span("b", "long", Some(0), 10, 70).span(
            "c",
            "short",
            Some(0),
            10,
            30,
        );
        assert_eq!(by_name(&spans), of(&[("long", 70), ("root", 30)]));
    }

    #[test]
    fn calls_one_after_the_other_all_count() {
        let spans = trace().span("a", "root", None, 0, 100).span("b", "one", Some(0), 0, 40).span(
            "c",
            "two",
            Some(0),
            50,
            50,
        );
        assert_eq!(by_name(&spans), of(&[("one", 40), ("root", 10), ("two", 50)]));
    }

    #[test]
    fn what_goes_on_after_the_answer_was_not_waited_for() {
        let spans = trace().span("a", "root", None, 0, 100).span("b", "after", Some(0), 90, 500);
        assert_eq!(by_name(&spans), of(&[("after", 10), ("root", 90)]));
    }

    proptest! {
        #[test]
        fn every_moment_of_the_root_is_counted_once(
            parts in proptest::collection::vec((0usize..6, 0u64..200, 0u64..200), 0..12)
        ) {
            let mut spans = trace().span("a", "root", None, 50, 100);
            for (index, (parent, start, length)) in parts.into_iter().enumerate() {
                spans = spans.span("b", "child", Some(parent.min(index)), start, length);
            }
            let tree = spans.tree();
            let root = tree.nodes.iter().position(|node| node.span.operation_name == "root").unwrap();
            let sum: u64 = critical(&tree, root).iter().map(|(_, own)| own).sum();
            prop_assert_eq!(sum, 100);
        }
    }
}
