//! One instance of a service, and what is told of it.

use std::net::SocketAddr;

use serde::Serialize;

use super::Lists;
use crate::{
    child::role::{self, Role},
    supervisor::{Control, State, Supervised},
};

/// A process of a service.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) role: Role,
    pub(super) version: String,
    /// The part of the requests that was asked for it; none for one that shares alike.
    pub(super) deployed: Option<f64>,
    /// The neighbours that its environment names.
    pub(super) began_with: Lists,
    pub(super) supervised: Supervised,
}

/// An instance, for whoever looks.
#[derive(Clone, Debug, Serialize)]
pub(in crate::up) struct Shown {
    /// Its name: the service's for the first one, with a number behind it for others.
    pub(in crate::up) instance: String,
    pub(in crate::up) version: String,
    pub(in crate::up) pid: u32,
    /// The public address.
    pub(in crate::up) url: String,
    /// Where its settings are.
    pub(in crate::up) admin_url: Option<String>,
    pub(in crate::up) state: State,
    /// How often it was started again.
    pub(in crate::up) restarts: u32,
    /// When it was started last.
    pub(in crate::up) started_at: String,
    /// Its part of the requests.
    pub(in crate::up) share: f64,
    /// Whether it was deployed beside the others.
    pub(in crate::up) deployed: bool,
}

impl Instance {
    pub(super) fn name(&self) -> &str {
        &self.supervised.name
    }

    pub(super) fn service(&self) -> &'static str {
        self.role.name()
    }

    pub(super) fn control(&self) -> Control {
        self.supervised.control().clone()
    }

    /// Where its public listener is.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.supervised.listening.get(self.role.name()).copied()
    }

    /// The base address of its public listener.
    pub(super) fn url(&self) -> String {
        self.base(self.role.name()).unwrap_or_default()
    }

    /// The base address of the listener of its settings.
    pub(super) fn admin_url(&self) -> Option<String> {
        self.base(&role::settings_of(self.role.name()))
    }

    fn base(&self, listener: &str) -> Option<String> {
        self.supervised.listening.get(listener).map(|address| format!("http://{address}"))
    }

    pub(super) fn shown(&self, share: f64) -> Shown {
        let status = self.supervised.control().status();
        Shown {
            instance: self.name().to_owned(),
            version: self.version.clone(),
            pid: status.pid,
            url: self.url(),
            admin_url: self.admin_url(),
            state: status.state,
            restarts: status.restarts,
            started_at: status.started_at.to_string(),
            share,
            deployed: self.deployed.is_some(),
        }
    }
}
