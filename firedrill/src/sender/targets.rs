//! Where the commands that send requests find the services: where the load generator of the stack finds them, also when
//! instances come and go while the command runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    time::Duration,
};

use loadgen::client::Targets;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    failure::Failure,
    run_file::{self, RunFile},
    stack_control::{Follower, StackControl},
};

/// Between two looks at which instances there are.
const EACH: Duration = Duration::from_millis(500);

/// The services, kept up to date for as long as this lives.
#[derive(Debug)]
pub struct Followed {
    /// Where requests go.
    pub targets: Targets,
    control: StackControl,
    follower: Arc<Follower>,
    following: AbortOnDropHandle<()>,
}

impl Followed {
    /// The sender's own figures are on this port of loopback from now on, to be scraped.
    pub fn scraped_at(&self, port: u16) {
        self.follower.metrics.store(port, Relaxed);
    }

    /// Says that nothing is sent any more. A stack that does not hear it notices.
    pub async fn leave(self) {
        drop(self.following);
        drop(self.control.leave(&self.follower.name).await);
    }
}

/// The services of the running stack.
pub async fn follow(run: &RunFile) -> Result<Followed, Failure> {
    let targets =
        Targets::new(run.url("user-service")?, run.url("product-service")?, run.url("order-service")?)
            .map_err(|e| Failure::environment(e.to_string()))?;
    let control = StackControl::of(run)?;
    let follower = Arc::new(Follower { name: run_file::fresh_token(), metrics: AtomicU16::new(0) });
    let mut holds = look(&control, &targets, &follower, 0).await?;
    let (following, asking, asks) = (targets.clone(), control.clone(), Arc::clone(&follower));
    let task = tokio::spawn(async move {
        loop {
            tokio::time::sleep(EACH).await;
            // What was known last stays. What is new is confirmed at once.
            while let Ok(revision) = look(&asking, &following, &asks, holds).await
                && revision != std::mem::replace(&mut holds, revision)
            {}
        }
    });
    Ok(Followed { targets, control, follower, following: AbortOnDropHandle::new(task) })
}

/// Takes over the lists of now; their revision.
async fn look(
    control: &StackControl,
    targets: &Targets,
    asks: &Follower,
    holds: u64,
) -> Result<u64, Failure> {
    let now = control.endpoints(asks, holds).await?;
    if now.revision != holds {
        let replaced = targets.endpoints().replace(&now.services);
        replaced.map_err(|wrong| Failure::environment(wrong.to_string()))?;
    }
    Ok(now.revision)
}
