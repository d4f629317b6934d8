//! The processes of a stack: started in the order of their dependencies, stopped in the opposite order.

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr};

use tokio::sync::mpsc;

use super::{
    environment::{self, Addresses},
    scrape,
    set_aside::SetAside,
    settings::Settings,
};
use crate::{
    child::role::Role,
    failure::Failure,
    supervisor::{Event, Spec, Supervised},
};

/// The running processes of one stack, and where they listen.
#[derive(Debug)]
pub struct Fleet {
    running: Vec<Supervised>,
    addresses: Addresses,
    pids: BTreeMap<String, u32>,
    /// The damaged store files that parts set aside, from before the first of them was started.
    pub(super) set_aside: SetAside,
}

impl Fleet {
    /// Starts everything; when one part cannot start, stops what has started and says why.
    pub async fn start(settings: &Settings, events: &mpsc::UnboundedSender<Event>) -> Result<Self, Failure> {
        let mut fleet = Self {
            running: Vec::new(),
            addresses: BTreeMap::new(),
            pids: BTreeMap::new(),
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
        // The backend reads the file from its start on; the targets follow when their ports are known.
        self.write_targets(settings)?;
        self.start_together(&[Role::Backend], settings, events).await?;
        self.start_together(&[Role::UserService, Role::ProductService], settings, events).await?;
        self.start_together(&[Role::OrderService, Role::Console], settings, events).await?;
        if settings.load.is_some() {
            self.start_together(&[Role::Loadgen], settings, events).await?;
        }
        self.write_targets(settings)
    }

    fn write_targets(&self, settings: &Settings) -> Result<(), Failure> {
        let path = settings.home.scrape_file();
        let targets: BTreeMap<&str, SocketAddr> =
            ["user-service", "product-service", "order-service", "loadgen"]
                .into_iter()
                .filter_map(|job| self.addresses.get(job).map(|address| (job, *address)))
                .collect();
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
        let program = std::env::current_exe()
            .map_err(|e| Failure::environment(format!("cannot find this program to start its parts: {e}")))?;
        let starts = roles.iter().map(|role| {
            let command = [program.clone().into_os_string(), "run".into(), OsString::from(role.name())];
            let spec = Spec {
                name: role.name(),
                command: command.into(),
                listen: role
                    .listeners()
                    .iter()
                    .map(|l| ((*l).to_owned(), settings.ports.address(l)))
                    .collect(),
                ready: role.ready(),
                env: environment::of(*role, settings, &self.addresses, |name| std::env::var(name).ok()),
                log: settings.home.logs().join(format!("{}.log", role.name())),
            };
            Supervised::start(spec, events.clone())
        });
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
        self.addresses.get(listener).map(|address| format!("http://{address}"))
    }

    /// The process ids by name.
    pub fn pids(&self) -> &BTreeMap<String, u32> {
        &self.pids
    }

    /// Takes note of a restart.
    pub fn restarted(&mut self, name: &str, pid: u32) {
        self.pids.insert(name.to_owned(), pid);
    }

    /// Stops everything that writes telemetry, so that the backend holds the last of it.
    pub async fn stop_all_but_backend(&mut self) {
        while self.running.last().is_some_and(|process| process.name != Role::Backend.name()) {
            self.stop_last().await;
        }
    }

    /// Stops everything, the last started first.
    pub async fn stop(mut self) {
        while !self.running.is_empty() {
            self.stop_last().await;
        }
    }

    async fn stop_last(&mut self) {
        if let Some(process) = self.running.pop() {
            self.pids.remove(process.name);
            process.stop().await;
        }
    }
}
