//! The links of the relay, with their conditions and leases. No HTTP and no bytes.

use super::condition::{Change, Condition};
use super::leases::{self, Leased, Leases};
use super::link::{self, Wire};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// Most links at a time.
const MOST_LINKS: usize = 64;
/// Longest name.
const LONGEST_NAME: usize = 80;

/// There is no such link or lease.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Absent {
    #[error("no link {0:?}; known are {1}")]
    Link(String, String),
    #[error("no lease {0:?}: it has ended, or never was")]
    Lease(String),
}

/// Why a link cannot be had or changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The name is taken.
    #[error("there is a link {0:?} already; remove it first")]
    Known(String),
    /// There are too many links.
    #[error("at most {MOST_LINKS} links: remove one first")]
    TooMany,
    /// The name would not fit into a path or a log line.
    #[error("a name has 1 to {LONGEST_NAME} letters, digits and characters of `.-_>:`, not {0:?}")]
    Name(String),
    /// The target is no address.
    #[error("a target is HOST:PORT, such as 127.0.0.1:5002, not {0:?}")]
    Target(String),
    /// No port could be had.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
}

/// Why a condition was not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unchanged {
    #[error(transparent)]
    Absent(#[from] Absent),
    #[error("too many leases at a time: end one first")]
    TooManyLeases,
}

/// A link that carries; dropped, it closes its listener and its connections.
#[derive(Debug)]
struct Carrying {
    wire: Arc<Wire>,
    task: AbortHandle,
}

impl Drop for Carrying {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug, Default)]
struct State {
    links: BTreeMap<String, Carrying>,
    leases: Leases,
}

impl State {
    fn wire(&self, name: &str) -> Result<Arc<Wire>, Absent> {
        self.links.get(name).map(|link| Arc::clone(&link.wire)).ok_or_else(|| {
            let known: Vec<&str> = self.links.keys().map(String::as_str).collect();
            Absent::Link(name.to_owned(), known.join(", "))
        })
    }

    fn end(&mut self, id: u64) {
        let Some(wire) = self.leases.get(id).and_then(|leased| self.wire(&leased.link).ok()) else { return };
        let mut now: Condition = *wire.condition.borrow();
        leases::end(&mut self.leases, id, &mut now);
        wire.condition.send_replace(now);
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Network {
    state: Mutex<State>,
    /// A lease may end earlier than was thought.
    sooner: Notify,
}

impl Network {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens on a free loopback port, which it returns.
    pub(super) async fn bind(&self, name: &str, target: String) -> Result<SocketAddr, Refused> {
        check(name, &target)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let listen = listener.local_addr()?;
        let mut state = self.lock();
        if state.links.contains_key(name) {
            return Err(Refused::Known(name.to_owned()));
        }
        if state.links.len() >= MOST_LINKS {
            return Err(Refused::TooMany);
        }
        let wire = Arc::new(Wire::new(name, listen, target));
        let task = tokio::spawn(link::serve(listener, Arc::clone(&wire))).abort_handle();
        state.links.insert(name.to_owned(), Carrying { wire, task });
        Ok(listen)
    }

    /// The link as shown.
    pub(super) fn show(&self, name: &str) -> Result<Value, Absent> {
        self.lock().wire(name).map(|wire| wire.json(name))
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Absent> {
        let mut state = self.lock();
        state.wire(name)?;
        state.links.remove(name);
        state.leases.keep(|leased| leased.link != name);
        Ok(())
    }

    /// Removes all links.
    pub(super) fn close(&self) {
        *self.lock() = State::default();
    }

    pub(super) fn list(&self) -> Vec<Value> {
        self.lock().links.iter().map(|(name, link)| link.wire.json(name)).collect()
    }

    /// Changes a condition, for the time of a lease if one is given. Returns the link as shown and the lease's number.
    pub(super) fn change(
        &self,
        name: &str,
        change: Change,
        lease: Option<Duration>,
    ) -> Result<(Value, Option<u64>), Unchanged> {
        let mut state = self.lock();
        let wire = state.wire(name)?;
        if lease.is_some() && leases::is_full(&state.leases) {
            return Err(Unchanged::TooManyLeases);
        }
        let before: Condition = *wire.condition.borrow();
        wire.condition.send_replace(before.changed(&change));
        let id = lease.map(|length| {
            let leased = Leased { link: name.to_owned(), change, before };
            state.leases.grant(leased, Instant::now() + length)
        });
        self.sooner.notify_one();
        Ok((wire.json(name), id))
    }

    pub(super) fn prolong(&self, id: &str, length: Duration) -> Result<(), Absent> {
        let absent = || Absent::Lease(id.to_owned());
        let number = id.parse().map_err(|_| absent())?;
        let there = self.lock().leases.prolong(number, Instant::now() + length);
        self.sooner.notify_one();
        there.then_some(()).ok_or_else(absent)
    }

    /// Ends a lease now.
    pub(super) fn end(&self, id: &str) -> Result<(), Absent> {
        let absent = || Absent::Lease(id.to_owned());
        let number = id.parse().map_err(|_| absent())?;
        let mut state = self.lock();
        state.leases.get(number).ok_or_else(absent)?;
        state.end(number);
        Ok(())
    }

    /// Ends leases as they run out, for ever.
    pub(super) async fn end_leases(&self) {
        loop {
            let next = {
                let mut state = self.lock();
                while let Some(id) = state.leases.over(Instant::now()) {
                    state.end(id);
                }
                state.leases.next()
            };
            tokio::select! {
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                () = self.sooner.notified() => {}
            }
        }
    }
}

fn check(name: &str, target: &str) -> Result<(), Refused> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_>:".contains(c);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
        return Err(Refused::Name(name.to_owned()));
    }
    let host_and_port = target.rsplit_once(':');
    let good = host_and_port.is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if good { Ok(()) } else { Err(Refused::Target(target.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::time::{advance, timeout};

    fn delay(ms: u64) -> Change {
        Change::read(json!({ "delay_ms": ms }).as_object().expect("an object")).expect("a change")
    }

    fn seconds(s: u64) -> Option<Duration> {
        Some(Duration::from_secs(s))
    }

    /// Looks after the leases until all that end at this moment have ended, and returns the link's delay.
    async fn delay_now(network: &Network) -> u64 {
        // A paused clock stands still while there is work, so this takes no time.
        let _ = timeout(Duration::from_nanos(1), network.end_leases()).await;
        network.list()[0]["condition"]["delay_ms"].as_u64().expect("a number")
    }

    async fn one_link() -> Network {
        let network = Network::default();
        network.bind("a>b", "127.0.0.1:1".to_owned()).await.expect("a link");
        network
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_ends_in_time_and_a_prolonged_one_later() {
        let network = one_link().await;
        let (_, id) = network.change("a>b", delay(100), seconds(10)).expect("changed");
        let id = id.expect("a lease").to_string();
        advance(Duration::from_secs(9)).await;
        assert_eq!(delay_now(&network).await, 100);
        network.prolong(&id, Duration::from_secs(10)).expect("prolonged");
        advance(Duration::from_secs(9)).await;
        assert_eq!(delay_now(&network).await, 100);
        advance(Duration::from_secs(2)).await;
        assert_eq!(delay_now(&network).await, 0);
        assert_eq!(network.prolong(&id, Duration::from_secs(1)), Err(Absent::Lease(id)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_can_be_ended_and_no_other_goes_with_it() {
        let network = one_link().await;
        let (_, first) = network.change("a>b", delay(100), seconds(10)).expect("changed");
        network.change("a>b", delay(200), seconds(10)).expect("changed");
        network.end(&first.expect("a lease").to_string()).expect("ended");
        assert_eq!(delay_now(&network).await, 200);
        advance(Duration::from_secs(11)).await;
        assert_eq!(delay_now(&network).await, 0);
    }

    #[tokio::test]
    async fn leases_are_bounded_and_a_refused_one_changes_nothing() {
        let network = one_link().await;
        let refused = loop {
            if let Err(e) = network.change("a>b", delay(1), seconds(10)) {
                break e;
            }
        };
        assert!(matches!(refused, Unchanged::TooManyLeases), "{refused}");
        assert!(network.change("a>b", delay(7), seconds(10)).is_err());
        assert_eq!(network.list()[0]["condition"]["delay_ms"], 1);
    }

    #[tokio::test]
    async fn links_without_sense_are_refused_with_the_reason() {
        let network = one_link().await;
        for (name, target, word) in [
            ("", "127.0.0.1:1", "name"),
            ("a/b", "127.0.0.1:1", "name"),
            ("a>b", "127.0.0.1:1", "already"),
            ("c", "127.0.0.1", "HOST:PORT"),
            ("c", "http://127.0.0.1:1", "HOST:PORT"),
            ("c", "127.0.0.1:0", "HOST:PORT"),
        ] {
            let refused = network.bind(name, target.to_owned()).await.expect_err(word);
            assert!(refused.to_string().contains(word), "{refused}");
        }
    }
}
