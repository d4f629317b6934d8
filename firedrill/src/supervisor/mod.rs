//! Keeps child processes running: starts them, restarts the ones that crash, stops them in order.

mod backoff;
mod keep;
mod log_file;
mod process;
pub mod readiness;
mod status;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub use process::Ended;
pub use status::{State, Status};

use crate::child::lifeline;

/// How long a process that was asked to stop may take until it is killed: it ends itself a little earlier.
pub const PATIENCE: Duration = Duration::from_secs(lifeline::DRAIN.as_secs() + 2);

/// What to start.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The process's name: the service's, and for further instances of it a number behind it.
    pub name: String,
    /// The program and its leading arguments; the listeners' addresses follow.
    pub command: Vec<std::ffi::OsString>,
    /// Arguments after those.
    pub trailing: Vec<std::ffi::OsString>,
    /// The listeners it shall bind; port 0 on the first start becomes the chosen port on later ones.
    pub listen: BTreeMap<String, SocketAddr>,
    /// The listener and path that answer 200 once the process can do its work.
    pub ready: (&'static str, &'static str),
    /// Environment on top of this process's own.
    pub env: BTreeMap<String, String>,
    /// Where its output goes.
    pub log: PathBuf,
}

/// What a supervisor tells while it works.
#[derive(Debug)]
pub enum Event {
    /// The process ended without being asked to; it starts again after the pause.
    Crashed {
        /// Its name.
        name: String,
        /// How it ended.
        ended: Ended,
        /// When it will be started again.
        restart_in: Duration,
    },
    /// It listens again.
    Restarted {
        /// Its name.
        name: String,
        /// The new process id.
        pid: u32,
    },
    /// Processes came or went because somebody asked for it.
    Changed {
        /// What is so from now on.
        line: String,
    },
    /// It says something to the person at the terminal.
    Said {
        /// Its name.
        name: String,
        /// One line.
        line: String,
    },
}

/// What a process that runs can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Not to run until it is told to go on.
    Stop,
    /// To go on.
    Continue,
    /// To end at once, without a drain; it is started again.
    Kill,
}

/// What the task that keeps a process is asked for, and where the answer goes.
enum Request {
    Restart(Answer),
    Signal(Signal, Answer),
}

type Answer = oneshot::Sender<Result<(), String>>;

/// A process that is being kept running.
#[derive(Debug)]
pub struct Supervised {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub listening: BTreeMap<String, SocketAddr>,
    control: Control,
    stop: CancellationToken,
    last_run: CancellationToken,
    task: JoinHandle<()>,
}

impl Supervised {
    /// Starts a process and waits until it listens.
    ///
    /// The error is the process's own last words, or that it did not come up in time. Once `at_once` is cancelled, a start
    /// is given up and a stop waits for nothing.
    pub async fn start(
        spec: Spec,
        events: mpsc::UnboundedSender<Event>,
        at_once: CancellationToken,
    ) -> Result<Self, String> {
        let (stop, last_run) = (CancellationToken::new(), CancellationToken::new());
        let (ready, is_ready) = oneshot::channel();
        let (ask, asked) = mpsc::channel(1);
        let (tell, status) = watch::channel(Status::before_the_start());
        let name = spec.name.clone();
        let control = Control { name: name.clone(), ask, status };
        let keep = keep::Keep {
            spec,
            events,
            asked,
            tell,
            stop: stop.clone(),
            last_run: last_run.clone(),
            at_once,
            backoff: backoff::Backoff::default(),
        };
        let task = tokio::spawn(keep.run(ready));
        // A start that failed has ended its task: nothing is left to stop.
        let listening = is_ready.await.unwrap_or_else(|_| Err(format!("{name}: the supervisor ended")))?;
        Ok(Self { name, listening, control, stop, last_run, task })
    }

    /// The means to look at the process and to tell it something.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Lets this run be the last: everything is about to stop, and whoever ends before its turn stays ended.
    pub fn no_more_restarts(&self) {
        self.last_run.cancel();
    }

    /// Asks the process to drain, waits for its end, and ends it by force when it does not.
    pub async fn stop(self) {
        self.stop.cancel();
        // A panic in the task has ended the child too: its handle kills on drop.
        let _ = self.task.await;
    }
}

/// Looks at a process that is being kept, and tells it something. Clones are of the same one.
#[derive(Clone, Debug)]
pub struct Control {
    name: String,
    ask: mpsc::Sender<Request>,
    status: watch::Receiver<Status>,
}

impl Control {
    /// How the process is now.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Lets the process drain and end, and waits until it is ready again on the same addresses.
    ///
    /// The error says why it is not; it is tried again as after a crash.
    pub async fn restart(&self) -> Result<(), String> {
        self.asked(Request::Restart).await
    }

    /// Sends a signal. The error says that the process does not run now.
    pub async fn signal(&self, signal: Signal) -> Result<(), String> {
        self.asked(|answer| Request::Signal(signal, answer)).await
    }

    async fn asked(&self, request: impl FnOnce(Answer) -> Request) -> Result<(), String> {
        let ended = || format!("{} is being stopped", self.name);
        let (answer, answered) = oneshot::channel();
        self.ask.send(request(answer)).await.map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}
