//! Rules over the backend's own store: files that are read and read again, a task for each group, alerts that Alertmanagers
//! are told of.

mod group;
mod load;
mod metrics;
mod notify;
mod restore;
mod shown;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use load::RuleFiles;
pub(crate) use shown::{Health, Running, Shown, ShownRule};

use self::group::Carried;
use crate::labels::Labels;
use crate::rules::alert::Externals;
use crate::rules::definition::Group;
use crate::time::now_ms;
use crate::{Backend, Config};

/// How many groups are evaluated at once.
const PLACES: usize = 2;
/// How many orders to read the files again may wait.
const RELOADS: usize = 8;

/// An order to read the files again, and who waits for what comes of it.
type Reload = oneshot::Sender<Result<(), String>>;

/// The groups that are evaluated, and those who are told of alerts.
#[derive(Debug)]
pub(crate) struct Rules {
    /// By file and name.
    groups: RwLock<Vec<Arc<Running>>>,
    receivers: Vec<Arc<notify::Receiver>>,
    externals: Externals,
    places: Arc<Semaphore>,
    reloads: mpsc::Sender<Reload>,
    /// What the files said at the start, and the orders to read them again: for the one task that evaluates them.
    begin: std::sync::Mutex<Option<(Vec<Group>, mpsc::Receiver<Reload>)>>,
    /// Whether the files could be read last, and when they could, by the clock.
    loaded: AtomicU64,
    loaded_at_ms: AtomicI64,
}

impl Rules {
    /// Takes the groups of the files, none of which is evaluated yet. `address` is where the program itself is found.
    pub(crate) fn new(config: &mut Config, address: &str) -> Self {
        let (reloads, orders) = mpsc::channel(RELOADS);
        let labels = config.external_labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let receivers = config.alertmanagers.iter().map(|base| Arc::new(notify::Receiver::new(base)));
        Self {
            groups: RwLock::default(),
            receivers: receivers.collect(),
            externals: Externals { labels: Labels::new(labels), url: format!("http://{address}") },
            places: Arc::new(Semaphore::new(PLACES)),
            reloads,
            begin: std::sync::Mutex::new(Some((config.rules.take_groups(), orders))),
            loaded: AtomicU64::new(1),
            loaded_at_ms: AtomicI64::new(now_ms()),
        }
    }

    /// The groups, by file and name.
    pub(crate) fn groups(&self) -> Vec<Arc<Running>> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where alerts are posted.
    pub(crate) fn alertmanagers(&self) -> impl Iterator<Item = &str> {
        self.receivers.iter().map(|receiver| receiver.url.as_str())
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// What is wrong with them; the rules stay as they were.
    pub(crate) async fn reload(&self) -> Result<(), String> {
        let stopping = || "the backend is stopping".to_owned();
        let (answer, answered) = oneshot::channel();
        self.reloads.send(answer).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }

    /// Whether the files could be read last, and when they could.
    pub(crate) fn last_load(&self) -> (bool, i64) {
        (self.loaded.load(Relaxed) == 1, self.loaded_at_ms.load(Relaxed))
    }

    fn note_load(&self, good: bool) {
        self.loaded.store(u64::from(good), Relaxed);
        if good {
            self.loaded_at_ms.store(now_ms(), Relaxed);
        }
    }
}

/// A group's task.
struct Task {
    running: Arc<Running>,
    stop: CancellationToken,
    handle: JoinHandle<Carried>,
}

/// Evaluates the rules of the files until `stop`, and tells of alerts.
pub(crate) async fn run(backend: Arc<Backend>, stop: CancellationToken) {
    let begin = backend.rules.begin.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((groups, mut orders)) = begin else { return };
    let sending = notify_all(&backend, &stop);
    let mut manager =
        Manager { backend: Arc::clone(&backend), tasks: BTreeMap::new(), stop: stop.clone(), begun: false };
    let patterns = backend.config.rules.patterns().to_vec();
    let mut files = backend.config.rules.watched();
    if !patterns.is_empty() {
        manager.apply(groups).await;
    }
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        let order = tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick(), if !patterns.is_empty() => None,
            order = orders.recv() => order,
        };
        if order.is_none() && !files.changed(&patterns) {
            continue;
        }
        let wanted = patterns.clone();
        let read = tokio::task::spawn_blocking(move || load::read(&wanted)).await;
        let read = read.unwrap_or_else(|error| Err(error.to_string()));
        backend.rules.note_load(read.is_ok());
        let answer = match read {
            Ok(groups) => {
                manager.apply(groups).await;
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "the rules cannot be read; the ones known stay");
                Err(error)
            }
        };
        if let Some(order) = order {
            // Who asked may have left.
            let _ = order.send(answer);
        }
    }
    for (_, task) in manager.tasks {
        task.stop.cancel();
        let _ = task.handle.await;
    }
    for sender in sending {
        let _ = sender.await;
    }
}

fn notify_all(backend: &Backend, stop: &CancellationToken) -> Vec<JoinHandle<()>> {
    if backend.rules.receivers.is_empty() {
        return Vec::new();
    }
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    match client {
        Ok(client) => {
            let receivers = backend.rules.receivers.iter();
            let run = |receiver: &Arc<notify::Receiver>| {
                tokio::spawn(Arc::clone(receiver).run(client.clone(), stop.clone()))
            };
            receivers.map(run).collect()
        }
        Err(error) => {
            tracing::error!(%error, "nobody is told of alerts: the HTTP client could not be made");
            Vec::new()
        }
    }
}

struct Manager {
    backend: Arc<Backend>,
    tasks: BTreeMap<(Arc<str>, Arc<str>), Task>,
    stop: CancellationToken,
    /// Whether groups were loaded before: only the first may have alerts from before a restart.
    begun: bool,
}

impl Manager {
    /// Goes over to these groups. One that stays the same is not disturbed; one that changes goes on with what it carries.
    async fn apply(&mut self, groups: Vec<Group>) {
        let mut old = std::mem::take(&mut self.tasks);
        let restores = !std::mem::replace(&mut self.begun, true);
        for group in groups {
            let key = (Arc::clone(&group.file), Arc::clone(&group.name));
            let task = match old.remove(&key) {
                Some(task) if task.running.definition.is_same(&group) => task,
                Some(task) => {
                    task.stop.cancel();
                    let carried = task.handle.await.unwrap_or_default();
                    let carried = carried.handed_to(&task.running.definition, &group);
                    self.start(group, carried)
                }
                None => {
                    let carried = Carried::new(&group, restores);
                    self.start(group, carried)
                }
            };
            self.tasks.insert(key, task);
        }
        for task in old.into_values() {
            self.retire(task);
        }
        let groups: Vec<_> = self.tasks.values().map(|task| Arc::clone(&task.running)).collect();
        let rules: usize = groups.iter().map(|group| group.definition.rules.len()).sum();
        tracing::info!(groups = groups.len(), rules, "evaluating rules");
        *self.backend.rules.groups.write().unwrap_or_else(PoisonError::into_inner) = groups;
    }

    fn start(&self, group: Group, carried: Carried) -> Task {
        let running = Arc::new(Running::new(Arc::new(group), self.backend.config.evaluation_interval));
        let stop = self.stop.child_token();
        let work = group::run(Arc::clone(&self.backend), Arc::clone(&running), carried, stop.clone());
        Task { running, stop, handle: tokio::spawn(work) }
    }

    /// Stops a group that is no more. Its series end, unless within two of its intervals another rule goes on with them.
    fn retire(&self, task: Task) {
        let (backend, stop) = (Arc::clone(&self.backend), self.stop.clone());
        tokio::spawn(async move {
            task.stop.cancel();
            let Ok(carried) = task.handle.await else { return };
            let now = now_ms();
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(task.running.interval * 2) => {}
            }
            let made = carried.states.into_iter().flat_map(|state| state.made);
            group::end(&backend, &made.chain(carried.left).collect(), now);
        });
    }
}
