//! Starts processes of the services: which program, with which environment, listening where.

use std::{collections::BTreeMap, ffi::OsString};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    super::{environment, fleet, settings::Settings},
    Instance, Lists, first_of_each,
};
use crate::{
    child::role::Role,
    ports::Ports,
    supervisor::{Event, Spec, Supervised},
};

/// Starts instances.
#[derive(Debug)]
pub(super) struct Launcher {
    settings: Settings,
    /// The base addresses of what runs beside the services.
    known: BTreeMap<String, String>,
    events: mpsc::UnboundedSender<Event>,
    at_once: CancellationToken,
}

impl Launcher {
    pub(super) fn new(
        settings: Settings,
        known: BTreeMap<String, String>,
        events: mpsc::UnboundedSender<Event>,
        at_once: CancellationToken,
    ) -> Self {
        Self { settings, known, events, at_once }
    }

    /// Starts the first instance of a service, on the ports that the stack was asked for. It knows the first of each of its
    /// `neighbours`.
    pub(super) async fn first(&self, role: Role, neighbours: Lists) -> Result<Instance, String> {
        self.start(role, role.name().to_owned(), None, self.settings.ports, neighbours).await
    }

    /// Starts a further instance, on free ports.
    pub(super) async fn further(
        &self,
        role: Role,
        name: String,
        version: Option<&str>,
        neighbours: Lists,
    ) -> Result<Instance, String> {
        self.forget(&name);
        let started = self.start(role, name.clone(), version, Ports::Auto, neighbours).await;
        started.inspect_err(|_| self.forget(&name))
    }

    /// Deletes what an instance of this name had for itself. What it shares with others stays.
    pub(super) fn forget(&self, name: &str) {
        // That there is nothing is what is usual.
        let _ = std::fs::remove_file(self.settings.home.settings(name));
    }

    async fn start(
        &self,
        role: Role,
        name: String,
        version: Option<&str>,
        ports: Ports,
        neighbours: Lists,
    ) -> Result<Instance, String> {
        let given = |name: &str| std::env::var(name).ok();
        let began_with = first_of_each(&neighbours);
        let neighbour = |service: &str| Some(began_with.get(service)?.first()?.url.clone());
        let url = |listener: &str| self.known.get(listener).cloned().or_else(|| neighbour(listener));
        let mut env = environment::of(role, &self.settings, url, given);
        env.extend(environment::of_instance(&self.settings, &name, version, given));
        let program = fleet::this_program().map_err(|failure| failure.message)?;
        let listen = role.listeners().iter().map(|l| ((*l).to_owned(), ports.address(l)));
        let spec = Spec {
            command: vec![program.into_os_string(), "run".into(), OsString::from(role.name())],
            listen: listen.collect(),
            trailing: Vec::new(),
            ready: role.ready(),
            env,
            log: self.settings.home.logs().join(format!("{name}.log")),
            name,
        };
        let supervised = Supervised::start(spec, self.events.clone(), self.at_once.clone()).await?;
        let version = version.map_or_else(|| environment::version(given), str::to_owned);
        Ok(Instance { role, version, deployed: None, began_with, supervised })
    }
}
