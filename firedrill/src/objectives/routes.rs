//! The routes of the stack's Alertmanager, as the `slo` crate asks for them: the built-in Alertmanager's own code decides.

use std::collections::BTreeMap;

use slo::contract::Routing;

use crate::{
    failure::Failure,
    native::files::{self, ALERTMANAGER, CHECKOUT},
};

/// The configuration on disk, else the one that the program carries.
#[derive(Debug)]
pub struct Routes(backend::Routing);

impl Routes {
    /// Reads it.
    ///
    /// # Errors
    /// It has a mistake, or cannot be read.
    pub fn open() -> Result<Self, Failure> {
        let text = files::text(CHECKOUT.as_ref(), ALERTMANAGER)
            .map_err(|error| Failure::environment(format!("cannot read {error}")))?;
        backend::Routing::read(ALERTMANAGER, &text).map(Self).map_err(Failure::not_good)
    }
}

impl Routing for Routes {
    fn receivers(&self, labels: &BTreeMap<String, String>) -> Vec<String> {
        self.0.receivers(labels)
    }

    fn held_back(&self, firing: &[BTreeMap<String, String>]) -> Vec<Option<usize>> {
        self.0.held_back(firing)
    }
}
