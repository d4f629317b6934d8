//! Keeps child processes running: starts them, restarts the ones that crash, stops them in order.

mod backoff;
mod log_file;
mod process;
pub mod readiness;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub use process::Ended;

use crate::child::lifeline;

/// How long a process may take until it is ready.
const START: Duration = Duration::from_secs(20);
/// How long a process that was asked to stop may take until it is killed: it ends itself a little earlier.
pub const PATIENCE: Duration = Duration::from_secs(lifeline::DRAIN.as_secs() + 2);

/// What to start.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The process's name: the service name.
    pub name: &'static str,
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
        name: &'static str,
        /// How it ended.
        ended: Ended,
        /// When it will be started again.
        restart_in: Duration,
    },
    /// It listens again.
    Restarted {
        /// Its name.
        name: &'static str,
        /// The new process id.
        pid: u32,
    },
    /// It says something to the person at the terminal.
    Said {
        /// Its name.
        name: &'static str,
        /// One line.
        line: String,
    },
}

/// A process that is being kept running.
#[derive(Debug)]
pub struct Supervised {
    /// Its name.
    pub name: &'static str,
    /// The process id of its first start.
    pub pid: u32,
    /// Where it listens.
    pub listening: BTreeMap<String, SocketAddr>,
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
        let (name, stop, last_run) = (spec.name, CancellationToken::new(), CancellationToken::new());
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(keep_running(spec, events, stop.clone(), last_run.clone(), at_once, ready));
        // A start that failed has ended its task: nothing is left to stop.
        let (pid, listening) =
            is_ready.await.unwrap_or_else(|_| Err(format!("{name}: the supervisor ended")))?;
        Ok(Self { name, pid, listening, stop, last_run, task })
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

type Ready = oneshot::Sender<Result<(u32, BTreeMap<String, SocketAddr>), String>>;

async fn keep_running(
    mut spec: Spec,
    events: mpsc::UnboundedSender<Event>,
    stop: CancellationToken,
    last_run: CancellationToken,
    at_once: CancellationToken,
    first_ready: Ready,
) {
    let mut first_ready = Some(first_ready);
    let mut backoff = backoff::Backoff::default();
    loop {
        let started = tokio::time::Instant::now();
        let ended = match process::Process::start(&spec).await {
            Err(error) => Ended::NotStarted(error),
            Ok(mut process) => {
                let up = tokio::select! {
                    up = tokio::time::timeout(START, come_up(&mut process, &spec, &events)) => {
                        up.unwrap_or_else(|_| Err(format!("{} was not ready within {START:?}", spec.name)))
                    }
                    () = at_once.cancelled() => Err(format!("{} was given up before it was ready", spec.name)),
                    () = stop.cancelled() => return process.stop(&at_once).await,
                };
                match up {
                    Err(error) => {
                        process.stop(&at_once).await;
                        Ended::NotStarted(error)
                    }
                    Ok(listening) => {
                        spec.listen.clone_from(&listening);
                        match first_ready.take() {
                            Some(ready) => drop(ready.send(Ok((process.pid(), listening)))),
                            None => {
                                drop(events.send(Event::Restarted { name: spec.name, pid: process.pid() }));
                            }
                        }
                        tokio::select! {
                            ended = process.ended() => ended,
                            () = stop.cancelled() => return process.stop(&at_once).await,
                        }
                    }
                }
            }
        };
        if let Some(ready) = first_ready.take() {
            drop(ready.send(Err(ended.to_string())));
            return;
        }
        if last_run.is_cancelled() {
            return;
        }
        let restart_in = backoff.after(started.elapsed());
        drop(events.send(Event::Crashed { name: spec.name, ended, restart_in }));
        tokio::select! {
            () = tokio::time::sleep(restart_in) => {}
            () = last_run.cancelled() => return,
            () = stop.cancelled() => return,
        }
    }
}

/// Waits until the process listens and says that it is ready, or has ended instead.
async fn come_up(
    process: &mut process::Process,
    spec: &Spec,
    events: &mpsc::UnboundedSender<Event>,
) -> Result<BTreeMap<String, SocketAddr>, String> {
    let listening = process.listening(events).await?;
    let (listener, path) = spec.ready;
    let address = listening.get(listener).ok_or_else(|| format!("{}: no listener {listener}", spec.name))?;
    tokio::select! {
        () = readiness::wait(*address, path) => Ok(listening),
        _ = process.ended() => Err(process.last_words().await),
    }
}
