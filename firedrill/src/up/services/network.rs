//! The links through which the services are reached: one for each instance and each who sends requests to it.
//!
//! They are carried by the process that keeps the others, at all times: that something passes a link says nothing about it. A
//! link keeps its address for as long as its instance is there, also when that has to be started again.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use loadgen::relay::Relay;

use super::{Instance, Refused};
use crate::child::role::Role;

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

/// The links by name: where each is entered.
#[derive(Debug, Default)]
pub(super) struct Network {
    relay: Relay,
    entries: Mutex<BTreeMap<String, SocketAddr>>,
}

impl Network {
    /// What carries them.
    pub(super) fn relay(&self) -> &Relay {
        &self.relay
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, SocketAddr>> {
        // The map is whole after every statement.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The base address at which a caller reaches an instance.
    pub(super) fn way(&self, caller: Role, instance: &Instance) -> String {
        let entry = self.entries().get(&name(caller, instance.name())).copied();
        entry.map_or_else(|| instance.url(), |entry| format!("http://{entry}"))
    }

    /// Makes the links to an instance; all of them or none.
    pub(super) async fn reach(&self, instance: &Instance) -> Result<(), Refused> {
        let Some(target) = instance.address() else { return Ok(()) };
        for caller in callers(instance.role) {
            let link = name(*caller, instance.name());
            match self.relay.link(&link, target.to_string()).await {
                Ok(entry) => drop(self.entries().insert(link, entry)),
                Err(refused) => {
                    self.leave(instance.name());
                    return Err(Refused::Failed(format!(
                        "no link to {} can be made: {refused}",
                        instance.name()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Takes the links to an instance away.
    pub(super) fn leave(&self, instance: &str) {
        let ending = format!(">{instance}");
        self.entries().retain(|link, _| {
            let goes = link.ends_with(&ending);
            if goes {
                self.relay.unlink(link);
            }
            !goes
        });
    }
}
