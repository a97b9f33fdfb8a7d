//! The verdict on a run, and its exit status.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// The verdict on a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Nothing failed or was lost, and every objective was met.
    Held,
    /// Something failed or was lost.
    Broken,
    /// The tester was the limit, so that the figures say nothing about the server.
    Invalid,
    /// An objective was not met.
    Missed,
}

impl Verdict {
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Held => 0,
            Self::Broken => 1,
            Self::Invalid => 3,
            Self::Missed => 4,
        })
    }
}

/// Wrong arguments, or a machine that does not permit what they ask for.
pub(crate) const USAGE: u8 = 2;
