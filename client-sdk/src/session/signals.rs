//! Offers, answers and candidates of other participants.

use std::time::Instant;

use signal_core::ParticipantId;
use signal_core::message::{Signal, SignalKind};

use super::Session;
use super::track_source::TrackLabel;

impl Session {
    pub(super) fn signal(&mut self, from: ParticipantId, signal: &Signal, now: Instant) {
        let Some(me) = self.me else { return };
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let payload = signal.payload.as_bytes();
        let number = signal.negotiation;
        match signal.kind {
            SignalKind::Answer | SignalKind::Offer => {
                let Ok(sdp) = serde_json::from_slice(payload) else {
                    tracing::warn!(%from, "a description that is not a string is ignored");
                    return;
                };
                let tracks =
                    signal.tracks.as_ref().map(|tracks| TrackLabel::list(tracks.as_bytes()));
                let tracks = tracks.unwrap_or_default();
                if signal.kind == SignalKind::Offer {
                    peer.offered(sdp, tracks, number, &mut self.actions, now);
                } else {
                    peer.answered(sdp, tracks, number, &mut self.actions, now);
                }
                peer.expect_connection(me < from, now);
            }
            // `null` and `""` mark the end of candidates.
            SignalKind::Candidate => {
                if let Ok(candidate) = serde_json::from_slice(payload) {
                    peer.candidate_received(candidate, &mut self.actions);
                }
            }
        }
    }
}
