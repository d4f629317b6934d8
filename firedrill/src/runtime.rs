//! The asynchronous runtime of a command and of a child: the same for all of them.

use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;

/// Two workers: gRPC exporters can lock up on one, and nothing here needs more.
pub fn start() -> Result<Runtime, Failure> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|e| Failure::environment(format!("cannot start the runtime: {e}")))
}
