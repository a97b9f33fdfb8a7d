//! Pictures that the test pushes itself, marked so that they can be recognized.

use std::time::Duration;

use bytes::Bytes;
use client_sdk::{Frame, MediaKind, ParticipantId, Pusher, RemoteTrack};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::frames::{Form, receive_frames};
use super::{PATIENCE, Witness};

/// Pushes pictures that end with a mark until the source is no longer sent.
pub fn push(pusher: Pusher, mark: &'static [u8]) -> JoinHandle<()> {
    let data = Bytes::from([&[0x10, 2, 0, 0x9d, 1, 0x2a, 16, 0, 16, 0], mark].concat());
    tokio::spawn(async move {
        let frame = Frame { data, duration: Duration::from_millis(20), is_key: true, level: None };
        while pusher.push(frame.clone()).is_ok() {
            tokio::time::sleep(frame.duration).await;
        }
    })
}

/// Waits for pictures with that mark, and none but those.
pub async fn until_marked(witness: &mut Witness, of: (ParticipantId, MediaKind), mark: &[u8]) {
    for frame in receive_frames(witness, of.0, of.1, Form::Vp8, 10).await {
        assert!(frame.ends_with(mark), "{frame:?}");
    }
}

/// Waits until the track has ended, and forgets it.
pub async fn until_ended(witness: &mut Witness, of: (ParticipantId, MediaKind)) {
    drain(witness.tracks.remove(&of).unwrap()).await;
}

/// Waits until the track has ended.
pub async fn drain(mut track: RemoteTrack) {
    while timeout(PATIENCE, track.recv()).await.expect("the track does not end").is_some() {}
}

/// Waits until pictures with that mark come, on the same track.
pub async fn until_turned(track: &mut RemoteTrack, mark: &[u8]) {
    loop {
        let packet = timeout(PATIENCE, track.recv()).await.unwrap().expect("the track goes on");
        if packet.payload.ends_with(mark) {
            break;
        }
    }
}
