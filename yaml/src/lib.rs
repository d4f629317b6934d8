//! YAML as a tree in which every node knows its line, and typed access to it that knows the way to each key.
//!
//! The subset that people write by hand: maps with plain keys, lists and scalars. Anchors, aliases and tags are refused, as
//! are doubled keys: in a file that people read each of them is a mistake or a riddle. It writes nothing.

mod place;
mod read;
mod tree;

pub use place::{Error, Problem};
pub use read::{Fields, Reader};
pub use tree::{Node, Value, documents};
