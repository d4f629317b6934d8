//! What a child says to the person at its parent's terminal: lines of its output beside its log.

use std::io::Write as _;

use serde::{Deserialize, Serialize};

/// The longest such line; what is longer is log.
const LONGEST: usize = 16 * 1024;

/// One thing that is said.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    said: String,
}

/// Says a line to the parent, which may be gone.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let line = serde_json::to_string(&Said { said: line.to_owned() }).unwrap_or_default();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Listens to a child's output.
#[derive(Debug, Default)]
pub struct Listener {
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
}

impl Listener {
    /// What the next piece of output says.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut heard = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            // One byte more than may be, so that the rest of a long line is not taken for a line of its own.
            let room = (LONGEST + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                heard.extend(said(&std::mem::take(&mut self.line)));
            }
        }
        heard
    }
}

/// The line's words, when it is one that is said; without what would move a terminal's cursor.
fn said(line: &[u8]) -> Option<String> {
    if line.len() > LONGEST || !line.starts_with(b"{\"said\":") {
        return None;
    }
    let Said { said } = serde_json::from_slice(line).ok()?;
    Some(said.chars().filter(|c| !c.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard_among_the_log_in_whatever_pieces_it_comes() {
        let output = "INFO a line\n{\"said\":\"one\"}\n{\"other\":1}\n{\"said\":\"two \\u001b[1m\"}\nno end";
        for size in [1, 7, output.len()] {
            let mut listener = Listener::default();
            let heard: Vec<String> =
                output.as_bytes().chunks(size).flat_map(|piece| listener.hear(piece)).collect();
            assert_eq!(heard, ["one", "two [1m"], "{size}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_log_and_so_is_its_end() {
        let mut listener = Listener::default();
        let long = format!("{}{}\n{{\"said\":\"short\"}}\n", "x".repeat(2 * LONGEST), "{\"said\":\"no\"}");
        let heard: Vec<String> =
            long.as_bytes().chunks(1000).flat_map(|piece| listener.hear(piece)).collect();
        assert_eq!(heard, ["short"]);
    }
}
