//! Which encoded pictures a decoder can start with.

use super::{Codec, annex_b};
use crate::leb128;

/// Whether a decoder can start with the frame; `None` if it is not of that codec.
pub(super) fn is_key(codec: Codec, frame: &[u8]) -> Option<bool> {
    match codec {
        Codec::Av1 => is_av1_key(frame),
        Codec::H264 => annex_b::is_key(frame),
        Codec::Opus => frame.first().map(|_| true),
        // The lowest bit of a frame tag is 0 for a keyframe (RFC 6386 section 9.1).
        Codec::Vp8 => Some(frame.first()? & 1 == 0),
        Codec::Vp9 => is_vp9_key(*frame.first()?),
    }
}

/// Reads the start of the uncompressed header (VP9 bitstream section 6.2).
fn is_vp9_key(first: u8) -> Option<bool> {
    if first >> 6 != 0b10 {
        return None;
    }
    // Profile 3 has a reserved bit before `show_existing_frame` and `frame_type`.
    let flags = if first & 0b0011_0000 == 0b0011_0000 { first >> 1 } else { first >> 2 };
    Some(flags & 0b11 == 0)
}

/// A temporal unit that starts a coded video sequence has a sequence header (AV1 bitstream sections
/// 5.3 and 7.5).
fn is_av1_key(mut unit: &[u8]) -> Option<bool> {
    let mut is_key = false;
    while let Some((&header, rest)) = unit.split_first() {
        let (has_extension, has_size) = (header & 0b100 != 0, header & 0b10 != 0);
        if header & 0x80 != 0 || !has_size {
            return None;
        }
        is_key |= header >> 3 == SEQUENCE_HEADER;
        let rest = if has_extension { rest.get(1..)? } else { rest };
        let (size, rest) = leb128::read(rest)?;
        unit = rest.get(size..)?;
    }
    Some(is_key)
}

const SEQUENCE_HEADER: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_codec_has_keyframes_of_its_own() {
        let cases: [(Codec, &[u8], Option<bool>); 9] = [
            (Codec::H264, b"\0\0\0\x01\x67\x42\0\0\x01\x68\xce\0\0\x01\x65\x88", Some(true)),
            (Codec::H264, b"\0\0\0\x01\x41\x9a", Some(false)),
            (Codec::H264, b"\x9d\x01\x2a", None),
            (Codec::Opus, b"\xf9\xff\xfe", Some(true)),
            (Codec::Opus, b"", None),
            (Codec::Vp8, b"\x10", Some(true)),
            (Codec::Vp8, b"\x11", Some(false)),
            (Codec::Vp9, b"\x82", Some(true)),
            (Codec::Av1, b"\x12\0\x0a\x01\0", Some(true)),
        ];
        for (codec, frame, expected) in cases {
            assert_eq!(is_key(codec, frame), expected, "{codec} {frame:x?}");
        }
    }
}
