//! The ways to the instances of one service: an address, read once, and the connections to it.

use super::pool::Pool;
use super::target::Target;
use balance::{Balancer, Chosen};
use std::sync::{Arc, Mutex, PoisonError};

/// One instance, as requests are sent to it.
#[derive(Debug)]
pub(super) struct Way {
    url: String,
    pub(super) target: Target,
    pub(super) pool: Pool,
}

/// The instances that requests were sent to. There are a few at most, so they are looked for one by one.
#[derive(Debug, Default)]
pub(super) struct Ways(Mutex<Vec<Arc<Way>>>);

impl Ways {
    /// The way to an instance; a new one closes those to instances that are gone. None if its address cannot be read.
    pub(super) fn to(&self, chosen: &Chosen, instances: &Balancer) -> Option<Arc<Way>> {
        let mut ways = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(way) = ways.iter().find(|way| way.url == chosen.url()) {
            return Some(Arc::clone(way));
        }
        let (target, _) = Target::parse(chosen.url(), "an instance").ok()?;
        let pool = Pool::new(target.authority.clone());
        let way = Arc::new(Way { url: chosen.url().to_owned(), target, pool });
        let now = instances.shown();
        ways.retain(|way| now.iter().any(|shown| shown.url == way.url));
        ways.push(Arc::clone(&way));
        Some(way)
    }
}
