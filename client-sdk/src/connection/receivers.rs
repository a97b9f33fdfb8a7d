//! The tracks that one connection receives, kept in step with what is negotiated.

use std::collections::HashMap;
use std::sync::Arc;

use rtc::media_stream::MediaStreamTrackId;
use rtc::rtp_transceiver::RTCRtpTransceiverDirection;
use tokio::sync::watch;
use webrtc::error::Result;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::PeerConnection;

use super::receiver::Negotiated;
use crate::track_source::TrackLabel;

#[derive(Default)]
pub(super) struct Receivers {
    /// How the negotiations have left each track.
    tracks: HashMap<MediaStreamTrackId, watch::Sender<Negotiated>>,
    /// What the other side has said that its tracks are.
    labels: Vec<TrackLabel>,
}

impl Receivers {
    /// The other side has said what its tracks are.
    pub(super) fn label(&mut self, labels: Vec<TrackLabel>) {
        self.labels = labels;
    }

    /// A track has begun to arrive; returns what the negotiations say of it from here on.
    pub(super) async fn add(
        &mut self,
        pc: &dyn PeerConnection,
        track: &Arc<dyn TrackRemote>,
    ) -> Result<watch::Receiver<Negotiated>> {
        let (sender, negotiated) = watch::channel(Negotiated { is_sent: true, source: None });
        self.tracks.insert(track.track_id().await, sender);
        self.update(pc).await?;
        Ok(negotiated)
    }

    /// Tells the tracks what the last negotiation says of them. webrtc-rs does not tell that one is not sent any more.
    pub(super) async fn update(&self, pc: &dyn PeerConnection) -> Result<()> {
        for transceiver in pc.get_transceivers().await {
            let Some(receiver) = transceiver.receiver().await? else { continue };
            let Some(track) = self.tracks.get(&receiver.track().track_id().await) else { continue };
            let direction = transceiver.current_direction().await?;
            let ended =
                [RTCRtpTransceiverDirection::Inactive, RTCRtpTransceiverDirection::Sendonly];
            let mid = transceiver.mid().await?;
            let label = self.labels.iter().find(|label| mid.as_deref() == Some(&label.mid));
            let source = label.map(|label| label.source);
            track.send_replace(Negotiated { is_sent: !ended.contains(&direction), source });
        }
        Ok(())
    }
}
