//! The links through which the services are reached: one for each instance and each who sends requests to it.
//!
//! A link keeps its address for as long as its instance is there, also when the process that carries it has to be started again.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{Instance, Refused};
use crate::{
    child::role::Role,
    supervisor::{Control, Spec},
};

/// The longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// What the process learns its links from when it is started.
const VARIABLE: &str = "NETWORK_LINKS";

/// Who reaches the instances of a service through links.
fn callers(service: Role) -> &'static [Role] {
    match service {
        Role::UserService | Role::ProductService => &[Role::OrderService],
        Role::OrderService => &[Role::Loadgen],
        _ => &[],
    }
}

/// The name of a link.
fn name(caller: Role, instance: &str) -> String {
    format!("{}>{instance}", caller.name())
}

/// One link: where it is entered, and where it leads.
#[derive(Clone, Copy, Debug)]
struct Link {
    listen: SocketAddr,
    target: SocketAddr,
}

/// The process that carries the links.
#[derive(Clone, Debug)]
struct Carrier {
    base: String,
    control: Control,
}

/// The links by name.
#[derive(Debug)]
pub(super) struct Network {
    http: reqwest::Client,
    token: String,
    carrier: Mutex<Option<Carrier>>,
    links: Mutex<BTreeMap<String, Link>>,
}

impl Network {
    pub(super) fn new(token: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER).build()?;
        Ok(Self { http, token, carrier: Mutex::default(), links: Mutex::default() })
    }

    /// The process has been started, without links.
    pub(super) fn has_carrier(&self, base: String, control: Control) {
        *self.carrier.lock().unwrap_or_else(PoisonError::into_inner) = Some(Carrier { base, control });
    }

    fn carrier(&self) -> Option<Carrier> {
        self.carrier.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<String, Link>> {
        // The map is whole after every statement.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The base address at which a caller reaches an instance.
    pub(super) fn way(&self, caller: Role, instance: &Instance) -> String {
        let link = self.links().get(&name(caller, instance.name())).copied();
        link.map_or_else(|| instance.url(), |link| format!("http://{}", link.listen))
    }

    /// Makes the links to an instance that has none; all of them or none.
    pub(super) async fn reach(&self, instance: &str, role: Role, target: SocketAddr) -> Result<(), Refused> {
        let Some(carrier) = self.carrier() else { return Ok(()) };
        for caller in callers(role) {
            let link = name(*caller, instance);
            if self.links().contains_key(&link) {
                continue;
            }
            let body = json!({"name": link, "target": target.to_string()});
            match self.ask(&carrier, Method::POST, "/links", Some(&body)).await {
                Ok(listen) => drop(self.links().insert(link, Link { listen, target })),
                Err(refused) => {
                    self.leave(instance).await;
                    return Err(refused);
                }
            }
        }
        self.remember(&carrier).await;
        Ok(())
    }

    /// Takes the links to an instance away.
    pub(super) async fn leave(&self, instance: &str) {
        let Some(carrier) = self.carrier() else { return };
        let ending = format!(">{instance}");
        let gone: Vec<String> = self.links().keys().filter(|link| link.ends_with(&ending)).cloned().collect();
        for link in gone {
            // One that stays leads nowhere.
            let path = format!("/links/{}", link.replace('>', "%3E"));
            drop(self.ask(&carrier, Method::DELETE, &path, None).await);
            self.links().remove(&link);
        }
        self.remember(&carrier).await;
    }

    /// Has the process begin with the links of now when it has to be started again.
    async fn remember(&self, carrier: &Carrier) {
        let links = self.links().clone();
        let targets: BTreeMap<_, _> =
            links.iter().map(|(name, link)| (name.clone(), link.target.to_string())).collect();
        let amend = move |spec: &mut Spec| {
            let own = Role::Network.name();
            spec.listen.retain(|listener, _| listener == own);
            spec.listen.extend(links.into_iter().map(|(name, link)| (name, link.listen)));
            spec.env.insert(VARIABLE.to_owned(), json!(targets).to_string());
        };
        carrier.control.amend(amend).await;
    }

    /// Where the link is entered that the answer is about.
    async fn ask(
        &self,
        carrier: &Carrier,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<SocketAddr, Refused> {
        let mut request =
            self.http.request(method, format!("{}{path}", carrier.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let failed = |e: reqwest::Error| Refused::Failed(format!("the network cannot be reached: {e}"));
        let answer = request.send().await.map_err(failed)?;
        let answer: Value = answer.json().await.map_err(failed)?;
        let listen = answer["listen"].as_str().and_then(|listen| listen.parse().ok());
        let detail = || answer["detail"].as_str().unwrap_or("it gives no address").to_owned();
        listen.ok_or_else(|| Refused::Failed(format!("the network makes no link: {}", detail())))
    }
}
