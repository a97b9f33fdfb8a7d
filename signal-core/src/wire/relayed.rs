//! Relayed messages, encoded by hand, since this is the hot path.
//!
//! Each frame takes one allocation, and the payload is pasted. Serde would scan it once more, to
//! make sure that it is JSON.

use bytes::{BufMut, Bytes, BytesMut};

use crate::ids::ParticipantId;
use crate::message::{Signal, SignalKind, Topic};
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;

/// Encodes a session description or ICE candidate. `direction` is `to` or `from`.
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

/// Encodes an application message, as it is passed on. `from` needs no escaping in JSON.
pub(super) fn encode_message(from: &str, topic: &Topic, data: &Payload) -> Bytes {
    let (topic, data) = (topic.as_str(), data.as_bytes());
    let mut frame = BytesMut::with_capacity(FRAME_BYTES + topic.len() + data.len());
    frame.put_slice(br#"{"type":"message","from":""#);
    frame.put_slice(from.as_bytes());
    frame.put_slice(br#"","topic":"#);
    serde_json::to_writer((&mut frame).writer(), topic)
        .expect("a string has a JSON form, and memory takes what is written");
    frame.put_slice(br#","data":"#);
    frame.put_slice(data);
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

/// The longest a frame can be without its payload and topic. Characters of a topic that have to be
/// escaped may cost a second allocation.
const FRAME_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

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
