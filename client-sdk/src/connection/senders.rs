//! The tracks that one connection sends, which follow those of the participant.

use std::collections::BTreeSet;
use std::sync::Arc;

use rtc::rtp_transceiver::RTCRtpTransceiverDirection;
use tokio::sync::watch;
use tokio::task::JoinSet;
use webrtc::error::Result;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::{RtpSender, RtpTransceiver};

use super::level_extension::LevelExtension;
use super::sender::Sender;
use super::sender_reports::SentClocks;
use super::stream_ids::StreamIds;
use crate::media::Player;
use crate::outgoing::Media;
use crate::session::TrackLabel;
use crate::slot::Slot;

pub(super) struct Senders {
    media: watch::Receiver<Media>,
    stream_ids: StreamIds,
    levels: LevelExtension,
    clocks: SentClocks,
    live: Vec<Live>,
    /// Whether the connection is up. Earlier packets would be lost.
    is_connected: bool,
}

/// A track that is negotiated, or about to be.
struct Live {
    slot: Slot,
    rtp: Arc<dyn RtpSender>,
    /// The player of the participant for this slot.
    player: Arc<Player>,
    /// The player that the connection sends: the same, or an idle one while the other side does not
    /// want the track.
    feeding: watch::Sender<Arc<Player>>,
    is_wanted: bool,
    /// The sender, until the track is negotiated and the connection is up.
    waiting: Option<Sender>,
    /// Stops sending when it is dropped.
    running: JoinSet<()>,
}

impl Senders {
    /// Adds the current tracks.
    pub(super) async fn add(
        pc: &dyn PeerConnection,
        mut media: watch::Receiver<Media>,
        stream_ids: StreamIds,
        levels: LevelExtension,
        clocks: SentClocks,
    ) -> Result<Self> {
        let now = media.borrow_and_update().clone();
        let live = Vec::new();
        let mut senders = Self { media, stream_ids, levels, clocks, live, is_connected: false };
        for slot in now.slots() {
            if let Some(player) = now.player(slot) {
                senders.add_track(pc, slot, player).await?;
            }
        }
        Ok(senders)
    }

    /// Starts sending, since the connection is up.
    pub(super) async fn connected(&mut self, pc: &dyn PeerConnection) -> Result<()> {
        self.is_connected = true;
        self.start(pc).await
    }

    /// Starts the tracks that have been negotiated, and stops those that the other side no longer
    /// wants.
    pub(super) async fn start(&mut self, pc: &dyn PeerConnection) -> Result<()> {
        if !self.is_connected {
            return Ok(());
        }
        for transceiver in pc.get_transceivers().await {
            let Some(sender) = transceiver.sender().await? else { continue };
            let Some(live) = self.live.iter_mut().find(|live| live.rtp.id() == sender.id()) else {
                continue;
            };
            // A section that was negotiated before its track was added does not send yet.
            if sends(transceiver.as_ref()).await? {
                live.start().await;
            } else {
                live.set_wanted(false);
            }
        }
        Ok(())
    }

    /// Whether the last negotiation had a section for every track, even if the other side does not
    /// want it.
    pub(super) async fn are_negotiated(&self, pc: &dyn PeerConnection) -> Result<bool> {
        let mut negotiated = 0;
        for transceiver in pc.get_transceivers().await {
            let Some(sender) = transceiver.sender().await? else { continue };
            let is_live = self.live.iter().any(|live| live.rtp.id() == sender.id());
            let direction = transceiver.current_direction().await?;
            let has_place = direction != RTCRtpTransceiverDirection::Unspecified;
            negotiated += usize::from(is_live && has_place);
        }
        Ok(negotiated == self.live.len())
    }

    /// Whether one of the tracks uses that transceiver.
    pub(super) async fn send_over(&self, transceiver: &dyn RtpTransceiver) -> Result<bool> {
        let Some(sender) = transceiver.sender().await? else { return Ok(false) };
        Ok(self.live.iter().any(|live| live.rtp.id() == sender.id()))
    }

    /// Waits until the participant sends something else. Safe to cancel.
    pub(super) async fn changed(&mut self) {
        if self.media.changed().await.is_err() {
            // The room is over, and this connection will be closed.
            std::future::pending::<()>().await;
        }
    }

    /// Adds, replaces and removes tracks to match the participant. A track of the same codec
    /// continues without a negotiation; the next offer contains the others.
    pub(super) async fn update(&mut self, pc: &dyn PeerConnection) -> Result<()> {
        let now = self.media.borrow_and_update().clone();
        let before = self.live.iter().map(|live| &live.slot);
        let slots: BTreeSet<Slot> = now.slots().chain(before).cloned().collect();
        for slot in &slots {
            let player = now.player(slot);
            let earlier = self.live.iter().position(|live| live.slot == *slot);
            if let (Some(player), Some(index)) = (player, earlier)
                && player.codec() == self.live[index].player.codec()
            {
                self.live[index].play(player);
                continue;
            }
            // The new track is added before the old one is removed. If it took over the section,
            // the other side would not notice that one track has ended and another has begun.
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

    /// The sources of the tracks, to be sent with the description.
    pub(super) async fn labels(&self, pc: &dyn PeerConnection) -> Result<Vec<TrackLabel>> {
        let mut labels = Vec::new();
        for transceiver in pc.get_transceivers().await {
            let Some(sender) = transceiver.sender().await? else { continue };
            let live = self.live.iter().find(|live| live.rtp.id() == sender.id());
            if let (Some(live), Some(mid)) = (live, transceiver.mid().await?) {
                labels.push(TrackLabel { mid, source: live.player.label() });
            }
        }
        Ok(labels)
    }

    async fn add_track(
        &mut self,
        pc: &dyn PeerConnection,
        slot: &Slot,
        player: &Arc<Player>,
    ) -> Result<()> {
        let (feeding, players) = watch::channel(Arc::clone(player));
        let stream_id = self.stream_ids.of(slot);
        let (levels, clocks) = (self.levels.clone(), self.clocks.clone());
        let sender = Sender::add(pc, players, slot, stream_id, levels, clocks).await?;
        self.live.push(Live {
            slot: slot.clone(),
            rtp: sender.rtp(),
            player: Arc::clone(player),
            feeding,
            is_wanted: true,
            waiting: Some(sender),
            running: JoinSet::new(),
        });
        Ok(())
    }
}

impl Live {
    async fn start(&mut self) {
        self.set_wanted(true);
        let Some(sender) = self.waiting.take() else { return };
        if let Some(payload_type) = sender.payload_type().await {
            self.running.spawn(sender.run(payload_type));
        } else {
            let codec = self.player.codec();
            tracing::warn!(%codec, "the other side has not accepted this codec, so the track is not sent");
            self.waiting = Some(sender);
        }
    }

    fn play(&mut self, player: &Arc<Player>) {
        self.player = Arc::clone(player);
        if self.is_wanted {
            self.feed(Arc::clone(player));
        }
    }

    /// Sets whether the other side wants the track. The sequence numbers and timestamps continue
    /// when it is wanted again.
    fn set_wanted(&mut self, is_wanted: bool) {
        if std::mem::replace(&mut self.is_wanted, is_wanted) == is_wanted {
            return;
        }
        let player = &self.player;
        let idle = || Arc::new(Player::idle(player.codec(), player.label()));
        self.feed(if is_wanted { Arc::clone(player) } else { idle() });
    }

    fn feed(&self, player: Arc<Player>) {
        self.feeding.send_if_modified(|current| {
            let is_other = !Arc::ptr_eq(current, &player);
            *current = player;
            is_other
        });
    }
}

/// Whether the last negotiation lets this side send there.
async fn sends(transceiver: &dyn RtpTransceiver) -> Result<bool> {
    Ok(transceiver.current_direction().await?.has_send())
}
