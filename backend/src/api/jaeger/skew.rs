//! Warnings about a trace whose spans do not fit together. Jaeger could move spans whose clock seems to be off; it is not
//! told to, and says by how much it would have. Pure.

use std::collections::HashMap;

use super::go;

/// What matters of a span here.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) id: u64,
    /// 0 for none.
    pub(super) parent: u64,
    pub(super) start_ns: i64,
    pub(super) duration_ns: i64,
    /// The host it ran on; empty when unknown. Spans of one host share a clock.
    pub(super) host: String,
}

/// The warnings of each span, in the order of `nodes`. `lost` says that a parent is not there, which each version of the API
/// does in words of its own.
pub(super) fn warnings(nodes: &[Node], lost: impl Fn(u64) -> String) -> Vec<Vec<String>> {
    let mut warnings = vec![Vec::new(); nodes.len()];
    let mut by_id: HashMap<u64, usize> = HashMap::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        if *by_id.entry(node.id).or_insert(at) != at {
            warnings[at].push("duplicate span IDs; skipping clock skew adjustment".to_owned());
        }
    }
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    // A span to look at, and by how much its host's clock is off, found at the parent.
    let mut open: Vec<(usize, Option<usize>, i64, &str)> = Vec::new();
    for at in by_id.values().copied() {
        let node = &nodes[at];
        match by_id.get(&node.parent) {
            _ if node.parent == 0 => open.push((at, None, 0, &node.host)),
            Some(parent) => children.entry(*parent).or_default().push(at),
            None => {
                warnings[at].push(format!("{}; skipping clock skew adjustment", lost(node.parent)));
                open.push((at, None, 0, &node.host));
            }
        }
    }
    // Not by recursion: a chain of spans may be long.
    while let Some((at, parent, mut delta, host)) = open.pop() {
        let node = &nodes[at];
        if let Some(parent) = parent
            && (node.host != host || node.host.is_empty())
        {
            delta = skew(node, &nodes[parent]);
        }
        if delta != 0 {
            let delta = go::duration(delta);
            warnings[at]
                .push(format!("clock skew adjustment disabled; not applying calculated delta of {delta}"));
        }
        for child in children.get(&at).into_iter().flatten() {
            open.push((*child, Some(at), delta, &node.host));
        }
    }
    warnings
}

/// By how much a child would have to move to lie within its parent, assuming that it took as long to get there as back.
fn skew(child: &Node, parent: &Node) -> i64 {
    let ahead = parent.start_ns.saturating_sub(child.start_ns);
    if child.duration_ns > parent.duration_ns {
        // It went on without its parent: all that is certain is that it did not start before.
        return ahead.max(0);
    }
    let end = |node: &Node| node.start_ns.saturating_add(node.duration_ns);
    if ahead <= 0 && end(child) <= end(parent) {
        return 0;
    }
    ahead.saturating_add((parent.duration_ns - child.duration_ns) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn warnings(nodes: &[Node]) -> Vec<Vec<String>> {
        super::warnings(nodes, |parent| format!("no {parent:x}"))
    }

    fn node(id: u64, parent: u64, start_ns: i64, duration_ns: i64) -> Node {
        Node { id, parent, start_ns, duration_ns, host: String::new() }
    }

    #[test]
    fn a_child_outside_its_parent_is_told_by_how_much() {
        let off = |nodes: &[Node]| warnings(nodes).pop().and_then(|mut w| w.pop()).unwrap_or_default();
        let told =
            |delta: &str| format!("clock skew adjustment disabled; not applying calculated delta of {delta}");
        assert_eq!(off(&[node(1, 0, 100, 100), node(2, 1, 120, 50)]), "");
        assert_eq!(off(&[node(1, 0, 100, 100), node(2, 1, 90, 50)]), told("35ns"));
        assert_eq!(off(&[node(1, 0, 100, 100), node(2, 1, 180, 50)]), told("-55ns"));
        assert_eq!(off(&[node(1, 0, 100, 100), node(2, 1, 150, 500)]), "", "it went on alone");
        assert_eq!(off(&[node(1, 0, 100, 100), node(2, 1, 90, 500)]), told("10ns"));
        let on = |host: &str, node: Node| Node { host: host.to_owned(), ..node };
        let same = [on("a", node(1, 0, 100, 100)), on("a", node(2, 1, 90, 50))];
        assert_eq!(off(&same), "", "one host has one clock");
    }

    #[test]
    fn missing_parents_and_repeated_ids_are_told() {
        let told = warnings(&[node(1, 9, 0, 1), node(1, 9, 0, 1)]);
        assert_eq!(told[0], ["no 9; skipping clock skew adjustment"]);
        assert_eq!(told[1], ["duplicate span IDs; skipping clock skew adjustment"]);
    }

    #[test]
    fn a_long_chain_is_walked_without_recursion() {
        let nodes: Vec<Node> = (1..50_000).map(|id| node(id, id - 1, 0, 1)).collect();
        assert!(warnings(&nodes).iter().all(Vec::is_empty));
    }

    proptest! {
        #[test]
        fn no_graph_makes_it_hang_or_panic(
            nodes in proptest::collection::vec((0u64..6, 0u64..6, any::<i64>(), 0i64..i64::MAX), 0..12)
        ) {
            let nodes: Vec<Node> = nodes.into_iter().map(|(id, parent, s, d)| node(id, parent, s, d)).collect();
            prop_assert_eq!(warnings(&nodes).len(), nodes.len());
        }
    }
}
