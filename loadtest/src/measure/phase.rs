//! How far a run has come.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// The rooms fill.
    Ramp,
    /// Everybody who is expected is there.
    Steady,
    /// Nothing new begins; pending messages may arrive.
    End,
    /// Everybody leaves.
    Over,
}

impl Phase {
    /// Those in which something is measured.
    pub(crate) const MEASURED: [Self; 3] = [Self::Ramp, Self::Steady, Self::End];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ramp => "ramp",
            Self::Steady => "steady",
            Self::End => "end",
            Self::Over => "over",
        }
    }
}

/// Waits until a run has come that far.
pub(crate) async fn reached(phase: Phase, phases: &mut watch::Receiver<Phase>) {
    // If the sender is gone, the run is over.
    let _ = phases.wait_for(|now| *now >= phase).await;
}
