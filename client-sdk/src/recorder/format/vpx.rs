//! The headers of VP8 and VP9.

use super::Format;
use crate::recorder::bits::Bits;

/// RFC 6386 section 9.1.
pub(super) fn vp8(frame: &[u8]) -> Option<Format> {
    let [first, _, _, 0x9d, 0x01, 0x2a, size @ ..] = frame else { return None };
    let [w0, w1, h0, h1, ..] = *size else { return None };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    let is_key = first & 1 == 0;
    is_key.then(|| Format {
        codec_id: "V_VP8",
        private: None,
        size: Some((side(w0, w1), side(h0, h1))),
    })
}

/// VP9 bitstream specification section 6.2, profile 0.
pub(super) fn vp9(frame: &[u8]) -> Option<Format> {
    let mut bits = Bits::new(frame);
    let (marker, profile) = (bits.take(2)?, bits.take(2)?);
    let shows_existing = bits.flag()?;
    let is_key = !bits.flag()?;
    let _shown_and_resilient = bits.take(2)?;
    let sync = bits.take(24)?;
    if marker != 2 || profile != 0 || shows_existing || !is_key || sync != 0x49_8342 {
        return None;
    }
    let color_space = bits.take(3)?;
    if color_space == RGB {
        // Needs another profile.
        return None;
    }
    let _full_range = bits.flag()?;
    let size = (bits.take(16)? + 1, bits.take(16)? + 1);
    Some(Format { codec_id: "V_VP9", private: None, size: Some(size) })
}

const RGB: u32 = 7;
