//! What a participant of this crate sees of a page's video: whole VP8 frames, and how large they
//! are (RFC 7741, RFC 6386).

use client_sdk::{MediaKind, ParticipantId};
use tokio::time::timeout;

use crate::common::{PATIENCE, Witness};

/// Waits for this many whole frames that were not there yet.
pub(crate) async fn receive_frames(witness: &mut Witness, from: ParticipantId, count: usize) {
    witness.receive_fresh(from, MediaKind::Video, 1).await;
    let track = witness.tracks.get_mut(&(from, MediaKind::Video)).unwrap();
    let receiving = async {
        let (mut frames, mut begun) = (0, None);
        while frames < count {
            let packet = track.recv().await.expect("the video ended");
            if begins_frame(&packet.payload) {
                begun = Some(packet.timestamp);
            }
            if packet.marker && begun == Some(packet.timestamp) {
                frames += 1;
            }
        }
    };
    timeout(PATIENCE, receiving).await.unwrap_or_else(|_| panic!("no frames of {from}"));
}

/// Waits for a keyframe of that size.
pub(crate) async fn receive_picture(witness: &mut Witness, from: ParticipantId, size: (u16, u16)) {
    let track = witness.tracks.get_mut(&(from, MediaKind::Video)).unwrap();
    let mut seen = Vec::new();
    let receiving = async {
        while !seen.contains(&size) {
            let packet = track.recv().await.expect("the video ended");
            seen.extend(keyframe_size(&packet.payload));
        }
    };
    let received = timeout(PATIENCE, receiving).await;
    assert!(received.is_ok(), "no picture of {size:?}, but {seen:?}");
}

/// The width and height that the first packet of a keyframe tells.
fn keyframe_size(payload: &[u8]) -> Option<(u16, u16)> {
    let frame = frame_header(payload)?;
    // RFC 6386 section 9.1: the lowest bit is zero in keyframes; a start code and the size follow.
    let [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = *frame else { return None };
    let side = |low, high| u16::from_le_bytes([low, high]) & 0x3fff;
    (tag & 1 == 0).then(|| (side(w0, w1), side(h0, h1)))
}

fn begins_frame(payload: &[u8]) -> bool {
    frame_header(payload).is_some()
}

/// What follows the payload descriptor (RFC 7741 section 4.2) in the first packet of a frame.
fn frame_header(payload: &[u8]) -> Option<&[u8]> {
    let (first, mut rest) = payload.split_first()?;
    // The first packet starts the first partition.
    if first & 0x17 != 0x10 {
        return None;
    }
    if first & 0x80 != 0 {
        let (extensions, after) = rest.split_first()?;
        let picture_id = match (extensions & 0x80 != 0, after.first()? & 0x80 != 0) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 2,
        };
        let level = usize::from(extensions & 0x40 != 0);
        let layer_or_key = usize::from(extensions & 0x30 != 0);
        rest = after.get(picture_id + level + layer_or_key..)?;
    }
    Some(rest)
}
