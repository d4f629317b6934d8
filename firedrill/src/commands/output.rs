//! What the commands share in printing: the terminal's width and colour, and the JSON line.

use std::io::{IsTerminal as _, Write as _};

use crate::view::Look;

/// What standard output can show: colours on a terminal unless `NO_COLOR` is set, and the terminal's width.
pub(super) fn look() -> Look {
    let terminal = std::io::stdout().is_terminal();
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Look { color: terminal && !no_colour, width: width().unwrap_or(120) }
}

#[cfg(unix)]
fn width() -> Option<usize> {
    let columns = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?.ws_col;
    (columns > 0).then_some(columns.into())
}

#[cfg(not(unix))]
fn width() -> Option<usize> {
    None
}

/// Prints text; a reader that went away (`| head`) is no failure of ours.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush());
}

/// Prints the JSON object of a command, on one line.
pub(super) fn json(value: &serde_json::Value) {
    print(&value.to_string());
}
