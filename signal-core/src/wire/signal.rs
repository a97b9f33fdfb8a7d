//! Descriptions and candidates, written by hand: this is the hot path.

use bytes::{BufMut, Bytes, BytesMut};

use crate::ids::ParticipantId;
use crate::message::{Signal, SignalKind};
use crate::protocol::ProtocolVersion;

/// Writes a signal with one allocation, the payload pasted. `direction` is `to` or `from`.
pub(super) fn encode_signal(
    direction: &str,
    peer: &ParticipantId,
    signal: &Signal,
    protocol: ProtocolVersion,
) -> Bytes {
    let (kind, field) = match signal.kind {
        SignalKind::Answer => ("answer", "sdp"),
        SignalKind::Candidate => ("candidate", "candidate"),
        SignalKind::Offer => ("offer", "sdp"),
    };
    let (negotiation, tracks) = match protocol {
        ProtocolVersion::V1 => (None, None),
        ProtocolVersion::V2 => (signal.negotiation, signal.tracks.as_ref()),
    };
    let payload = signal.payload.as_bytes();
    let tracks_len = tracks.map_or(0, |tracks| tracks.as_bytes().len());
    let mut frame = BytesMut::with_capacity(FRAME_BYTES + payload.len() + tracks_len);
    let parts: [&[u8]; 9] = [
        br#"{"type":""#,
        kind.as_bytes(),
        br#"",""#,
        direction.as_bytes(),
        br#"":""#,
        // Neither ids nor field names hold a character that JSON would escape.
        peer.as_str().as_bytes(),
        br#"",""#,
        field.as_bytes(),
        br#"":"#,
    ];
    for part in parts {
        frame.put_slice(part);
    }
    frame.put_slice(payload);
    if let Some(negotiation) = negotiation {
        frame.put_slice(br#","neg":"#);
        put_decimal(&mut frame, negotiation);
    }
    if let Some(tracks) = tracks {
        frame.put_slice(br#","tracks":"#);
        frame.put_slice(tracks.as_bytes());
    }
    frame.put_u8(b'}');
    frame.freeze()
}

fn put_decimal(frame: &mut BytesMut, mut number: u32) {
    let mut digits = [0; 10];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    frame.put_slice(&digits[first..]);
}

/// The longest a frame can be without what is pasted.
const FRAME_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Payload;

    #[test]
    fn the_longest_frame_needs_no_second_allocation() {
        let signal = Signal {
            kind: SignalKind::Candidate,
            payload: Payload::empty_list(),
            negotiation: Some(u32::MAX),
            tracks: Some(Payload::empty_list()),
        };
        let longest = "p_1234567890123".parse().unwrap();
        let frame = encode_signal("from", &longest, &signal, ProtocolVersion::V2);
        assert!(frame.len() <= FRAME_BYTES, "{}", frame.len());
        assert!(frame.ends_with(br#","neg":4294967295,"tracks":[]}"#));
    }
}
