//! A small runtime of one thread on which everything that talks to a collector runs. The service's own runtime may be busy,
//! blocked or already going down; exports and the drain do not depend on it.

use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tracing::Dispatch;

/// The runtime; stops when dropped.
#[derive(Debug)]
pub(crate) struct ExportRuntime {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
}

impl ExportRuntime {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub(crate) fn start() -> std::io::Result<ExportRuntime> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name("telemetry-export".to_owned()).spawn(move || {
            // Connections log and trace through whatever subscriber is current: none is, here. Not `NoSubscriber`, whose
            // registration would make every call site of the process ask anew at each event.
            tracing::dispatcher::with_default(&Dispatch::none(), || {
                // Both ways to end, a message and a dropped sender, mean stop.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_timeout(Duration::from_millis(100));
            });
        })?;
        Ok(ExportRuntime { handle, stop: Some(stop) })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs `future` here and waits for it on the calling thread, no longer than `limit`.
    pub(crate) fn wait(&self, limit: Duration, future: impl Future<Output = ()> + Send + 'static) {
        let (finished, end) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            future.await;
            // Nobody listens any more when the limit passed.
            let _ = finished.try_send(());
        });
        let _ = end.recv_timeout(limit);
    }
}

impl Drop for ExportRuntime {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}
