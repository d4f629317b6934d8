//! What a step does, before and after its words are filled in. Values only.

use super::template::Words;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// One step of a fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// How long after the onset it begins.
    pub after: Duration,
    /// How long it lasts; none: to the end.
    pub length: Option<Duration>,
    /// How long it outlives whoever began it, where that has to be longer than usual: whoever holds the lease may not be there to
    /// have it renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Duration>,
    /// What is done.
    #[serde(flatten)]
    pub act: Act,
}

/// Something that an operator, a client or an accident could do, too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// Changes settings of a service.
    Settings {
        /// Which service.
        service: String,
        /// The new values.
        set: Map<String, Value>,
    },
    /// Starts a second instance of another version, which gets a share of the requests.
    Deploy {
        /// Of which service.
        service: String,
        /// Its version.
        version: String,
        /// Its share: 0 to 1.
        share: Value,
        /// What is set differently in it.
        set: Map<String, Value>,
    },
    /// Makes a link a bad one.
    Network {
        /// Which link.
        link: String,
        /// Its condition.
        set: Map<String, Value>,
    },
    /// Stops a process for a time, or kills it.
    Signal {
        /// Of which service.
        service: String,
        /// What is sent.
        signal: Signal,
        /// How often again; none: once.
        every: Option<Duration>,
    },
    /// Sends requests as further clients would.
    Requests {
        /// Whom.
        service: String,
        /// HTTP method.
        method: String,
        /// Path and query.
        path: String,
        /// JSON body, if it has one.
        body: Option<String>,
        /// So many a second.
        rate: Value,
        /// The status that these users want; none: what they feel does not count.
        expect: Option<u16>,
    },
}

/// What a process can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Stand still, until the step ends.
    Stop,
    /// End at once; it is restarted.
    Kill,
}

impl Signal {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Kill => "kill",
        }
    }
}

impl Act {
    /// With its words filled in. The error names the word that stands for nothing.
    pub(super) fn filled(&self, words: &Words) -> Result<Self, String> {
        let text = |text: &String| words.text(text);
        Ok(match self {
            Self::Settings { service, set } => {
                Self::Settings { service: text(service)?, set: words.object(set)? }
            }
            Self::Deploy { service, version, share, set } => Self::Deploy {
                service: text(service)?,
                version: text(version)?,
                share: words.value(share)?,
                set: words.object(set)?,
            },
            Self::Network { link, set } => Self::Network { link: text(link)?, set: words.object(set)? },
            Self::Signal { service, signal, every } => {
                Self::Signal { service: text(service)?, signal: *signal, every: *every }
            }
            Self::Requests { service, method, path, body, rate, expect } => Self::Requests {
                service: text(service)?,
                method: method.clone(),
                path: text(path)?,
                body: body.as_ref().map(text).transpose()?,
                rate: words.value(rate)?,
                expect: *expect,
            },
        })
    }

    /// What it takes hold of: two acts that have one of these in common cannot be on at the same time.
    pub(super) fn holds(&self) -> Vec<String> {
        match self {
            Self::Settings { service, set } => {
                set.keys().map(|key| format!("the setting {key} of {service}")).collect()
            }
            Self::Deploy { service, .. } => vec![format!("the deployment of {service}")],
            Self::Network { link, .. } => vec![format!("the link {link}")],
            Self::Signal { service, .. } => vec![format!("the process of {service}")],
            Self::Requests { .. } => Vec::new(),
        }
    }
}
