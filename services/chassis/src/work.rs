//! Where work runs that keeps a processor busy: apart from the workers that serve requests, or on them.

use crate::settings::{Choice, List};

/// The place of such work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockingWork {
    /// On threads of its own; the workers go on serving.
    Pool,
    /// On the worker that needs it, which serves nothing else meanwhile.
    Inline,
}

impl BlockingWork {
    /// Lists the setting.
    pub fn list(list: &mut List) -> Choice<Self> {
        list.choice(
            "runtime.blocking_work",
            &[("pool", Self::Pool), ("inline", Self::Inline)],
            Self::Pool,
            "Where work that keeps a processor busy runs: on a pool of threads, or on the workers that serve requests",
        )
    }

    /// Does the work; none when it panicked or the runtime ends.
    pub async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        match self {
            Self::Pool => tokio::task::spawn_blocking(work).await.ok(),
            Self::Inline => Some(work()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_work_runs_on_the_worker_or_on_another_thread() {
        let here = std::thread::current().id();
        let thread = || std::thread::current().id();
        assert_eq!(BlockingWork::Inline.run(thread).await, Some(here));
        assert_ne!(BlockingWork::Pool.run(thread).await, Some(here));
    }
}
