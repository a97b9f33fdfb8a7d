//! VP9 in RTP (RFC 9628).

use bytes::Bytes;

use super::{Assembled, join};

/// Whether a frame starts here.
pub(super) fn is_start(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| first & BEGIN != 0)
}

/// Whether this first payload of a frame is of a keyframe.
pub(super) fn begins_keyframe(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| first & PREDICTED == 0)
}

pub(super) fn assemble(payloads: &[Bytes]) -> Option<Assembled> {
    let is_key = payloads.first()?.first()? & PREDICTED == 0;
    let data = join(payloads, descriptor)?;
    Some(Assembled { data, is_key })
}

/// The length of the payload descriptor (section 4.2).
fn descriptor(payload: &[u8]) -> Option<usize> {
    let first = *payload.first()?;
    let is_flexible = first & FLEXIBLE != 0;
    let mut length = 1;
    if first & PICTURE_ID != 0 {
        length += if payload.get(length)? & LONG_PICTURE_ID == 0 { 1 } else { 2 };
    }
    if first & LAYER != 0 {
        length += if is_flexible { 1 } else { 2 };
    }
    if is_flexible && first & PREDICTED != 0 {
        // Up to three references, each of which says whether another follows.
        for reference in 0..3 {
            let more = payload.get(length)? & 1 != 0;
            length += 1;
            if !more {
                break;
            }
            if reference == 2 {
                return None;
            }
        }
    }
    if first & STRUCTURE != 0 {
        length += structure(payload.get(length..)?)?;
    }
    (payload.len() > length).then_some(length)
}

/// The length of the scalability structure (section 4.2.1).
fn structure(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    let mut length = 1;
    if first & SIZES != 0 {
        let layers = usize::from(first >> 5) + 1;
        length += 4 * layers;
    }
    if first & GROUP != 0 {
        let pictures = *bytes.get(length)?;
        length += 1;
        for _ in 0..pictures {
            let references = usize::from(bytes.get(length)? >> 2 & 3);
            length += 1 + references;
        }
    }
    Some(length)
}

const PICTURE_ID: u8 = 0x80;
const PREDICTED: u8 = 0x40;
const LAYER: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const BEGIN: u8 = 0x08;
const STRUCTURE: u8 = 0x02;
const LONG_PICTURE_ID: u8 = 0x80;
const SIZES: u8 = 0x10;
const GROUP: u8 = 0x08;
