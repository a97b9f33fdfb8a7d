//! What webrtc-rs calls back, turned into notes for the connection's task.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use webrtc::data_channel::DataChannel;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState, RTCSignalingState,
};

use super::report::Reports;
use crate::ice::IceCandidate;

pub(super) enum Note {
    Candidate(IceCandidate),
    DataChannel(Arc<dyn DataChannel>),
    /// There are no more candidates.
    Gathered,
    /// ICE has found a path.
    IceConnected,
    NegotiationNeeded,
    /// A negotiation is over; what is needed beyond it is told after this.
    Settled,
    State(RTCPeerConnectionState),
    Track(Arc<dyn TrackRemote>),
}

/// Runs on the driver of the peer connection, which a slow callback would stall: it does nothing but pass things on.
/// The channel is unbounded for that reason; candidates, states and tracks are few, and SCTP allows only so many channels.
pub(super) struct Handler {
    notes: mpsc::UnboundedSender<Note>,
    /// Those come as often as the other side likes, and only the last of each is kept.
    pub(super) reports: Reports,
}

pub(super) fn channel() -> (Arc<Handler>, mpsc::UnboundedReceiver<Note>) {
    let (notes, receiver) = mpsc::unbounded_channel();
    (Arc::new(Handler { notes, reports: Reports::default() }), receiver)
}

impl Handler {
    fn note(&self, note: Note) {
        // The connection is being closed if nobody listens.
        let _ = self.notes.send(note);
    }
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        match event.candidate.to_json() {
            Ok(init) => self.note(Note::Candidate(IceCandidate {
                candidate: init.candidate,
                sdp_mid: init.sdp_mid,
                sdp_mline_index: init.sdp_mline_index,
                username_fragment: init.username_fragment,
            })),
            Err(error) => tracing::warn!(%error, "a local candidate cannot be written"),
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.note(Note::Gathered);
        }
    }

    async fn on_negotiation_needed(&self) {
        self.note(Note::NegotiationNeeded);
    }

    async fn on_signaling_state_change(&self, state: RTCSignalingState) {
        if state == RTCSignalingState::Stable {
            self.note(Note::Settled);
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if state == RTCIceConnectionState::Connected {
            self.note(Note::IceConnected);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.note(Note::State(state));
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.note(Note::DataChannel(channel));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        self.note(Note::Track(track));
    }
}
