//! The callbacks of webrtc-rs, turned into events for the connection's task.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use webrtc::data_channel::DataChannel;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState,
};

use super::inbound::{Inbound, Intake};
use super::rtcp_reports::RtcpReports;
use super::sender_reports::SentClocks;
use super::timer::Timer;
use crate::session::IceCandidate;

pub(super) enum PeerConnectionEvent {
    Candidate(IceCandidate),
    DataChannel(Arc<dyn DataChannel>),
    /// There are no more candidates.
    Gathered,
    /// ICE has found a path.
    IceConnected,
    State(RTCPeerConnectionState),
    Track(Arc<dyn TrackRemote>, Intake),
}

/// Runs in the driver of webrtc-rs, which a slow callback would stall, so it only passes events on.
/// The queue is unbounded for that reason: candidates, states and tracks are few, and SCTP limits
/// the channels.
pub(super) struct Handler {
    events: mpsc::UnboundedSender<PeerConnectionEvent>,
    /// The other side may send RTCP reports at any rate. Only the last of each stream is kept.
    pub(super) reports: RtcpReports,
    pub(super) tracks: Inbound,
    /// The clocks of the streams of this side.
    pub(super) clocks: SentClocks,
    /// The timer of the driver of webrtc-rs.
    timer: Timer,
}

pub(super) fn channel(
    timer: Timer,
) -> (Arc<Handler>, mpsc::UnboundedReceiver<PeerConnectionEvent>) {
    let (events, receiver) = mpsc::unbounded_channel();
    let handler = Handler {
        events,
        reports: RtcpReports::default(),
        tracks: Inbound::default(),
        clocks: SentClocks::default(),
        timer,
    };
    (Arc::new(handler), receiver)
}

impl Handler {
    fn emit(&self, event: PeerConnectionEvent) {
        // If the receiver is gone, the connection is being closed.
        let _ = self.events.send(event);
    }
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        match event.candidate.to_json() {
            Ok(init) => self.emit(PeerConnectionEvent::Candidate(IceCandidate {
                candidate: init.candidate,
                sdp_mid: init.sdp_mid,
                sdp_mline_index: init.sdp_mline_index,
                username_fragment: init.username_fragment,
            })),
            Err(error) => tracing::warn!(%error, "cannot encode a local candidate"),
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.emit(PeerConnectionEvent::Gathered);
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if state == RTCIceConnectionState::Connected {
            // webrtc-rs begins DTLS now, but would send the first message with the next ICE check,
            // up to 200 ms later.
            self.timer.cut_short();
            self.emit(PeerConnectionEvent::IceConnected);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.timer.set_patient(state == RTCPeerConnectionState::Connected);
        self.emit(PeerConnectionEvent::State(state));
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.emit(PeerConnectionEvent::DataChannel(channel));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // No packet overtakes another here: earlier ones are in the track.
        let intake = Intake::waiting();
        for ssrc in track.ssrcs().await {
            self.tracks.route(ssrc, &intake);
        }
        self.emit(PeerConnectionEvent::Track(track, intake));
    }
}
