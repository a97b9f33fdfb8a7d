//! The tracks that one connection sends, which follow those of the participant.

use std::sync::Arc;

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::watch;
use tokio::task::JoinSet;
use webrtc::error::Result;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::{RtpSender, RtpTransceiver};

use super::level_extension::LevelExtension;
use super::sender::Sender;
use super::stream_ids::StreamIds;
use crate::media::{Codec, Player};
use crate::outgoing::Media;
use crate::session::TrackLabel;
use crate::slot::Slot;

pub(super) struct Senders {
    media: watch::Receiver<Media>,
    stream_ids: StreamIds,
    levels: LevelExtension,
    live: Vec<Live>,
    /// Whether packets get through. Those written earlier would be lost.
    is_connected: bool,
}

/// A track that is negotiated, or about to be.
struct Live {
    slot: Slot,
    codec: Codec,
    rtp: Arc<dyn RtpSender>,
    player: watch::Sender<Arc<Player>>,
    /// Until the track is negotiated and the connection is up.
    waiting: Option<Sender>,
    /// Stops sending when it is dropped.
    running: JoinSet<()>,
}

impl Senders {
    /// Adds what is sent now. The side that offers also asks to receive audio and video, so that
    /// the other side has a place for its own.
    pub(super) async fn add(
        pc: &dyn PeerConnection,
        mut media: watch::Receiver<Media>,
        stream_ids: StreamIds,
        levels: LevelExtension,
        offers: bool,
    ) -> Result<Self> {
        let now = media.borrow_and_update().clone();
        let mut senders = Self { media, stream_ids, levels, live: Vec::new(), is_connected: false };
        for slot in Slot::ALL {
            match (now.player(slot), slot) {
                (Some(player), _) => senders.add_track(pc, slot, player).await?,
                (None, Slot::Audio) if offers => receive_only(pc, RtpCodecKind::Audio).await?,
                (None, Slot::Video) if offers => receive_only(pc, RtpCodecKind::Video).await?,
                (None, _) => {}
            }
        }
        Ok(senders)
    }

    /// The connection is up.
    pub(super) async fn connected(&mut self, pc: &dyn PeerConnection) -> Result<()> {
        self.is_connected = true;
        self.start(pc).await
    }

    /// Starts the tracks that have been negotiated.
    pub(super) async fn start(&mut self, pc: &dyn PeerConnection) -> Result<()> {
        if !self.is_connected || self.live.iter().all(|live| live.waiting.is_none()) {
            return Ok(());
        }
        for transceiver in pc.get_transceivers().await {
            let Some(sender) = transceiver.sender().await? else { continue };
            let Some(live) = self.live.iter_mut().find(|live| live.rtp.id() == sender.id()) else {
                continue;
            };
            // A section that was negotiated before the track was added to it does not send yet.
            if sends(transceiver.as_ref()).await? {
                live.start().await;
            }
        }
        Ok(())
    }

    /// Whether the last negotiation lets every track be sent.
    pub(super) async fn are_negotiated(&self, pc: &dyn PeerConnection) -> Result<bool> {
        let mut negotiated = 0;
        for transceiver in pc.get_transceivers().await {
            let Some(sender) = transceiver.sender().await? else { continue };
            let is_live = self.live.iter().any(|live| live.rtp.id() == sender.id());
            negotiated += usize::from(is_live && sends(transceiver.as_ref()).await?);
        }
        Ok(negotiated == self.live.len())
    }

    /// Waits until the participant sends something else. Safe to cancel.
    pub(super) async fn changed(&mut self) {
        if self.media.changed().await.is_err() {
            // The room is over, and this connection will be closed.
            std::future::pending::<()>().await;
        }
    }

    /// Adds, replaces and removes tracks to match the participant. A track of the same codec goes
    /// on without a negotiation; the next offer contains the others.
    pub(super) async fn update(&mut self, pc: &dyn PeerConnection) -> Result<()> {
        let now = self.media.borrow_and_update().clone();
        for slot in Slot::ALL {
            let player = now.player(slot);
            let earlier = self.live.iter().position(|live| live.slot == slot);
            if let (Some(player), Some(index)) = (player, earlier)
                && player.codec() == self.live[index].codec
            {
                self.live[index].play(player);
                continue;
            }
            // The new track is added before the old one is removed. If it took the old one's place,
            // the other side could not tell that one track has ended and another has begun.
            if let Some(player) = player {
                self.add_track(pc, slot, player).await?;
            }
            if let Some(index) = earlier {
                let earlier = self.live.swap_remove(index);
                pc.remove_track(&earlier.rtp).await?;
            }
        }
        Ok(())
    }

    /// The sources of the tracks, to be sent with the description that gives tracks their sections.
    pub(super) async fn labels(&self, pc: &dyn PeerConnection) -> Result<Vec<TrackLabel>> {
        let mut labels = Vec::new();
        for transceiver in pc.get_transceivers().await {
            let Some(sender) = transceiver.sender().await? else { continue };
            let live = self.live.iter().find(|live| live.rtp.id() == sender.id());
            if let (Some(live), Some(mid)) = (live, transceiver.mid().await?) {
                labels.push(TrackLabel { mid, source: live.player.borrow().label() });
            }
        }
        Ok(labels)
    }

    async fn add_track(
        &mut self,
        pc: &dyn PeerConnection,
        slot: Slot,
        player: &Arc<Player>,
    ) -> Result<()> {
        let (player, players) = watch::channel(Arc::clone(player));
        let sender =
            Sender::add(pc, players, self.stream_ids.of(slot), self.levels.clone()).await?;
        let codec = player.borrow().codec();
        let (rtp, running) = (sender.rtp(), JoinSet::new());
        self.live.push(Live { slot, codec, rtp, player, waiting: Some(sender), running });
        Ok(())
    }
}

impl Live {
    async fn start(&mut self) {
        let Some(sender) = self.waiting.take() else { return };
        if let Some(payload_type) = sender.payload_type().await {
            self.running.spawn(sender.run(payload_type));
        } else {
            let codec = self.codec;
            tracing::warn!(%codec, "the other side has not accepted this codec and gets nothing");
            self.waiting = Some(sender);
        }
    }

    fn play(&self, player: &Arc<Player>) {
        self.player.send_if_modified(|current| {
            let is_other = !Arc::ptr_eq(current, player);
            if is_other {
                *current = Arc::clone(player);
            }
            is_other
        });
    }
}

/// Whether the last negotiation lets this side send there.
async fn sends(transceiver: &dyn RtpTransceiver) -> Result<bool> {
    Ok(transceiver.current_direction().await?.has_send())
}

async fn receive_only(pc: &dyn PeerConnection, kind: RtpCodecKind) -> Result<()> {
    let direction = RTCRtpTransceiverDirection::Recvonly;
    let init = RTCRtpTransceiverInit { direction, ..RTCRtpTransceiverInit::default() };
    pc.add_transceiver_from_kind(kind, Some(init)).await.map(drop)
}
