//! Calls code of the host application, which may hang or panic without stopping the server.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use thiserror::Error;
use tokio::time::timeout;

/// Why a call returned no answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum HookError {
    #[error("it panicked")]
    Panicked,
    #[error("it took longer than {} s", .0.as_secs_f32())]
    TimedOut(Duration),
}

/// Waits for an answer, at most as long as `patience`.
pub(crate) async fn ask<T>(
    patience: Duration,
    answer: impl Future<Output = T>,
) -> Result<T, HookError> {
    // A panic can leave only the application's own state inconsistent.
    match timeout(patience, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(HookError::Panicked),
        Err(_) => Err(HookError::TimedOut(patience)),
    }
}
