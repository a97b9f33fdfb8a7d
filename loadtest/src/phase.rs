//! How far a run has come, as its participants are told.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    Running,
    /// Nothing new begins; what is under way may arrive.
    Draining,
    /// Everybody leaves.
    Over,
}

/// Waits until a run has come that far.
pub(crate) async fn reached(phase: Phase, phases: &mut watch::Receiver<Phase>) {
    // If the sender is gone, the run is over.
    let _ = phases.wait_for(|now| *now >= phase).await;
}
