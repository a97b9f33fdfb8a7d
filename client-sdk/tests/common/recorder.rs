//! Takes down everything that a track brings.

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
    /// Takes down what comes from here on, those packets left out that wait.
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

    /// What has come and when, in the order in which it came.
    pub async fn stop(self) -> Vec<(Instant, RtpPacket)> {
        // A track that has ended does not listen any more.
        let _ = self.stop.send(());
        self.task.await.unwrap()
    }
}
