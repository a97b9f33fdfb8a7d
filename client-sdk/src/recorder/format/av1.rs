//! The sequence header of AV1.

use super::Format;
use crate::leb128;
use crate::recorder::bits::Bits;

pub(super) fn format(unit: &[u8]) -> Option<Format> {
    let obu = sequence_header(unit)?;
    let (payload, header) = (obu.payload, obu.whole);
    let sequence = Sequence::read(payload)?;
    // AV1 in ISOBMFF section 2.3.3. WebRTC has 8 bits and half the resolution of colors alone
    // (profile 0).
    let level = (sequence.profile << 5 | sequence.level) as u8;
    let colors = u8::from(sequence.high_tier) << 7 | 0x0c;
    let private = [&[0x81, level, colors, 0], header].concat();
    Some(Format { codec_id: "V_AV1", private: Some(private), size: Some(sequence.size) })
}

struct Obu<'a> {
    /// With its header and size.
    whole: &'a [u8],
    payload: &'a [u8],
}

/// Finds the sequence header in a temporal unit, each OBU of which has a size.
fn sequence_header(mut unit: &[u8]) -> Option<Obu<'_>> {
    loop {
        let header = *unit.first()?;
        let skipped = if header & HAS_EXTENSION == 0 { 1 } else { 2 };
        let (size, rest) = leb128::read(unit.get(skipped..)?)?;
        let (payload, following) = rest.split_at_checked(size)?;
        if header >> 3 & 0x0f == SEQUENCE_HEADER {
            return Some(Obu { whole: &unit[..unit.len() - following.len()], payload });
        }
        unit = following;
    }
}

/// The fields of a sequence header that are read (AV1 specification section 5.5.1).
struct Sequence {
    profile: u32,
    /// Level and tier of the first operating point.
    level: u32,
    high_tier: bool,
    size: (u32, u32),
}

impl Sequence {
    fn read(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        let profile = bits.take(3)?;
        let _still_picture = bits.flag()?;
        let is_reduced = bits.flag()?;
        let (level, high_tier) = match is_reduced {
            true => (bits.take(5)?, false),
            false => operating_points(&mut bits)?,
        };
        let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
        let size = (bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
        Some(Self { profile, level, high_tier, size })
    }
}

/// Reads all operating points, and returns level and tier of the first.
fn operating_points(bits: &mut Bits<'_>) -> Option<(u32, bool)> {
    let mut delay_bits = None;
    let has_timing = bits.flag()?;
    if has_timing {
        bits.take(32)?;
        bits.take(32)?;
        let has_equal_intervals = bits.flag()?;
        if has_equal_intervals {
            bits.golomb()?;
        }
        let has_decoder_model = bits.flag()?;
        if has_decoder_model {
            delay_bits = Some(bits.take(5)? + 1);
            bits.take(32)?;
            bits.take(10)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let count = bits.take(5)? + 1;
    let mut first = None;
    for _ in 0..count {
        bits.take(12)?;
        let level = bits.take(5)?;
        let high_tier = level > 7 && bits.flag()?;
        if let Some(length) = delay_bits {
            let has_delays = bits.flag()?;
            if has_delays {
                bits.take(length)?;
                bits.take(length)?;
                bits.flag()?;
            }
        }
        if has_display_delay && bits.flag()? {
            bits.take(4)?;
        }
        first.get_or_insert((level, high_tier));
    }
    first
}

const SEQUENCE_HEADER: u8 = 1;
const HAS_EXTENSION: u8 = 0x04;
