//! The tracks that one connection receives.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rtc::media_stream::MediaStreamTrackId;
use rtc::rtp_transceiver::RTCRtpTransceiverDirection;
use tokio::sync::watch;
use webrtc::error::Result;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::PeerConnection;

use super::receiver::Negotiated;
use super::section::Section;
use crate::session::TrackLabel;

#[derive(Default)]
pub(super) struct Receivers {
    /// The result of the last negotiation for each track. A receiver ends once it is dropped here.
    tracks: HashMap<MediaStreamTrackId, watch::Sender<Negotiated>>,
    /// The sources in the last description of the other side.
    labels: Vec<TrackLabel>,
}

impl Receivers {
    /// Stores the sources of a description of the other side.
    pub(super) fn label(&mut self, labels: Vec<TrackLabel>) {
        self.labels = labels;
    }

    /// Adds a track that has begun to arrive, and returns a receiver for the results of later
    /// negotiations.
    pub(super) async fn add(
        &mut self,
        pc: &dyn PeerConnection,
        track: &Arc<dyn TrackRemote>,
    ) -> Result<watch::Receiver<Negotiated>> {
        let (sender, negotiated) = watch::channel(Negotiated::default());
        self.tracks.insert(track.track_id().await, sender);
        self.update(pc).await?;
        Ok(negotiated)
    }

    /// Tells each track the result of the last negotiation, and drops those that another track has
    /// replaced. webrtc-rs does not report that a track is no longer sent.
    pub(super) async fn update(&mut self, pc: &dyn PeerConnection) -> Result<()> {
        let remote = pc.remote_description().await.map(|remote| remote.sdp).unwrap_or_default();
        let mut current = HashSet::new();
        for transceiver in pc.get_transceivers().await {
            let Some(receiver) = transceiver.receiver().await? else { continue };
            let id = receiver.track().track_id().await;
            let Some(track) = self.tracks.get(&id) else { continue };
            current.insert(id);
            let direction = transceiver.current_direction().await?;
            let ended =
                [RTCRtpTransceiverDirection::Inactive, RTCRtpTransceiverDirection::Sendonly];
            let mid = transceiver.mid().await?;
            let label = self.labels.iter().find(|label| mid.as_deref() == Some(&label.mid));
            let section = mid.as_deref().and_then(|mid| Section::find(&remote, mid));
            track.send_replace(Negotiated {
                is_sent: !ended.contains(&direction),
                slot: section.and_then(|section| section.slot),
                source: label.map(|label| label.source),
            });
        }
        self.tracks.retain(|id, _| current.contains(id));
        Ok(())
    }
}
