//! What the commands share in printing: the terminal's width and colour, the JSON line, a drawing that is drawn again.

use std::io::{IsTerminal as _, Write as _};

use super::follow::Reader;
use crate::view::Look;

/// What standard output can show: colours on a terminal unless `NO_COLOR` is set, and the terminal's width.
pub(super) fn look() -> Look {
    let terminal = std::io::stdout().is_terminal();
    Look { color: terminal && is_colour_wanted(), width: size().map_or(120, |(columns, _)| columns) }
}

/// The same of standard error.
pub(super) fn look_of_stderr() -> Look {
    Look { color: std::io::stderr().is_terminal() && is_colour_wanted(), ..look() }
}

fn is_colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Columns and rows of the terminal.
#[cfg(unix)]
fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}

#[cfg(not(unix))]
fn size() -> Option<(usize, usize)> {
    None
}

/// Prints text; a reader that went away (`| head`) is no failure of ours.
pub(super) fn print(text: &str) {
    line(text);
}

/// Prints text at once, and says whether somebody still reads.
pub(super) fn line(text: &str) -> Reader {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()) {
        Ok(()) => Reader::Reads,
        Err(_) => Reader::Left,
    }
}

/// Says a line on standard error.
pub(super) fn note(text: &str) {
    crate::failure::say(text);
}

/// Writes the piece of a line that is written over again, on standard error.
pub(super) fn progress(text: &str) {
    let mut err = std::io::stderr();
    let _ = write!(err, "{text}").and_then(|()| err.flush());
}

/// Whether somebody still reads, where there is nothing to print.
pub(super) fn reader() -> Reader {
    #[cfg(unix)]
    {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let out = std::io::stdout();
        let mut ends = [PollFd::new(&out, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        // The other end of a pipe that was closed is an error on this one, asked for or not.
        if poll(&mut ends, Some(&now)).is_ok() && ends[0].revents().contains(PollFlags::ERR) {
            return Reader::Left;
        }
    }
    Reader::Reads
}

/// Prints the JSON object of a command, on one line.
pub(super) fn json(value: &serde_json::Value) {
    print(&value.to_string());
}

/// Where one drawing follows another: on a terminal in its place, elsewhere after an empty line.
pub(super) struct Screen {
    /// Lines of the last drawing.
    drawn: usize,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { drawn: 0 }
    }

    pub(super) fn show(&mut self, text: &str) -> Reader {
        let terminal = std::io::stdout().is_terminal().then(size).flatten();
        let before = match (self.drawn, terminal) {
            (0, _) => String::new(),
            (_, None) => "\n".to_owned(),
            (drawn, Some(_)) => up(drawn),
        };
        let text = match terminal {
            Some((_, rows)) if rows > 2 => first_lines(text, rows - 2),
            _ => text,
        };
        let width = terminal.map_or(usize::MAX, |(columns, _)| columns);
        self.drawn = rows_of(text, width);
        line(&(before + text))
    }
}

/// Moves the cursor up so many lines and clears all from there on.
fn up(lines: usize) -> String {
    format!("\x1b[{lines}A\r\x1b[J")
}

fn first_lines(text: &str, count: usize) -> &str {
    match text.match_indices('\n').nth(count.saturating_sub(1)) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Rows that a text takes on a terminal of that width, which breaks longer lines.
fn rows_of(text: &str, width: usize) -> usize {
    let columns = |line: &str| {
        let mut styled = false;
        line.chars()
            .filter(|c| {
                let hidden = styled || *c == '\x1b';
                styled = hidden && *c != 'm';
                !hidden
            })
            .count()
    };
    text.trim_end_matches('\n').lines().map(|line| columns(line).div_ceil(width).max(1)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_as_high_as_its_lines_are_broken() {
        assert_eq!(rows_of("a\nbb\n\n", 80), 2);
        assert_eq!(rows_of("12345\n\n1234567890\n", 5), 4);
        assert_eq!(rows_of("\x1b[31m12345\x1b[0m", 5), 1, "colours take no room");
        assert_eq!(first_lines("a\nb\nc\n", 2), "a\nb");
        assert_eq!(first_lines("a\nb", 5), "a\nb");
    }
}
