//! Where the commands that send requests find the services: where the load generator of the stack finds them, also when
//! instances come and go while the command runs.

use std::time::Duration;

use loadgen::client::Targets;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    failure::Failure,
    run_file::{self, RunFile},
    stack_control::StackControl,
};

/// Between two looks at which instances there are.
const EACH: Duration = Duration::from_millis(500);

/// The services, kept up to date for as long as this lives.
#[derive(Debug)]
pub struct Followed {
    /// Where requests go.
    pub targets: Targets,
    _following: AbortOnDropHandle<()>,
}

/// The services of the running stack.
pub async fn follow(run: &RunFile) -> Result<Followed, Failure> {
    let targets =
        Targets::new(run.url("user-service")?, run.url("product-service")?, run.url("order-service")?)
            .map_err(|e| Failure::environment(e.to_string()))?;
    let (control, name) = (StackControl::of(run)?, run_file::fresh_token());
    let mut holds = look(&control, &targets, &name, 0).await?;
    let following = targets.clone();
    let task = tokio::spawn(async move {
        loop {
            tokio::time::sleep(EACH).await;
            // What was known last stays. What is new is confirmed at once.
            while let Ok(revision) = look(&control, &following, &name, holds).await
                && revision != std::mem::replace(&mut holds, revision)
            {}
        }
    });
    Ok(Followed { targets, _following: AbortOnDropHandle::new(task) })
}

/// Takes over the lists of now; their revision.
async fn look(control: &StackControl, targets: &Targets, name: &str, holds: u64) -> Result<u64, Failure> {
    let now = control.endpoints(name, holds).await?;
    if now.revision != holds {
        let replaced = targets.endpoints().replace(&now.services);
        replaced.map_err(|wrong| Failure::environment(wrong.to_string()))?;
    }
    Ok(now.revision)
}
