//! Tells everybody who sends requests that an instance came, goes, or rests; and knows when all of them have heard it.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{Services, followers::Followers, routing::Receiver};
use crate::child::role::Role;

/// The longest wait for those who ask now and then. Whoever has not asked by then may find an instance gone.
const HEARD: Duration = Duration::from_secs(4);
/// Between two looks at whether they have.
const PAUSE: Duration = Duration::from_millis(20);
/// A request for which an instance was chosen just before its sender heard is on its way for no longer.
const ON_THE_WAY: Duration = Duration::from_millis(250);

/// What is true for those who send.
#[derive(Debug, Default)]
pub(super) struct Audience {
    /// How often something was announced.
    announced: u64,
    /// The instance that gets no requests although it is there.
    resting: Option<String>,
    followers: Followers,
    /// The ports of those of them that are on the list of scrape targets.
    scraped: BTreeSet<u16>,
}

impl Services {
    fn audience(&self) -> MutexGuard<'_, Audience> {
        // It is consistent after every statement.
        self.0.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instance that gets no requests.
    pub(super) fn resting(&self) -> Option<String> {
        self.audience().resting.clone()
    }

    /// Which announcement the lists of now belong to; from 1, so that 0 is nobody's.
    pub(in crate::up) fn revision(&self) -> u64 {
        self.audience().announced + 1
    }

    /// A command asks for the lists; it holds those of this revision, and its own metrics are on this port.
    pub(in crate::up) fn followed(&self, name: &str, holds: u64, metrics: Option<u16>) {
        self.audience().followers.asked(name, holds, metrics, Instant::now());
        self.list_senders();
    }

    /// A command asks no more.
    pub(in crate::up) fn left(&self, name: &str) {
        self.audience().followers.left(name);
        self.list_senders();
    }

    /// Puts those who send now on the list of scrape targets, the load generator and commands that do as it does.
    pub(super) fn list_senders(&self) {
        let mut audience = self.audience();
        let commands = audience.followers.metrics(Instant::now());
        if commands == audience.scraped {
            return;
        }
        let own = self.0.routing.client_address();
        let others = commands.iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, *port)));
        self.0.scrape.set(Role::Loadgen.name(), own.into_iter().chain(others).collect());
        // A list that cannot be written now (a full disk) is tried again at the next look.
        if self.0.scrape.write().is_ok() {
            audience.scraped = commands;
        }
    }

    /// Tells of the instances that there are, with one of them at rest or none. Who does not hear now is told later.
    pub(super) async fn announce(&self, resting: Option<&str>) {
        {
            let mut audience = self.audience();
            audience.announced += 1;
            audience.resting = resting.map(str::to_owned);
        }
        self.0.routing.tell(self.receivers()).await;
    }

    /// The same, and returns when no request goes to those any more who are not in the lists.
    pub(super) async fn announce_and_wait(&self, resting: Option<&str>) {
        self.announce(resting).await;
        let (revision, deadline) = (self.revision(), Instant::now() + HEARD);
        while Instant::now() < deadline && !self.audience().followers.hold(revision, Instant::now()) {
            sleep(PAUSE).await;
        }
        sleep(ON_THE_WAY).await;
    }

    /// Tells those who send requests what they have not been told yet, for as long as it is polled.
    pub(in crate::up) async fn keep_routes(&self) {
        let look = || {
            // Who is gone without a word is noticed here.
            self.list_senders();
            self.receivers()
        };
        self.0.routing.keep(look).await;
    }

    /// Who is to be told what.
    fn receivers(&self) -> Vec<Receiver> {
        let resting = self.resting();
        self.0.routing.receivers(&self.instances(), resting.as_deref())
    }
}
