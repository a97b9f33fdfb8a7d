//! VP8 in RTP (RFC 7741).

use bytes::Bytes;

use super::{Assembled, join};

/// Whether the first partition of a frame starts here.
pub(super) fn is_start(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| first & (START | PARTITION) == START)
}

pub(super) fn assemble(payloads: &[Bytes]) -> Option<Assembled> {
    let data = join(payloads, descriptor)?;
    // The lowest bit is zero in a keyframe (RFC 6386 section 9.1).
    let is_key = data.first()? & 1 == 0;
    Some(Assembled { data, is_key })
}

/// Whether this first payload of a frame is of a keyframe.
pub(super) fn begins_keyframe(payload: &[u8]) -> bool {
    let frame = descriptor(payload).and_then(|length| payload.get(length));
    frame.is_some_and(|first| first & 1 == 0)
}

/// The length of the payload descriptor (section 4.2).
fn descriptor(payload: &[u8]) -> Option<usize> {
    let mut length = 1;
    if payload.first()? & EXTENDED != 0 {
        let extension = *payload.get(1)?;
        length += 1;
        if extension & PICTURE_ID != 0 {
            length += if payload.get(length)? & LONG_PICTURE_ID == 0 { 1 } else { 2 };
        }
        if extension & LAYER_INDEX != 0 {
            length += 1;
        }
        if extension & (TEMPORAL_LAYER | KEY_INDEX) != 0 {
            length += 1;
        }
    }
    (payload.len() > length).then_some(length)
}

const EXTENDED: u8 = 0x80;
const START: u8 = 0x10;
const PARTITION: u8 = 0x07;
const PICTURE_ID: u8 = 0x80;
const LONG_PICTURE_ID: u8 = 0x80;
const LAYER_INDEX: u8 = 0x40;
const TEMPORAL_LAYER: u8 = 0x20;
const KEY_INDEX: u8 = 0x10;
