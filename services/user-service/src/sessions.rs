//! Logging in: a password check that is bounded in memory and time, and a signed token.

pub mod password;
pub mod routes;
mod settings;
mod store;
pub mod token;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use telemetry::Metrics;

pub(crate) use settings::SessionSettings;

use crate::config::SessionConfig;
use password::Checker;
use token::Signer;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// What logging in needs.
pub struct Sessions {
    checker: Checker,
    signer: Signer,
    outcomes: Family<Outcome, Counter>,
}

impl Sessions {
    pub(crate) fn new(config: &SessionConfig, settings: SessionSettings, metrics: &Metrics) -> Self {
        let outcomes = Family::<Outcome, Counter>::default();
        metrics.register(|registry| {
            registry.register("sessions", "Logins, by outcome", outcomes.clone());
        });
        Self {
            signer: Signer::new(config.secret.as_deref(), config.ttl),
            checker: Checker::new(settings),
            outcomes,
        }
    }

    fn count(&self, outcome: &'static str) {
        self.outcomes.get_or_create(&Outcome { outcome }).inc();
    }
}
