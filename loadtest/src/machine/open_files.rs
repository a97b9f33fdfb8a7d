//! The limit of open files. Each socket takes one.

use thiserror::Error;

/// Not so many files can be open as a run needs.
#[derive(Debug, Error)]
#[error(
    "this run needs about {needed} open files, and this process may have {limit}: raise the hard \
     limit (ulimit -Hn), or use fewer or smaller rooms"
)]
pub(crate) struct TooFewFiles {
    needed: u64,
    limit: u64,
}

/// Raises the limit as far as the system permits, and returns it; `None` if it is unknown.
#[cfg(unix)]
pub(crate) fn raise_limit() -> Option<u64> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    // Where this fails, the limit stays.
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    Some(if raised { hard } else { soft })
}

#[cfg(not(unix))]
pub(crate) fn raise_limit() -> Option<u64> {
    None
}

/// Tells before the start whether there are enough.
pub(crate) fn check(needed: u64, limit: Option<u64>) -> Result<(), TooFewFiles> {
    match limit {
        Some(limit) if limit < needed => Err(TooFewFiles { needed, limit }),
        Some(_) | None => Ok(()),
    }
}

/// Files that a process has open beside its sockets: its streams, its runtime, and the sockets of
/// pending requests.
pub(crate) const BASE: u64 = 100;
