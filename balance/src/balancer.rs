//! The instances of one service: a list that changes while requests are under way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::Serialize;

use crate::endpoint::{self, Endpoint, Wrong};
use crate::health::{Health, Told};
use crate::{probe, share};

/// An instance and what is known of it.
#[derive(Debug)]
pub(crate) struct Instance {
    url: Arc<str>,
    /// `host:port`.
    pub(crate) authority: String,
    share: f64,
    health: Arc<Mutex<Health>>,
}

impl Instance {
    fn is_fit(&self) -> bool {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).is_fit()
    }

    pub(crate) fn probed(&self, well: bool) {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).probed(well);
    }
}

type List = Arc<[Arc<Instance>]>;

/// Chooses among the instances of one service. Clones share the list.
#[derive(Debug, Clone)]
pub struct Balancer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    list: RwLock<List>,
    requests: AtomicU64,
}

/// The instance that a request goes to.
#[derive(Debug, Clone)]
pub struct Chosen(Arc<Instance>);

/// An instance, for whoever looks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Its base address.
    pub url: String,
    /// Its part of the requests.
    pub share: f64,
    /// Whether it gets them.
    pub healthy: bool,
}

impl Balancer {
    /// With one instance, at this base address.
    ///
    /// # Errors
    /// When that is no such address.
    pub fn single(url: &str) -> Result<Self, Wrong> {
        let url = url.trim_end_matches('/').to_owned();
        Self::new(&[Endpoint { url, share: 1.0 }])
    }

    /// With these instances.
    ///
    /// # Errors
    /// What is wrong with the list.
    pub fn new(endpoints: &[Endpoint]) -> Result<Self, Wrong> {
        let list = listed(endpoints, &[])?;
        Ok(Self(Arc::new(Shared { list: RwLock::new(list), requests: AtomicU64::new(0) })))
    }

    /// Takes another list; what is known of an instance that stays is kept.
    ///
    /// # Errors
    /// What is wrong with the list; then the old one stays.
    pub fn replace(&self, endpoints: &[Endpoint]) -> Result<(), Wrong> {
        let mut list = self.0.list.write().unwrap_or_else(PoisonError::into_inner);
        *list = listed(endpoints, &list)?;
        Ok(())
    }

    /// The instances as they are now.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let shown = |instance: &Arc<Instance>| Shown {
            url: instance.url.as_ref().to_owned(),
            share: instance.share,
            healthy: instance.is_fit(),
        };
        self.list().iter().map(shown).collect()
    }

    /// The instance for the next request: over any number of requests, each has its part of them.
    #[must_use]
    pub fn next(&self) -> Chosen {
        // The counter alone decides: two threads may take their turns in any order.
        self.at(share::even(self.0.requests.fetch_add(1, Ordering::Relaxed)))
    }

    /// The instance for a request that falls at this point of the line from 0 to 1, for who decides by other means.
    #[must_use]
    pub fn at(&self, point: f64) -> Chosen {
        let list = self.list();
        if let [only] = &*list {
            return Chosen(Arc::clone(only));
        }
        let shares = list.iter().enumerate().map(|(index, instance)| (index, instance.share));
        let fit = shares.clone().filter(|(index, _)| list[*index].is_fit());
        // When nobody is fit the requests have to show it.
        let index = share::holder(fit, point).or_else(|| share::holder(shares, point)).unwrap_or(0);
        Chosen(Arc::clone(&list[index]))
    }

    /// Probes the instances once a second, when there are several, for as long as it is polled.
    pub async fn watch(&self) {
        probe::each_second(|| self.list()).await;
    }

    pub(crate) fn list(&self) -> List {
        Arc::clone(&self.0.list.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn listed(endpoints: &[Endpoint], before: &[Arc<Instance>]) -> Result<List, Wrong> {
    endpoint::check(endpoints)?;
    let instance = |Endpoint { url, share }: &Endpoint| {
        let known = before.iter().find(|known| *known.url == **url);
        Arc::new(Instance {
            url: known.map_or_else(|| Arc::from(url.as_str()), |known| Arc::clone(&known.url)),
            authority: endpoint::authority(url).unwrap_or_default(),
            share: *share,
            health: known.map(|known| Arc::clone(&known.health)).unwrap_or_default(),
        })
    };
    Ok(endpoints.iter().map(instance).collect())
}

impl Chosen {
    /// Its base address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Notes what the request told of it.
    pub fn tell(&self, told: Told) {
        self.0.health.lock().unwrap_or_else(PoisonError::into_inner).requested(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "http://127.0.0.1:1";
    const B: &str = "http://127.0.0.1:2";

    fn list(a: f64, b: f64) -> Vec<Endpoint> {
        vec![Endpoint { url: A.into(), share: a }, Endpoint { url: B.into(), share: b }]
    }

    fn counts(balancer: &Balancer, requests: usize) -> (usize, usize) {
        let urls: Vec<_> = (0..requests).map(|_| balancer.next().url().to_owned()).collect();
        let of = |url: &str| urls.iter().filter(|chosen| *chosen == url).count();
        (of(A), of(B))
    }

    fn is_even((a, b): (usize, usize)) -> bool {
        a.abs_diff(b) <= 6
    }

    #[test]
    fn requests_are_split_by_share() {
        let balancer = Balancer::new(&list(0.75, 0.25)).expect("a list");
        let (a, b) = counts(&balancer, 1_000);
        assert!((745..=755).contains(&a) && a + b == 1_000, "{a} {b}");
        assert_eq!(counts(&Balancer::new(&list(1.0, 0.0)).expect("a list"), 100), (100, 0));
    }

    #[test]
    fn who_is_unreachable_gets_nothing_until_a_probe_is_answered() {
        let balancer = Balancer::new(&list(0.5, 0.5)).expect("a list");
        balancer.at(0.9).tell(Told::Unreachable);
        assert_eq!(counts(&balancer, 100), (100, 0));
        assert_eq!(balancer.shown().iter().map(|shown| shown.healthy).collect::<Vec<_>>(), [true, false]);
        balancer.list()[1].probed(true);
        assert!(is_even(counts(&balancer, 100)));
    }

    #[test]
    fn where_nobody_is_fit_all_are_tried_but_those_without_a_share() {
        let balancer = Balancer::new(&list(0.5, 0.5)).expect("a list");
        for point in [0.1, 0.9] {
            balancer.at(point).tell(Told::Unreachable);
        }
        assert!(is_even(counts(&balancer, 100)));
        balancer.replace(&list(0.0, 0.5)).expect("a list");
        assert_eq!(counts(&balancer, 100), (0, 100));
    }

    #[test]
    fn a_new_list_keeps_what_is_known_and_a_wrong_one_changes_nothing() {
        let balancer = Balancer::single(A).expect("an address");
        balancer.next().tell(Told::Unreachable);
        balancer.replace(&list(0.5, 0.5)).expect("a list");
        assert_eq!(counts(&balancer, 10), (0, 10));
        assert!(balancer.replace(&[]).is_err());
        assert_eq!(balancer.shown().len(), 2);
    }

    #[test]
    fn an_address_may_end_with_a_slash_where_there_is_but_one() {
        assert_eq!(Balancer::single("http://127.0.0.1:1/").expect("an address").next().url(), A);
        assert!(Balancer::single("users").is_err());
    }
}
