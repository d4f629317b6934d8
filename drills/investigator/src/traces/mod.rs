//! What traces say: where the time goes, where errors begin, what shape traces have, what one request repeats, and what the
//! bad ones have in common.

pub mod concentration;
pub mod origin;
pub mod path;
pub mod repeats;
pub mod shape;
pub mod time;

use query::trace::{Kind, Node, Tree};

/// The server span that a span belongs to: itself or its nearest ancestor; with none, its outermost ancestor.
pub(crate) fn operation_of(tree: &Tree, at: usize) -> &Node {
    &tree.nodes[position_of_operation(tree, at)]
}

/// Its position.
pub(crate) fn position_of_operation(tree: &Tree, mut at: usize) -> usize {
    loop {
        let node = &tree.nodes[at];
        match node.parent {
            Some(parent) if node.kind() != Kind::Server => at = parent,
            _ => return at,
        }
    }
}

/// Whom a client span calls.
pub(crate) fn peer(node: &Node) -> Option<String> {
    node.span.tag_text("peer.service").filter(|name| !name.is_empty())
}

/// Whether a span is a call over HTTP.
pub(crate) fn is_call(node: &Node) -> bool {
    node.kind() == Kind::Client && node.side() == "client"
}

/// The server span that answers a call, if it is stored.
pub(crate) fn answer<'a>(tree: &'a Tree, call: &Node) -> Option<&'a Node> {
    call.children.iter().map(|child| &tree.nodes[*child]).find(|child| child.kind() == Kind::Server)
}
