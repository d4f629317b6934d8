//! The three services while they run: which instances there are, and what an operator does with them.
//!
//! One operation at a time. Each is carried out whole or leaves nothing of it behind; what it does to the requests of others is
//! told to those who send them (`routing`) before an instance goes and after one has come.

mod admin;
mod announce;
mod change;
mod followers;
mod instance;
mod launch;
mod network;
mod refused;
mod routing;
mod shares;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use balance::Endpoint;
use loadgen::relay::Relay;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(in crate::up) use change::Deploy;
pub(in crate::up) use instance::Shown;
pub(in crate::up) use refused::Refused;

use super::{scrape::Scrape, settings::Settings, terminal};
use crate::{
    child::role::Role,
    supervisor::{Control, Event},
};
use announce::Audience;
use instance::Instance;
use launch::Launcher;
use network::Network;
use routing::{Lists, Routing};

/// The services, in the order of their start: the one that calls the others comes last.
pub(in crate::up) const SERVICES: [Role; 3] = [Role::UserService, Role::ProductService, Role::OrderService];

/// The instances of the three services. Clones are of the same ones.
#[derive(Clone, Debug)]
pub(in crate::up) struct Services(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    launcher: Launcher,
    routing: Routing,
    token: String,
    scrape: Arc<Scrape>,
    events: mpsc::UnboundedSender<Event>,
    /// In the order of their start.
    instances: Mutex<Vec<Instance>>,
    /// Who of those that send has heard what.
    audience: Mutex<Audience>,
    /// Held by the operation that is being carried out.
    turn: tokio::sync::Mutex<()>,
    /// Cancelled when everything is about to stop.
    closing: CancellationToken,
}

impl Services {
    /// None of them runs yet. `known` are the base addresses of what does.
    pub(in crate::up) fn new(
        settings: &Settings,
        known: BTreeMap<String, String>,
        scrape: Arc<Scrape>,
        events: mpsc::UnboundedSender<Event>,
        at_once: CancellationToken,
    ) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Shared {
            launcher: Launcher::new(settings.clone(), known, events.clone(), at_once),
            routing: Routing::new(settings.admin_token.clone())?,
            token: settings.admin_token.clone(),
            scrape,
            events,
            instances: Mutex::default(),
            audience: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            closing: CancellationToken::new(),
        })))
    }

    /// Starts the first instance of each of these services, all at the same time. The error is of the first that failed; those
    /// that did not fail run.
    pub(in crate::up) async fn start(&self, roles: &[Role]) -> Result<(), String> {
        let starts = roles.iter().map(|role| {
            let lists = self.0.routing.endpoints(*role, &self.instances(), None);
            self.0.launcher.first(*role, lists)
        });
        // All of them are waited for: a start that is still under way must not be forgotten when another fails.
        let mut failed = None;
        for started in futures_util::future::join_all(starts).await {
            match started {
                Ok(instance) => {
                    let reached = self.0.routing.network().reach(&instance).await;
                    failed = failed.or(reached.err().map(|refused| refused.to_string()));
                    self.instances().push(instance);
                }
                Err(why) => failed = failed.or(Some(why)),
            }
        }
        self.list_targets();
        failed.map_or(Ok(()), Err)
    }

    fn instances(&self) -> MutexGuard<'_, Vec<Instance>> {
        // The list is whole after every statement.
        self.0.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The public address of the first instance of a service.
    pub(in crate::up) fn url(&self, service: &str) -> Option<String> {
        self.instances().iter().find(|instance| instance.service() == service).map(Instance::url)
    }

    /// The addresses of the settings, by service: those of the first instances.
    pub(in crate::up) fn admin_urls(&self) -> BTreeMap<String, String> {
        let instances = self.instances();
        let first = |role: &Role| instances.iter().find(|instance| instance.role == *role);
        let urls = SERVICES.iter().filter_map(first);
        urls.filter_map(|instance| Some((instance.service().to_owned(), instance.admin_url()?))).collect()
    }

    /// The process ids by instance.
    pub(in crate::up) fn pids(&self) -> BTreeMap<String, u32> {
        let pid = |instance: &Instance| (instance.name().to_owned(), instance.control().status().pid);
        self.instances().iter().map(pid).collect()
    }

    /// All instances by service.
    pub(in crate::up) fn shown(&self) -> Vec<(&'static str, Vec<Shown>)> {
        let instances = self.instances();
        let of = |role: Role| {
            let own: Vec<_> = instances.iter().filter(|instance| instance.role == role).collect();
            let deployed: Vec<_> = own.iter().map(|instance| instance.deployed).collect();
            let shares = shares::of(&deployed);
            own.iter().zip(shares).map(|(instance, share)| instance.shown(share)).collect()
        };
        SERVICES.into_iter().map(|role| (role.name(), of(role))).collect()
    }

    /// Where clients of the services find them: the load generator, and commands that send as it does.
    pub(in crate::up) fn endpoints(&self) -> BTreeMap<String, Vec<Endpoint>> {
        let resting = self.resting();
        self.0.routing.endpoints(Role::Loadgen, &self.instances(), resting.as_deref())
    }

    /// What carries the links to them.
    pub(in crate::up) fn relay(&self) -> Relay {
        self.0.routing.network().relay().clone()
    }

    /// The load generator has been started and knows these instances.
    pub(in crate::up) fn has_client(
        &self,
        address: SocketAddr,
        control: Control,
        knows: &BTreeMap<String, Vec<Endpoint>>,
    ) {
        self.0.routing.has_client(address, control, first_of_each(knows));
        self.0.scrape.set(Role::Loadgen.name(), vec![address]);
    }

    /// Puts all instances on the list of scrape targets.
    fn list_targets(&self) {
        let instances = self.instances();
        for role in SERVICES {
            let own = instances.iter().filter(|instance| instance.role == role);
            let addresses =
                own.filter_map(|instance| instance.supervised.listening.get(role.name()).copied());
            self.0.scrape.set(role.name(), addresses.collect());
        }
    }

    /// Lets no life of a process be followed by another, and no operation begin.
    pub(in crate::up) fn no_more_restarts(&self) {
        self.0.closing.cancel();
        self.instances().iter().for_each(|instance| instance.supervised.no_more_restarts());
    }

    /// Stops all instances, the last started first, once the operation that is under way is over.
    pub(in crate::up) async fn stop(&self) {
        self.no_more_restarts();
        let _turn = self.0.turn.lock().await;
        self.no_more_restarts();
        loop {
            // Not in the condition of the loop: the lock would be held while the instance stops.
            let Some(last) = self.instances().pop() else { return };
            terminal::stop(last.supervised).await;
        }
    }
}

/// What a process knows that has just been started: its environment has one address for each service.
fn first_of_each(lists: &Lists) -> Lists {
    let first = |list: &Vec<Endpoint>| {
        let first = list.first().map(|first| Endpoint { url: first.url.clone(), share: 1.0 });
        first.into_iter().collect()
    };
    lists.iter().map(|(service, list)| (service.clone(), first(list))).collect()
}
