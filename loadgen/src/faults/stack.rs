//! Where the parts of a running stack are controlled, and where its users ask.

use super::act::Act;
use super::listener::Listener;
use crate::client::Targets;
use std::collections::BTreeMap;
use std::time::Duration;

/// The control listeners of a stack.
#[derive(Debug, Clone)]
pub struct Stack {
    pub(super) settings: BTreeMap<String, Listener>,
    pub(super) control: Option<Listener>,
    pub(super) network: Option<Listener>,
    pub(super) targets: Targets,
    pub(super) lease: Duration,
}

/// How long an act outlives whoever began it.
const LEASE: Duration = Duration::from_secs(10);

/// Why a stack cannot be spoken to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is at {url:?}, which is no address: write http://HOST:PORT")]
pub struct StackError {
    what: String,
    url: String,
}

impl Stack {
    /// `settings` are the services' listeners by name, `control` is the supervisor's, `network` the relay's; parts that a stack
    /// does not have are left out, and what needs them is refused before anything is done.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(
        token: &str,
        settings: &BTreeMap<String, String>,
        control: Option<&str>,
        network: Option<&str>,
        targets: Targets,
    ) -> Result<Self, StackError> {
        let listener = |what: &str, url: &str| {
            Listener::new(what, url, token)
                .ok_or_else(|| StackError { what: what.to_owned(), url: url.to_owned() })
        };
        let settings = settings.iter().map(|(service, url)| Ok((service.clone(), listener(service, url)?)));
        Ok(Self {
            settings: settings.collect::<Result<_, _>>()?,
            control: control.map(|url| listener("the supervisor", url)).transpose()?,
            network: network.map(|url| listener("the network", url)).transpose()?,
            targets,
            lease: LEASE,
        })
    }

    /// With another time that an act outlives whoever began it. Listeners take up to an hour.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// The listener that carries an act out; the error says what is missing. None for requests, which need none.
    pub(super) fn listener(&self, act: &Act) -> Result<Option<&Listener>, String> {
        let missing = |what: &str| format!("this stack has no {what}");
        match act {
            Act::Settings { service, .. } => {
                let found = self.settings.get(service);
                found.map(Some).ok_or_else(|| missing(&format!("settings of {service}")))
            }
            Act::Deploy { .. } | Act::Signal { .. } => {
                self.control.as_ref().map(Some).ok_or_else(|| missing("listener that controls its processes"))
            }
            Act::Network { .. } => {
                self.network.as_ref().map(Some).ok_or_else(|| missing("relay between its processes"))
            }
            Act::Requests { .. } => Ok(None),
        }
    }
}
