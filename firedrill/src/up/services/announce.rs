//! Tells everybody who sends requests that an instance came, goes, or rests; and knows when all of them have heard it.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{Services, followers::Followers, routing::Receiver};

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

    /// A command asks for the lists; it holds those of this revision.
    pub(in crate::up) fn followed(&self, name: &str, holds: u64) {
        self.audience().followers.asked(name, holds, Instant::now());
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
        self.0.routing.keep(|| self.receivers()).await;
    }

    /// Who is to be told what.
    fn receivers(&self) -> Vec<Receiver> {
        let resting = self.resting();
        self.0.routing.receivers(&self.instances(), resting.as_deref())
    }
}
