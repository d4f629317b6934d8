//! The task that keeps one process running: start, wait, start again; and what it is asked for meanwhile.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Ended, Event, Request, Signal, Spec, State, Status, backoff::Backoff, process::Process, readiness,
};

/// How long a process may take until it is ready.
const START: Duration = Duration::from_secs(20);

type Listening = BTreeMap<String, SocketAddr>;

/// What the task works with.
pub(super) struct Keep {
    pub(super) spec: Spec,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) asked: mpsc::Receiver<Request>,
    pub(super) tell: watch::Sender<Status>,
    pub(super) stop: CancellationToken,
    pub(super) last_run: CancellationToken,
    pub(super) at_once: CancellationToken,
    pub(super) backoff: Backoff,
}

/// Who waits until the process is ready.
enum Waiting {
    /// Whoever started it.
    First(oneshot::Sender<Result<Listening, String>>),
    /// Whoever asked for a restart.
    Restart(Answer),
    /// Nobody: it crashed.
    Nobody,
}

/// How one life of the process ended.
enum Life {
    Ended(Ended),
    /// It was ended, to begin another.
    Restart(Answer),
    /// It was ended for good.
    Stopped,
}

impl Keep {
    pub(super) async fn run(mut self, first: oneshot::Sender<Result<Listening, String>>) {
        let mut waiting = Waiting::First(first);
        loop {
            let started = Instant::now();
            let is_first = matches!(waiting, Waiting::First(_));
            if !is_first {
                self.tell.send_modify(|status| status.restarts += 1);
            }
            waiting = match self.life(&mut waiting).await {
                Life::Stopped => return,
                Life::Restart(answer) => Waiting::Restart(answer),
                Life::Ended(ended) => {
                    match waiting {
                        Waiting::First(first) => return drop(first.send(Err(ended.to_string()))),
                        Waiting::Restart(answer) => drop(answer.send(Err(ended.to_string()))),
                        Waiting::Nobody => {}
                    }
                    match self.pause(ended, started.elapsed()).await {
                        Some(waiting) => waiting,
                        None => return,
                    }
                }
            };
        }
    }

    /// From the start of the process to its end. Nobody waits any more once it was ready.
    async fn life(&mut self, waiting: &mut Waiting) -> Life {
        self.tell.send_modify(|status| {
            status.state = State::Starting;
            status.started_at = jiff::Timestamp::now();
        });
        let mut process = match Process::start(&self.spec).await {
            Ok(process) => process,
            Err(error) => return Life::Ended(Ended::NotStarted(error)),
        };
        self.tell.send_modify(|status| status.pid = process.pid());
        let up = tokio::select! {
            up = tokio::time::timeout(START, come_up(&mut process, &self.spec, &self.events)) => {
                up.unwrap_or_else(|_| Err(format!("{} was not ready within {START:?}", self.spec.name)))
            }
            () = self.at_once.cancelled() => Err(format!("{} was given up before it was ready", self.spec.name)),
            () = self.stop.cancelled() => {
                process.stop(&self.at_once).await;
                return Life::Stopped;
            }
        };
        match up {
            Err(error) => {
                process.stop(&self.at_once).await;
                return Life::Ended(Ended::NotStarted(error));
            }
            Ok(listening) => self.is_up(&process, listening, std::mem::replace(waiting, Waiting::Nobody)),
        }
        loop {
            tokio::select! {
                ended = process.ended() => return Life::Ended(ended),
                () = self.stop.cancelled() => {
                    self.end(process).await;
                    return Life::Stopped;
                }
                Some(request) = self.asked.recv() => match request {
                    Request::Restart(answer) => {
                        self.end(process).await;
                        return Life::Restart(answer);
                    }
                    Request::Signal(signal, answer) => {
                        process.signal(signal);
                        self.tell.send_modify(|status| match signal {
                            Signal::Stop => status.state = State::Stopped,
                            Signal::Continue => status.state = State::Running,
                            Signal::Kill => {}
                        });
                        drop(answer.send(Ok(())));
                    }
                },
            }
        }
    }

    /// Lets the process drain and end.
    async fn end(&self, process: Process) {
        if self.tell.borrow().state == State::Stopped {
            process.signal(Signal::Continue);
        }
        process.stop(&self.at_once).await;
    }

    fn is_up(&mut self, process: &Process, listening: Listening, waiting: Waiting) {
        let pid = process.pid();
        self.spec.listen.clone_from(&listening);
        self.tell.send_modify(|status| {
            status.state = State::Running;
            status.pid = pid;
        });
        match waiting {
            Waiting::First(first) => drop(first.send(Ok(listening))),
            restarted => {
                drop(self.events.send(Event::Restarted { name: self.spec.name.clone(), pid }));
                if let Waiting::Restart(answer) = restarted {
                    drop(answer.send(Ok(())));
                }
            }
        }
    }

    /// Between an end that nobody asked for and the next start. Who asks for a restart ends the pause. None: there is to be no
    /// next start.
    async fn pause(&mut self, ended: Ended, ran: Duration) -> Option<Waiting> {
        if self.last_run.is_cancelled() {
            return None;
        }
        self.tell.send_modify(|status| status.state = State::Down);
        let restart_in = self.backoff.after(ran);
        let name = self.spec.name.clone();
        drop(self.events.send(Event::Crashed { name, ended, restart_in }));
        let pause = tokio::time::sleep(restart_in);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return Some(Waiting::Nobody),
                () = self.last_run.cancelled() => return None,
                () = self.stop.cancelled() => return None,
                Some(request) = self.asked.recv() => match request {
                    Request::Restart(answer) => return Some(Waiting::Restart(answer)),
                    Request::Signal(_, answer) => {
                        let why = format!("{} is down at the moment and is being started again", self.spec.name);
                        drop(answer.send(Err(why)));
                    }
                },
            }
        }
    }
}

/// Waits until the process listens and says that it is ready, or has ended instead.
async fn come_up(
    process: &mut Process,
    spec: &Spec,
    events: &mpsc::UnboundedSender<Event>,
) -> Result<Listening, String> {
    let listening = process.listening(events).await?;
    let (listener, path) = spec.ready;
    let address = listening.get(listener).ok_or_else(|| format!("{}: no listener {listener}", spec.name))?;
    tokio::select! {
        () = readiness::wait(*address, path) => Ok(listening),
        _ = process.ended() => Err(process.last_words().await),
    }
}
