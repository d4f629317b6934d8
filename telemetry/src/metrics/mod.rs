//! The metric registry of one process: OpenMetrics 1.0 with exemplars, pulled by Prometheus; the text format for who does not
//! ask for that.
//!
//! The label `service` is on everything in a registry. Families other parts own are added with [`Metrics::register`]. Label
//! values are route templates, known methods and status codes: never ids.

mod exemplar;
mod families;
mod format;
mod intern;
mod process;
mod routes;

use std::borrow::Cow;
use std::sync::{Arc, RwLock};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

pub use exemplar::{Exemplar, ExemplarHistogram};
pub use families::{ClientLabels, ClientStatus, DURATION_BUCKETS, ServerLabels};
pub use intern::route;
pub use routes::{CONTENT_TYPE, TEXT_CONTENT_TYPE, answer, routes};

use families::Families;
pub(crate) use families::{Counts, Roots};

use crate::controls::Controls;

/// The registry and the standard families. Cheap to clone; all clones are the same registry.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: RwLock<Registry>,
    families: Families,
    controls: Controls,
}

impl Metrics {
    /// A registry whose every sample carries `service`, with the standard families, `process_*` and `build_info`.
    #[must_use]
    pub fn new(service: &str, version: &str) -> Metrics {
        Metrics::with(service, version, Controls::default())
    }

    pub(crate) fn with(service: &str, version: &str, controls: Controls) -> Metrics {
        let label = (Cow::Borrowed("service"), Cow::Owned(service.to_owned()));
        let mut registry = Registry::with_labels(std::iter::once(label));
        let families = Families::register(&mut registry, version);
        registry.register_collector(Box::new(process::ProcessCollector));
        Metrics(Arc::new(Inner { registry: RwLock::new(registry), families, controls }))
    }

    /// Adds families to the registry. The label `service` is applied to them; names must not repeat.
    pub fn register(&self, f: impl FnOnce(&mut Registry)) {
        f(&mut self.0.registry.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// The exposition in OpenMetrics 1.0 text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        let registry = self.0.registry.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Writing into a String fails only when a metric's own encoder does; what was written until then is not an
        // exposition, so nothing is answered.
        if encode(&mut text, &registry).is_err() {
            text.clear();
        }
        text
    }

    /// Counter of what was lost of `signal` (one of [`crate::names::signal`]).
    #[must_use]
    pub fn dropped(&self, signal: &'static str) -> Counter {
        self.0.families.dropped(signal)
    }

    /// What of the process' telemetry can change while it runs.
    #[must_use]
    pub fn controls(&self) -> &Controls {
        &self.0.controls
    }

    pub(crate) fn families(&self) -> &Families {
        &self.0.families
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}
