//! The processes of a stack: started in the order of their dependencies, stopped in the opposite order.

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    environment,
    native::{self, Native},
    scrape,
    set_aside::SetAside,
    settings::{Backends, Settings},
    terminal,
};
use crate::{
    child::role::{self, Role},
    failure::Failure,
    native::files,
    supervisor::{self, Event, Spec, Supervised},
};

/// How long the stop of one part goes without a word.
const SILENCE: Duration = Duration::from_secs(1);

/// The running processes of one stack, and where they listen.
#[derive(Debug)]
pub struct Fleet {
    running: Vec<Supervised>,
    /// How many of the running ones, from the first on, are backends.
    backends: usize,
    addresses: BTreeMap<String, SocketAddr>,
    /// Base addresses of backends that this fleet has not started.
    external: BTreeMap<String, String>,
    native: Option<Native>,
    pids: BTreeMap<String, u32>,
    /// Cancelled when a stop is to wait for nothing any more.
    at_once: CancellationToken,
    /// The damaged store files that parts set aside, from before the first of them was started.
    pub(super) set_aside: SetAside,
}

impl Fleet {
    /// Starts everything; when one part cannot start, stops what has started and says why.
    ///
    /// Once `at_once` is cancelled, a start that is under way is given up, and whatever is left is killed instead of
    /// waited for.
    pub async fn start(
        settings: &Settings,
        events: &mpsc::UnboundedSender<Event>,
        at_once: CancellationToken,
    ) -> Result<Self, Failure> {
        let mut fleet = Self {
            running: Vec::new(),
            backends: 0,
            addresses: BTreeMap::new(),
            external: BTreeMap::new(),
            native: None,
            pids: BTreeMap::new(),
            at_once,
            set_aside: SetAside::since_now(settings.home.data()),
        };
        match fleet.start_all(settings, events).await {
            Ok(()) => Ok(fleet),
            Err(failure) => {
                fleet.stop().await;
                Err(failure)
            }
        }
    }

    async fn start_all(
        &mut self,
        settings: &Settings,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<(), Failure> {
        // The list is read from the start on; the targets follow when their ports are known.
        match &settings.backends {
            Backends::Embedded => {
                self.write_targets(settings)?;
                native::lay_out(settings, files::is_read_by_the_backend)?;
                self.start_together(&[Role::Backend], settings, events).await?;
            }
            Backends::Native { programs, tail_sampling } => {
                let native = Native::prepare(settings)?;
                let specs = native.specs(settings, programs, *tail_sampling)?;
                self.native = Some(native);
                self.write_targets(settings)?;
                self.start_specs(specs, events).await?;
            }
            Backends::External(urls) => self.external.clone_from(urls),
        }
        self.backends = self.running.len();
        self.start_together(&[Role::UserService, Role::ProductService], settings, events).await?;
        self.start_together(&[Role::OrderService, Role::Console], settings, events).await?;
        if settings.load.is_some() {
            self.start_together(&[Role::Loadgen], settings, events).await?;
        }
        self.write_targets(settings)
    }

    fn write_targets(&self, settings: &Settings) -> Result<(), Failure> {
        let mut path = settings.home.scrape_file();
        let mut targets: BTreeMap<&str, SocketAddr> =
            ["user-service", "product-service", "order-service", "loadgen"]
                .into_iter()
                .filter_map(|job| self.addresses.get(job).map(|address| (job, *address)))
                .collect();
        // The embedded backend is a process of the stack like the others, with figures of its own to look at; those of its
        // Alertmanager have the names that a real one gives them.
        if settings.backends == Backends::Embedded {
            let own = [("backend", "prometheus"), ("alertmanager", "alertmanager")];
            targets.extend(
                own.into_iter().filter_map(|(job, listener)| Some((job, *self.addresses.get(listener)?))),
            );
        }
        if let Some(native) = &self.native {
            path = native.targets().join("targets.json");
            targets.extend(native.own_jobs());
        }
        scrape::write(&path, &targets).map_err(|e| {
            Failure::environment(format!(
                "cannot write {}: {e}; free some space or name another --home",
                path.display()
            ))
        })
    }

    async fn start_together(
        &mut self,
        roles: &[Role],
        settings: &Settings,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<(), Failure> {
        let program = this_program()?;
        let specs = roles.iter().map(|role| {
            let command = [program.clone().into_os_string(), "run".into(), OsString::from(role.name())];
            Spec {
                name: role.name(),
                command: command.into(),
                listen: role
                    .listeners()
                    .iter()
                    .map(|l| ((*l).to_owned(), settings.ports.address(l)))
                    .collect(),
                trailing: Vec::new(),
                ready: role.ready(),
                env: environment::of(*role, settings, |l| self.url(l), |name| std::env::var(name).ok()),
                log: settings.home.logs().join(format!("{}.log", role.name())),
            }
        });
        let specs = specs.collect();
        self.start_specs(specs, events).await
    }

    async fn start_specs(
        &mut self,
        specs: Vec<Spec>,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Result<(), Failure> {
        let starts =
            specs.into_iter().map(|spec| Supervised::start(spec, events.clone(), self.at_once.clone()));
        // All of them are waited for: a start that is still under way must not be forgotten when another fails.
        let mut failed = None;
        for started in futures_util::future::join_all(starts).await {
            match started {
                Ok(process) => {
                    self.addresses.extend(process.listening.clone());
                    self.pids.insert(process.name.to_owned(), process.pid);
                    self.running.push(process);
                }
                Err(why) => failed = failed.or(Some(Failure::environment(why))),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The base address of a listener.
    pub fn url(&self, listener: &str) -> Option<String> {
        let own = self.addresses.get(listener).map(|address| format!("http://{address}"));
        own.or_else(|| self.external.get(listener).cloned())
    }

    /// The base addresses of the services' settings, by service.
    pub fn admin_urls(&self) -> BTreeMap<String, String> {
        let services = [Role::UserService, Role::ProductService, Role::OrderService].map(Role::name);
        let urls =
            services.into_iter().filter_map(|s| Some((s.to_owned(), self.url(&role::settings_of(s))?)));
        urls.collect()
    }

    /// Where the backends' own figures are, at `/metrics` below each base address.
    pub(super) fn figures_at(&self) -> Vec<String> {
        ["prometheus", "collector_metrics"].into_iter().filter_map(|listener| self.url(listener)).collect()
    }

    /// The process ids by name.
    pub fn pids(&self) -> &BTreeMap<String, u32> {
        &self.pids
    }

    /// What ends every stop at once, also one that is under way: whatever is left is killed instead of waited for.
    pub fn at_once(&self) -> CancellationToken {
        self.at_once.clone()
    }

    /// Takes note of a restart.
    pub fn restarted(&mut self, name: &str, pid: u32) {
        self.pids.insert(name.to_owned(), pid);
    }

    /// Stops everything that writes telemetry, so that the backends hold the last of it.
    pub async fn stop_all_but_backends(&mut self) {
        // Whoever asked this process to end may have asked its children, too (a service manager asks all of them at once).
        self.running.iter().for_each(Supervised::no_more_restarts);
        while self.running.len() > self.backends {
            self.stop_last().await;
        }
    }

    /// Stops everything, the last started first.
    pub async fn stop(mut self) {
        self.running.iter().for_each(Supervised::no_more_restarts);
        while !self.running.is_empty() {
            self.stop_last().await;
        }
    }

    async fn stop_last(&mut self) {
        if let Some(process) = self.running.pop() {
            let name = process.name;
            self.pids.remove(name);
            let stopping = process.stop();
            tokio::pin!(stopping);
            if tokio::time::timeout(SILENCE, &mut stopping).await.is_err() {
                terminal::warn(&format!(
                    "Waiting for {name} to end, {} s at most; Ctrl-C ends it at once.",
                    supervisor::PATIENCE.as_secs()
                ));
                stopping.await;
            }
        }
    }
}

/// This program's file, to start its parts from.
pub(super) fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|e| Failure::environment(format!("cannot find this program to start its parts: {e}")))
}
