//! One run of one child process.

use std::{collections::BTreeMap, fmt, net::SocketAddr, process::ExitStatus, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{Event, Signal, Spec, log_file::LogFile};
use crate::child::{listening::Listening, said::Listener};

/// The longest first line that is read.
const LISTENING_LINE: u64 = 16 * 1024;
/// How much of standard error is kept for the message of a failed start.
const LAST_WORDS: usize = 4096;

/// How a process ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It never listened; its own words, or why it could not be started.
    NotStarted(String),
    /// It ran and then ended with this status.
    Exited(ExitStatus),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(words) => f.write_str(words),
            Self::Exited(status) => write!(f, "{status}"),
        }
    }
}

/// A running child. Dropping it kills it, and what it has started.
pub(super) struct Process {
    name: String,
    pid: u32,
    child: Child,
    group: Group,
    /// Held here and not in the child: waiting for a child closes the standard input it holds.
    lifeline: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    log: Option<LogFile>,
    stderr: JoinHandle<String>,
}

impl Process {
    pub(super) async fn start(spec: &Spec) -> Result<Self, String> {
        let mut command = Command::new(&spec.command[0]);
        command.args(&spec.command[1..]);
        for (name, address) in &spec.listen {
            command.arg("--listen").arg(format!("{name}={address}"));
        }
        command.args(&spec.trailing);
        command
            .envs(&spec.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Ctrl-C in the terminal goes to the whole foreground group; the children are to stop in order instead. And a
        // group of its own tells what the child has started.
        #[cfg(unix)]
        command.process_group(0);
        let mut child =
            command.spawn().map_err(|e| format!("{}: cannot start {:?}: {e}", spec.name, spec.command[0]))?;
        let lifeline = child.stdin.take();
        let stdout = child.stdout.take().map(BufReader::new);
        let stderr = child.stderr.take();
        let mut log = LogFile::new(spec.log.with_extension("err.log"));
        let stderr = tokio::spawn(async move {
            let Some(mut stderr) = stderr else { return String::new() };
            let (mut kept, mut chunk) = (Vec::new(), [0; 4096]);
            while let Ok(n @ 1..) = stderr.read(&mut chunk).await {
                log.write(&chunk[..n]);
                kept.extend_from_slice(&chunk[..n]);
                kept.drain(..kept.len().saturating_sub(LAST_WORDS));
            }
            String::from_utf8_lossy(&kept).trim().to_owned()
        });
        let pid = child.id().unwrap_or_default();
        Ok(Self {
            name: spec.name.clone(),
            pid,
            group: Group { leader: child.id() },
            child,
            lifeline,
            stdout,
            log: Some(LogFile::new(spec.log.clone())),
            stderr,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the line that says where the child listens, then keeps copying its output to its log, and what it says to a
    /// person to `events`.
    pub(super) async fn listening(
        &mut self,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<BTreeMap<String, SocketAddr>, String> {
        let mut line = String::new();
        if let Some(stdout) = &mut self.stdout {
            let _ = (&mut *stdout).take(LISTENING_LINE).read_line(&mut line).await;
        }
        match serde_json::from_str::<Listening>(&line) {
            Ok(listening) => {
                self.copy_output(events.clone());
                self.pid = listening.pid.unwrap_or(self.pid);
                Ok(listening.listening)
            }
            Err(_) => Err(self.last_words().await),
        }
    }

    fn copy_output(&mut self, events: mpsc::UnboundedSender<Event>) {
        let (Some(mut stdout), Some(mut log)) = (self.stdout.take(), self.log.take()) else { return };
        let name = self.name.clone();
        tokio::spawn(async move {
            let mut listener = Listener::default();
            loop {
                let read = match stdout.fill_buf().await {
                    Ok([]) | Err(_) => return,
                    Ok(bytes) => {
                        log.write(bytes);
                        for line in listener.hear(bytes) {
                            drop(events.send(Event::Said { name: name.clone(), line }));
                        }
                        bytes.len()
                    }
                };
                stdout.consume(read);
            }
        });
    }

    /// What a child that did not come up said on its way out.
    pub(super) async fn last_words(&mut self) -> String {
        let _ = tokio::time::timeout(Duration::from_secs(2), self.child.wait()).await;
        self.group.kill();
        let words = (&mut self.stderr).await.unwrap_or_default();
        let last = words.lines().last().unwrap_or("it ended without a word").trim();
        // A child is this same program and begins its line as a command does.
        format!("{}: {}", self.name, last.strip_prefix("firedrill: ").unwrap_or(last))
    }

    /// Waits for an end that nobody asked for.
    pub(super) async fn ended(&mut self) -> Ended {
        let ended = match self.child.wait().await {
            Ok(status) => Ended::Exited(of_the_program(status)),
            Err(error) => Ended::NotStarted(format!("{}: lost: {error}", self.name)),
        };
        // A keeper that was killed could not end its program, which would hold the port of the next one.
        self.group.kill();
        ended
    }

    /// Sends a signal to the child and to what it has started. Whoever calls has not been told of the child's end, so that the
    /// number is still its own.
    pub(super) fn signal(&self, signal: Signal) {
        self.group.signal(signal);
    }

    /// Closes the child's lifeline, waits for it to drain, and kills it when it takes too long or is to end `at_once`.
    pub(super) async fn stop(mut self, at_once: &CancellationToken) {
        drop(self.lifeline.take());
        let drained = tokio::select! {
            drained = tokio::time::timeout(super::PATIENCE, self.child.wait()) => drained.is_ok(),
            () = at_once.cancelled() => false,
        };
        if !drained {
            self.group.kill();
            let _ = self.child.kill().await;
        }
    }
}

/// The processes that a child and its own children are: on Unix, the group that it leads.
struct Group {
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no groups of processes"))]
    leader: Option<u32>,
}

impl Group {
    /// Ends what is left of it, once. No other group can have got its number as long as this is done at the end of
    /// its leader.
    fn kill(&mut self) {
        self.signal(Signal::Kill);
        self.leader = None;
    }

    #[cfg(unix)]
    fn signal(&self, signal: Signal) {
        use rustix::process::{Pid, Signal as Number, kill_process_group};
        let number = match signal {
            Signal::Stop => Number::STOP,
            Signal::Continue => Number::CONT,
            Signal::Kill => Number::KILL,
        };
        if let Some(leader) = self.leader.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            // That nobody is left is what is usual at an end.
            let _ = kill_process_group(leader, number);
        }
    }

    #[cfg(not(unix))]
    fn signal(&self, _: Signal) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A keeper ends with 128 and the signal where a signal ended its program; a person is told the signal.
#[cfg(unix)]
fn of_the_program(status: ExitStatus) -> ExitStatus {
    use std::os::unix::process::ExitStatusExt as _;
    match status.code() {
        Some(code @ 129..=159) => ExitStatus::from_raw(code - 128),
        _ => status,
    }
}

#[cfg(not(unix))]
fn of_the_program(status: ExitStatus) -> ExitStatus {
    status
}
