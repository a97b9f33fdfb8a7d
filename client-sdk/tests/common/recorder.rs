//! Records every packet of a track.

use std::time::Duration;

use client_sdk::{RemoteTrack, RtpPacket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

pub struct Recorder {
    task: JoinHandle<Vec<(Instant, RtpPacket)>>,
    stop: oneshot::Sender<()>,
}

impl Recorder {
    /// Records the packets from now on, without those that are buffered already.
    pub fn start(mut track: RemoteTrack) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            while timeout(Duration::ZERO, track.recv()).await.is_ok_and(|packet| packet.is_some()) {
            }
            let mut packets = Vec::new();
            loop {
                tokio::select! {
                    packet = track.recv() => match packet {
                        Some(packet) => packets.push((Instant::now(), packet)),
                        None => break,
                    },
                    _ = &mut stopped => break,
                }
            }
            packets
        });
        Self { task, stop }
    }

    /// Returns the packets and their times, in the order of arrival.
    pub async fn stop(self) -> Vec<(Instant, RtpPacket)> {
        // Fails if the track has ended already.
        let _ = self.stop.send(());
        self.task.await.unwrap()
    }
}
