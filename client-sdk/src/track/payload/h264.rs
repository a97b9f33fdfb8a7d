//! H.264 in RTP (RFC 6184), packetization mode 1.

use bytes::Bytes;

use super::Assembled;

/// Whether a NAL unit starts here.
pub(super) fn is_start(payload: &[u8]) -> bool {
    match payload {
        [indicator, header, ..] if indicator & KIND == FRAGMENT => header & FIRST != 0,
        [_, ..] => true,
        [] => false,
    }
}

/// Whether a keyframe, or the parameters that precede one, begins with this NAL unit.
pub(super) fn begins_keyframe(payload: &[u8]) -> bool {
    let kind = match payload {
        [indicator, header, ..] if indicator & KIND == FRAGMENT => header & KIND,
        [indicator, _, _, header, ..] if indicator & KIND == AGGREGATE => header & KIND,
        [header, ..] => header & KIND,
        [] => return false,
    };
    matches!(kind, KEY_SLICE | PARAMETERS)
}

/// Assembles an access unit in Annex-B format.
pub(super) fn assemble(payloads: &[Bytes]) -> Option<Assembled> {
    let mut unit =
        Unit { data: Vec::with_capacity(payloads.iter().map(Bytes::len).sum()), is_key: false };
    // Whether the last NAL unit continues.
    let mut is_open = false;
    for payload in payloads {
        let indicator = *payload.first()?;
        if is_open && indicator & KIND != FRAGMENT {
            return None;
        }
        match indicator & KIND {
            1..AGGREGATE => unit.push(indicator, &payload[1..]),
            AGGREGATE => {
                let mut rest = &payload[1..];
                while let [high, low, following @ ..] = rest {
                    let size = usize::from(u16::from_be_bytes([*high, *low]));
                    let (nal, following) = following.split_at_checked(size)?;
                    let (header, body) = nal.split_first()?;
                    unit.push(*header, body);
                    rest = following;
                }
                if !rest.is_empty() {
                    return None;
                }
            }
            FRAGMENT => {
                let [_, header, body @ ..] = &payload[..] else { return None };
                if header & FIRST != 0 {
                    unit.push(indicator & !KIND | header & KIND, body);
                } else if is_open {
                    unit.data.extend_from_slice(body);
                } else {
                    return None;
                }
                is_open = header & LAST == 0;
            }
            // Interleaved modes and reserved types.
            _ => return None,
        }
    }
    (!is_open).then(|| Assembled { data: unit.data.into(), is_key: unit.is_key })
}

struct Unit {
    data: Vec<u8>,
    is_key: bool,
}

impl Unit {
    fn push(&mut self, header: u8, body: &[u8]) {
        self.is_key |= header & KIND == KEY_SLICE;
        self.data.extend_from_slice(&[0, 0, 0, 1, header]);
        self.data.extend_from_slice(body);
    }
}

const KIND: u8 = 0x1f;
const KEY_SLICE: u8 = 5;
/// Of a sequence.
const PARAMETERS: u8 = 7;
/// STAP-A.
const AGGREGATE: u8 = 24;
/// FU-A.
const FRAGMENT: u8 = 28;
const FIRST: u8 = 0x80;
const LAST: u8 = 0x40;
