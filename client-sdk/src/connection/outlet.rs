//! Passes the frames of a track as packets to the driver of webrtc-rs.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use rtc::rtp::packet::Packet;
use tokio::sync::Notify;
use webrtc::error::Result;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

use super::level_extension::LevelExtension;
use super::packetizer::Packetizer;
use crate::media::{TimedFrame, Viewer};

/// Sends the frames that a player shows it. It never waits, since the player serves other
/// connections too.
pub(super) struct Outlet {
    packetizer: Packetizer,
    levels: LevelExtension,
    packets: Arc<Packets>,
}

/// The packets on their way to webrtc-rs.
pub(super) struct Packets {
    track: Arc<TrackLocalStaticRTP>,
    /// The packets that the driver had no room for, as with a large keyframe.
    late: Mutex<VecDeque<Packet>>,
    are_late: Notify,
}

impl Outlet {
    pub(super) fn new(
        packetizer: Packetizer,
        levels: LevelExtension,
        packets: Arc<Packets>,
    ) -> Self {
        Self { packetizer, levels, packets }
    }
}

impl Viewer for Outlet {
    fn show(&mut self, frame: &TimedFrame) {
        let packets = match self.packetizer.packetize(frame) {
            Ok(packets) => packets,
            Err(error) => return tracing::trace!(%error, "a frame was not sent"),
        };
        for mut packet in packets {
            if let Some(level) = frame.frame.level {
                self.levels.write(level, &mut packet.header);
            }
            self.packets.write(packet);
        }
    }
}

impl Packets {
    pub(super) fn new(track: Arc<TrackLocalStaticRTP>) -> Arc<Self> {
        Arc::new(Self { track, late: Mutex::default(), are_late: Notify::new() })
    }

    /// Writes the late packets once there is room.
    pub(super) async fn write_late(&self) -> Infallible {
        loop {
            self.are_late.notified().await;
            // The packet stays in the queue until it is written, so that none overtakes it.
            while let Some(packet) = { self.late().front().cloned() } {
                note(self.track.write_rtp(packet).await);
                self.late().pop_front();
            }
        }
    }

    fn write(&self, packet: Packet) {
        let mut late = self.late();
        if late.is_empty()
            && let Some(written) = self.track.write_rtp(packet.clone()).now_or_never()
        {
            return note(written);
        }
        // A stalled driver loses packets, as a network does.
        if late.len() < MAX_LATE {
            late.push_back(packet);
            self.are_late.notify_one();
        }
    }

    fn late(&self) -> MutexGuard<'_, VecDeque<Packet>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(written: Result<()>) {
    if let Err(error) = written {
        tracing::trace!(%error, "a packet was not sent");
    }
}

/// About 4 MiB of the largest packets.
const MAX_LATE: usize = 4096;
