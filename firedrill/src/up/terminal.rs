//! What `up` says while the stack runs: whole lines, and below them one line that moves where there is a terminal.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use crate::supervisor::{self, Supervised};

/// How long the stop of one part goes without a word.
const SILENCE: Duration = Duration::from_secs(1);

/// Tells of what somebody should do something about, where no moving line can be in the way.
pub(super) fn warn(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Stops a process; says whom it waits for when that takes longer.
pub(super) async fn stop(process: Supervised) {
    let name = process.name.clone();
    let stopping = process.stop();
    tokio::pin!(stopping);
    if tokio::time::timeout(SILENCE, &mut stopping).await.is_err() {
        let most = supervisor::PATIENCE.as_secs();
        warn(&format!("Waiting for {name} to end, {most} s at most; Ctrl-C ends it at once."));
        stopping.await;
    }
}

/// One line on a terminal that is overwritten; elsewhere nothing but what is said in whole lines.
#[derive(Default)]
pub(super) struct Terminal {
    shown: bool,
}

impl Terminal {
    /// Moves the line.
    pub(super) fn show(&mut self, text: &str) {
        let mut err = std::io::stderr();
        if err.is_terminal() {
            let _ = write!(err, "\r\x1b[2K{text}").and_then(|()| err.flush());
            self.shown = true;
        }
    }

    /// Tells of what goes on. Standard output may be a file or a pipe that went away; the stack runs on either way.
    pub(super) fn say(&mut self, text: &str) {
        self.clear();
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Tells of what somebody should do something about.
    pub(super) fn warn(&mut self, text: &str) {
        self.clear();
        warn(text);
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }

    /// Leaves the line as it is and goes on below it.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = writeln!(std::io::stderr());
        }
    }
}
