//! Carries a plan out: one pacing thread, sending threads with a runtime each, and this side, which merges what they
//! measure once a second. Nothing here decides what is sent (the plan does) or what it means (the report does).

mod closed;
mod counters;
mod gate;
mod options;
mod pacer;
mod shared;
mod timeline;
mod worker;

pub use options::{EXIT_GOOD, EXIT_OVERLOAD, EXIT_THRESHOLD, Options};
pub use timeline::Point;

pub(crate) use shared::{Observer, Shared};

use crate::client::{Ids, Sender, Target, TargetError, Targets};
use crate::plan::Plan;
use crate::progress::Snapshot;
use crate::report::Report;
use crate::stats::Recorder;
pub(crate) use counters::get;
use std::sync::Arc;
use std::time::{Duration, Instant};
use timeline::Timeline;
use tokio::sync::{mpsc, oneshot};

/// How often progress is shown and the threads' figures are merged.
const TICK: Duration = Duration::from_secs(1);

/// What a run sends.
enum Work {
    /// The plan at its own times.
    Open,
    /// The plan on so many connections.
    Closed(usize),
    /// One path on so many connections.
    Url(usize, String),
}

/// Carries `plan` out against `targets` and reports. `progress` is called about once a second. Resolving `shutdown`
/// ends the run early: what is under way is finished, nothing new begins, and the report says so.
///
/// Spans go to the tracer provider that is global when this is called.
///
/// # Errors
/// When a thread or a runtime cannot be had. What goes wrong with requests is in the report.
pub async fn run(
    plan: Arc<Plan>,
    targets: Targets,
    options: Options,
    progress: impl FnMut(&Snapshot),
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<Report> {
    let work = options.closed.map_or(Work::Open, |connections| Work::Closed(connections.max(1)));
    let run = Run::start(plan, &targets, options, work, None)?;
    run.finish(progress, shutdown).await
}

/// Requests one URL in a closed loop with `options.closed` connections (1 when none) for `duration`.
///
/// # Errors
/// When the URL is not plain HTTP, or a thread cannot be had.
pub async fn run_url(
    url: &str,
    duration: Duration,
    mut options: Options,
    progress: impl FnMut(&Snapshot),
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<Report> {
    let (targets, path) = one_url(url)?;
    let connections = options.closed.unwrap_or(1).max(1);
    options.closed = Some(connections);
    // The plan of a URL is its profile's frame only: nothing of its journeys is sent.
    let profile = crate::profile::load("steady", &[])?;
    let plan = Arc::new(Plan::new(&profile, 0, Some(duration), None)?);
    options.thresholds.get_or_insert_with(Vec::new);
    let run = Run::start(plan, &targets, options, Work::Url(connections, path), None)?;
    run.finish(progress, shutdown).await
}

fn one_url(url: &str) -> Result<(Targets, String), TargetError> {
    let (target, path) = Target::parse(url, "the target")?;
    Ok((Targets::single(&format!("http://{}", target.authority))?, path))
}

/// A run under way.
pub(crate) struct Run {
    pub(crate) shared: Arc<Shared>,
    targets: Targets,
    options: Options,
    started: Instant,
    started_at: jiff::Timestamp,
    ended: Vec<oneshot::Receiver<()>>,
    merged: Recorder,
    spare: Recorder,
    timeline: Timeline,
    last_tick: Instant,
}

impl Run {
    /// Starts an open run with an observer of every answer.
    pub(crate) fn open(
        plan: Arc<Plan>,
        targets: &Targets,
        options: Options,
        observer: Observer,
    ) -> anyhow::Result<Self> {
        Self::start(plan, targets, options, Work::Open, Some(observer))
    }

    fn start(
        plan: Arc<Plan>,
        targets: &Targets,
        options: Options,
        work: Work,
        observer: Option<Observer>,
    ) -> anyhow::Result<Self> {
        let threads = options.threads_for(plan.rps());
        let ids = Ids::new(plan.seed(), options.run);
        let kinds = if matches!(work, Work::Url(..)) { &closed::ONE_URL } else { plan.kinds() };
        let timeout = options.timeout.unwrap_or(plan.profile().timeout);
        let mut shared = Shared::new(plan, kinds, ids, &options, threads);
        shared.observer = observer;
        let shared = Arc::new(shared);
        let sender = || Sender::new(targets.clone(), timeout, ids);
        let started = Instant::now();
        let ended = match work {
            Work::Open => start_open(&shared, &options, threads, &sender, started)?,
            Work::Closed(connections) => start_closed(&shared, threads, connections, None, &sender, started)?,
            Work::Url(connections, path) => {
                start_closed(&shared, threads, connections, Some(&path), &sender, started)?
            }
        };
        Ok(Self {
            merged: shared.recorder(),
            spare: shared.recorder(),
            shared,
            targets: targets.clone(),
            options,
            started,
            started_at: jiff::Timestamp::now(),
            ended,
            timeline: Timeline::default(),
            last_tick: started,
        })
    }

    /// Merges what was measured since the last call.
    pub(crate) fn tick(&mut self) -> Snapshot {
        let now = Instant::now();
        let measured = self.shared.drain(&mut self.merged, &mut self.spare);
        let length = now - self.last_tick;
        self.last_tick = now;
        let elapsed = now - self.started;
        let point = self.timeline.add(elapsed, length, &measured);
        let counters = &self.shared.counters;
        let snapshot = Snapshot {
            elapsed_s: point.at_s,
            scheduled: get(&counters.scheduled),
            fired: get(&counters.fired),
            ended: get(&counters.ended),
            in_flight: self.shared.gate.in_flight(),
            failed: get(&counters.failed),
            expected_failures: get(&counters.expected_failures),
            late: self.merged.cells().iter().map(|c| c.late).sum(),
            shed: get(&counters.shed),
            paused: get(&counters.paused),
            expected_requests: self.expected_requests(),
            rate: point.ended as f64 / length.as_secs_f64().max(1e-3),
            response_p99_ms: point.response_p99_ms,
            lag_p99_ms: point.lag_p99_ms,
        };
        self.shared.show(&snapshot);
        snapshot
    }

    fn expected_requests(&self) -> f64 {
        match self.options.closed {
            Some(_) => 0.0,
            None => self.shared.plan.expected_requests().unwrap_or_default(),
        }
    }

    /// Lets nothing new begin.
    pub(crate) fn stop(&self) {
        self.shared.gate.stop();
        self.shared.pacer.stop();
    }

    /// Waits for the end and reports.
    pub(crate) async fn finish(
        mut self,
        mut progress: impl FnMut(&Snapshot),
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<Report> {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut interrupted = false;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tick.tick().await;
        let threads = std::mem::take(&mut self.ended);
        // A thread that ended, however it ended, has dropped its sender: both mean that it is over.
        let mut over = std::pin::pin!(async {
            for thread in threads {
                let _ = thread.await;
            }
        });
        let instances = self.targets.endpoints();
        let mut watched = std::pin::pin!(instances.watch());
        loop {
            tokio::select! {
                () = &mut over => break,
                () = &mut watched => {}
                _ = tick.tick() => progress(&self.tick()),
                () = &mut shutdown, if !interrupted => {
                    interrupted = true;
                    self.stop();
                }
            }
        }
        let elapsed = self.started.elapsed();
        let mut last = self.tick();
        // How many it would be was an estimate; a run that came to its end has sent all of them.
        if !interrupted && last.expected_requests > 0.0 {
            last.expected_requests = last.fired as f64;
        }
        progress(&last);
        let facts = crate::report::Facts {
            started_at: self.started_at,
            elapsed,
            interrupted,
            timeline: self.timeline.points().to_vec(),
            last,
            sessions: get(&self.shared.counters.sessions),
        };
        Ok(Report::new(
            &self.shared.plan,
            self.shared.kinds,
            &self.options,
            &self.shared.ids,
            &self.merged,
            facts,
        ))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Dropped in the middle (a cancelled future): the threads must not go on sending.
        self.stop();
    }
}

type MakeSender<'a> = &'a dyn Fn() -> Sender;

fn start_open(
    shared: &Arc<Shared>,
    options: &Options,
    threads: usize,
    sender: MakeSender<'_>,
    started: Instant,
) -> anyhow::Result<Vec<oneshot::Receiver<()>>> {
    let mut ended = Vec::new();
    let mut begins = Vec::new();
    for thread in 0..threads {
        let (send, receive) = mpsc::unbounded_channel();
        begins.push(send);
        let sessions = worker::sessions(Arc::clone(shared), thread, sender(), receive);
        ended.push(spawn(&format!("load-{thread}"), sessions)?);
    }
    let (shared, most) = (Arc::clone(shared), options.max_sessions);
    std::thread::Builder::new().name("load-pace".to_owned()).spawn(move || {
        let begin = |session, due| worker::begin(&shared, most, session, due, &begins);
        shared.pacer.pace(started, shared.plan.arrivals(), begin, || get(&shared.counters.alive) == 0);
    })?;
    Ok(ended)
}

fn start_closed(
    shared: &Arc<Shared>,
    threads: usize,
    connections: usize,
    path: Option<&str>,
    sender: MakeSender<'_>,
    started: Instant,
) -> anyhow::Result<Vec<oneshot::Receiver<()>>> {
    let end = shared.plan.duration().map(|d| started + d);
    let mut ended = Vec::new();
    for thread in 0..threads {
        let mine = (thread..connections).step_by(threads);
        let senders: Vec<Sender> = mine.map(|_| sender()).collect();
        let (shared, path) = (Arc::clone(shared), path.map(str::to_owned));
        let work = async move {
            let mut tasks = tokio::task::JoinSet::new();
            for sender in senders {
                let shared = Arc::clone(&shared);
                match path.clone() {
                    Some(path) => tasks.spawn(closed::url(shared, thread, sender, path, end)),
                    None => tasks.spawn(closed::sessions(shared, thread, sender, end)),
                };
            }
            while tasks.join_next().await.is_some() {}
        };
        ended.push(spawn(&format!("load-{thread}"), work)?);
    }
    Ok(ended)
}

/// Runs `work` on a thread with a runtime of its own. The receiver resolves when it has ended.
fn spawn(
    name: &str,
    work: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<oneshot::Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (over, ended) = oneshot::channel();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        runtime.block_on(work);
        // Nobody waits any more when the run was dropped.
        let _ = over.send(());
    })?;
    Ok(ended)
}
