//! Supervises the tasks and threads that the server depends on.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;

/// Restarts a task that has panicked. After a second panic within a minute the task has failed, and
/// with it the server: everything else still runs, but rooms do not end, or are not saved.
#[derive(Clone, Debug)]
pub(crate) struct Supervisor {
    failed: Arc<watch::Sender<Option<&'static str>>>,
}

impl Supervisor {
    pub(crate) fn new() -> Self {
        Self { failed: Arc::new(watch::Sender::new(None)) }
    }

    /// Runs a task until it ends by itself, and returns its result, or `None` if it has failed.
    pub(crate) async fn run<T, F: Future<Output = T>>(
        &self,
        what: &'static str,
        mut task: impl FnMut() -> F,
    ) -> Option<T> {
        let mut last_panic = None;
        loop {
            // The next run finds the state as the panic left it, as after any other panic under a
            // shard's lock.
            if let Ok(ended) = AssertUnwindSafe(task()).catch_unwind().await {
                return Some(ended);
            }
            if !self.may_restart(what, &mut last_panic) {
                return None;
            }
        }
    }

    /// Like [`run`](Self::run), for a thread.
    pub(crate) fn run_thread(&self, what: &'static str, mut task: impl FnMut()) {
        let mut last_panic = None;
        while catch_unwind(AssertUnwindSafe(&mut task)).is_err() {
            if !self.may_restart(what, &mut last_panic) {
                return;
            }
        }
    }

    /// Waits until a task or thread has failed, and returns its name.
    pub(crate) async fn failed(&self) -> &'static str {
        let mut failed = self.failed.subscribe();
        let failed = failed.wait_for(Option::is_some).await;
        let what = failed.expect("the sender lives as long as this");
        what.expect("it was waited for")
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.borrow().is_some()
    }

    fn may_restart(&self, what: &'static str, last_panic: &mut Option<Instant>) -> bool {
        let before = last_panic.replace(Instant::now());
        if before.is_some_and(|before| before.elapsed() < TOO_SOON) {
            tracing::error!(task = what, "a task panicked again within a minute and has failed");
            self.failed.send_replace(Some(what));
            return false;
        }
        tracing::error!(task = what, "a task panicked and is restarted");
        true
    }
}

const TOO_SOON: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_once_goes_on_and_one_that_panics_twice_has_failed() {
        let supervisor = Supervisor::new();
        let mut runs = 0;
        let once = supervisor.run("once", || {
            runs += 1;
            let run = runs;
            async move { assert!(run > 1, "the first run panics") }
        });
        assert_eq!(once.await, Some(()));
        assert!(!supervisor.has_failed());
        let twice: Option<()> = supervisor.run("twice", || async { panic!("each run does") }).await;
        assert_eq!(twice, None);
        assert!(supervisor.has_failed());
        assert_eq!(supervisor.failed().await, "twice");
    }
}
