//! Progress of a run: a snapshot each second, and the line that shows it.

use serde::Serialize;

/// Where a run is. Counts are since its start; rate and percentiles are of the last second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Seconds since the start.
    pub elapsed_s: f64,
    /// Requests that were due.
    pub scheduled: u64,
    /// Requests sent.
    pub fired: u64,
    /// Requests ended.
    pub ended: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Unexpected answers, errors, timeouts.
    pub failed: u64,
    /// Planned errors, answered as planned.
    pub expected_failures: u64,
    /// Sent later than the lag budget allows.
    pub late: u64,
    /// Given up because too much was under way.
    pub shed: u64,
    /// Sessions not begun because of a pause.
    pub paused: u64,
    /// Requests expected in all, and those sent once the run is over; zero when the plan has no end.
    pub expected_requests: f64,
    /// Requests a second.
    pub rate: f64,
    /// Response time at p99, in milliseconds.
    pub response_p99_ms: f64,
    /// The generator's lag at p99, in milliseconds.
    pub lag_p99_ms: f64,
}

/// One line for people.
#[must_use]
pub fn line(s: &Snapshot) -> String {
    let share = if s.expected_requests > 0.0 {
        format!(" {:>3.0}%", (s.fired as f64 / s.expected_requests * 100.0).min(100.0))
    } else {
        String::new()
    };
    let mut text = format!(
        "{:>5.0}s{share}  {:>7.1} req/s  p99 {:>8.2} ms  sent {}  failed {}",
        s.elapsed_s, s.rate, s.response_p99_ms, s.fired, s.failed
    );
    for (name, value) in
        [("expected", s.expected_failures), ("late", s.late), ("shed", s.shed), ("paused", s.paused)]
    {
        if value > 0 {
            text.push_str(&format!("  {name} {value}"));
        }
    }
    text
}

/// Writes lines where they belong: over one another on a terminal, below one another elsewhere.
#[derive(Debug)]
pub struct Printer<W> {
    out: W,
    terminal: bool,
    written: bool,
}

impl<W: std::io::Write> Printer<W> {
    /// Onto `out`, which is a terminal or not.
    pub fn new(out: W, terminal: bool) -> Self {
        Self { out, terminal, written: false }
    }

    /// Shows a snapshot.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn show(&mut self, snapshot: &Snapshot) -> std::io::Result<()> {
        self.written = true;
        if self.terminal {
            // To the line's begin, erase it, write: no newline, so the next one replaces it.
            write!(self.out, "\r\x1b[2K{}", line(snapshot))?;
            self.out.flush()
        } else {
            writeln!(self.out, "{}", line(snapshot))
        }
    }

    /// Leaves the last line standing.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn finish(mut self) -> std::io::Result<()> {
        if self.terminal && self.written {
            writeln!(self.out)?;
        }
        self.out.flush()
    }
}
