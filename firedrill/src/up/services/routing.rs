//! Tells those who send requests which instances there are: order-service about its neighbours, the load generator about all
//! three services.
//!
//! Who has just been started knows the addresses of its environment and no others. Who could not be told (it hangs, it is being
//! started again) is told as soon as it can be: once a second it is looked who has not heard the latest.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use balance::Endpoint;
use futures_util::future::join_all;
use tokio::time::MissedTickBehavior;

use super::{Instance, Network, shares};
use crate::{child::role::Role, supervisor::Control};

/// How long somebody may take to hear of a change.
const HEARING: Duration = Duration::from_secs(2);
/// Between two looks at who has not heard the latest.
const EACH: Duration = Duration::from_secs(1);

/// The instances of each service, for one who sends to them.
pub(super) type Lists = BTreeMap<String, Vec<Endpoint>>;

/// Whom a role sends requests to.
fn peers(role: Role) -> &'static [Role] {
    match role {
        Role::OrderService => &[Role::UserService, Role::ProductService],
        Role::Loadgen => &super::SERVICES,
        _ => &[],
    }
}

/// One who sends requests, as it is now, and what it should know.
#[derive(Debug)]
pub(super) struct Receiver {
    name: String,
    pid: u32,
    /// Where it hears; nobody else's address comes to one without.
    base: String,
    /// What it knew when it was started, and knows again when it is started again.
    began_with: Lists,
    wanted: Lists,
}

/// The load generator.
#[derive(Debug)]
struct Client {
    address: SocketAddr,
    control: Control,
    began_with: Lists,
}

/// Who was told what.
#[derive(Debug)]
pub(in crate::up) struct Routing {
    http: reqwest::Client,
    token: String,
    network: Network,
    client: Mutex<Option<Client>>,
    /// By name: the process that was told, and what.
    told: Mutex<BTreeMap<String, (u32, Lists)>>,
}

impl Routing {
    pub(in crate::up) fn new(token: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(HEARING).build()?;
        let network = Network::default();
        Ok(Self { http, token, network, client: Mutex::default(), told: Mutex::default() })
    }

    /// The links through which instances are reached.
    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// The instances that a role sends to, as it reaches them; not the one that rests, unless it is the only one.
    pub(super) fn endpoints(&self, role: Role, instances: &[Instance], resting: Option<&str>) -> Lists {
        let of = |peer: Role| -> Vec<Endpoint> {
            let all: Vec<_> = instances.iter().filter(|instance| instance.role == peer).collect();
            let awake: Vec<_> =
                all.iter().copied().filter(|instance| Some(instance.name()) != resting).collect();
            let chosen = if awake.is_empty() { all } else { awake };
            let deployed: Vec<_> = chosen.iter().map(|instance| instance.deployed).collect();
            let shares = shares::of(&deployed);
            chosen
                .iter()
                .zip(shares)
                .map(|(to, share)| Endpoint { url: self.network.way(role, to), share })
                .collect()
        };
        let lists = peers(role).iter().map(|peer| (peer.name().to_owned(), of(*peer)));
        lists.filter(|(_, list)| !list.is_empty()).collect()
    }

    /// The load generator has been started.
    pub(super) fn has_client(&self, address: SocketAddr, control: Control, began_with: Lists) {
        let client = Client { address, control, began_with };
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
    }

    /// Where the load generator listens.
    pub(super) fn client_address(&self) -> Option<SocketAddr> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|client| client.address)
    }

    /// Everybody who sends requests to the services, and what each of them should know.
    pub(super) fn receivers(&self, instances: &[Instance], resting: Option<&str>) -> Vec<Receiver> {
        let callers = instances.iter().filter(|instance| !peers(instance.role).is_empty());
        let callers = callers.filter_map(|instance| {
            Some(Receiver {
                name: instance.name().to_owned(),
                pid: instance.control().status().pid,
                base: instance.admin_url()?,
                began_with: instance.began_with.clone(),
                wanted: self.endpoints(instance.role, instances, resting),
            })
        });
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let client = client.as_ref().map(|client| Receiver {
            name: Role::Loadgen.name().to_owned(),
            pid: client.control.status().pid,
            base: format!("http://{}", client.address),
            began_with: client.began_with.clone(),
            wanted: self.endpoints(Role::Loadgen, instances, resting),
        });
        callers.chain(client).collect()
    }

    /// Tells those who have not heard the latest. Who does not hear now is told later.
    pub(super) async fn tell(&self, receivers: Vec<Receiver>) {
        join_all(
            receivers
                .into_iter()
                .filter(|receiver| self.lags(receiver))
                .map(|receiver| self.tell_one(receiver)),
        )
        .await;
    }

    fn lags(&self, receiver: &Receiver) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let knows = told.get(&receiver.name).filter(|(pid, _)| *pid == receiver.pid).map(|(_, lists)| lists);
        *knows.unwrap_or(&receiver.began_with) != receiver.wanted
    }

    async fn tell_one(&self, receiver: Receiver) {
        let Receiver { name, pid, base, wanted, .. } = receiver;
        let request = self.http.put(format!("{base}/endpoints")).bearer_auth(&self.token).json(&wanted);
        if request.send().await.and_then(reqwest::Response::error_for_status).is_ok() {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (pid, wanted));
        }
    }

    /// Looks once a second who has not heard the latest, for as long as it is polled.
    pub(super) async fn keep(&self, receivers: impl Fn() -> Vec<Receiver>) {
        let mut tick = tokio::time::interval(EACH);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.tell(receivers()).await;
        }
    }
}
