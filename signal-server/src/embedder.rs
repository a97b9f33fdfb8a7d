//! Code of the embedder's: it may hang or panic, and the server goes on.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use thiserror::Error;
use tokio::time::timeout;

/// What code that was asked did in place of answering.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum HookError {
    #[error("it panicked")]
    Panicked,
    #[error("it took longer than {} s", .0.as_secs_f32())]
    TimedOut(Duration),
}

/// Waits for an answer, so long and no longer.
pub(crate) async fn ask<T>(
    patience: Duration,
    answer: impl Future<Output = T>,
) -> Result<T, HookError> {
    // What a panic leaves behind is the embedder's own.
    match timeout(patience, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(HookError::Panicked),
        Err(_) => Err(HookError::TimedOut(patience)),
    }
}
