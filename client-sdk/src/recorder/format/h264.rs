//! The parameter sets of H.264.

use super::Format;
use crate::recorder::bits::Bits;

pub(super) fn format(unit: &[u8]) -> Option<Format> {
    let of_kind =
        |kind| units(unit).find(|nal| nal.first().is_some_and(|byte| byte & 0x1f == kind));
    let (sequence, picture) = (of_kind(SEQUENCE)?, of_kind(PICTURE)?);
    let Sequence { size, colors } = Sequence::read(sequence)?;
    // ISO/IEC 14496-15 section 5.3.3.1: the profile, lengths of four bytes, one set of each kind,
    // and no extensions of sets.
    let [_, profile, constraints, level, ..] = *sequence else { return None };
    let mut private = vec![1, profile, constraints, level, 0xff, 0xe1];
    private.extend_from_slice(&u16::try_from(sequence.len()).ok()?.to_be_bytes());
    private.extend_from_slice(sequence);
    private.push(1);
    private.extend_from_slice(&u16::try_from(picture.len()).ok()?.to_be_bytes());
    private.extend_from_slice(picture);
    if let Some(Colors { chroma, luma_depth, chroma_depth }) = colors {
        private.extend([0xfc | chroma, 0xf8 | luma_depth, 0xf8 | chroma_depth, 0]);
    }
    Some(Format { codec_id: "V_MPEG4/ISO/AVC", private: Some(private), size: Some(size) })
}

/// The access unit with the length before each NAL unit instead of a start code.
pub(super) fn with_lengths(unit: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(unit.len() + 16);
    for nal in units(unit) {
        stored.extend_from_slice(&(nal.len() as u32).to_be_bytes());
        stored.extend_from_slice(nal);
    }
    stored
}

/// The NAL units behind start codes of three bytes or four.
fn units(unit: &[u8]) -> impl Iterator<Item = &[u8]> {
    let next = |from: usize| {
        let found = unit[from..].windows(3).position(|window| window == [0, 0, 1]);
        found.map(|position| from + position)
    };
    let mut start = next(0);
    std::iter::from_fn(move || {
        let begin = start? + 3;
        start = next(begin);
        let end = start.unwrap_or(unit.len());
        // No NAL unit ends with a zero (H.264 section 7.4.1): it belongs to the next start code.
        let zeros = unit[begin..end].iter().rev().take_while(|byte| **byte == 0).count();
        Some(&unit[begin..end - zeros])
    })
}

/// The fields of a sequence parameter set that are read (H.264 section 7.3.2.1.1).
struct Sequence {
    /// Width and height.
    size: (u32, u32),
    /// `None` for profiles with a fixed color format.
    colors: Option<Colors>,
}

/// The color format: the chroma format, and the bits of samples beyond eight.
struct Colors {
    chroma: u8,
    luma_depth: u8,
    chroma_depth: u8,
}

impl Sequence {
    fn read(set: &[u8]) -> Option<Self> {
        let payload = without_emulation_prevention(set.get(1..)?);
        let mut bits = Bits::new(&payload);
        let profile = bits.take(8)?;
        bits.take(16)?;
        bits.golomb()?;
        let is_high = HIGH_PROFILES.contains(&profile);
        let colors = if is_high { Some(Colors::read(&mut bits)?) } else { None };
        bits.golomb()?;
        match bits.golomb()? {
            0 => {
                bits.golomb()?;
            }
            1 => {
                bits.flag()?;
                bits.signed_golomb()?;
                bits.signed_golomb()?;
                for _ in 0..bits.golomb()?.min(255) {
                    bits.signed_golomb()?;
                }
            }
            _ => {}
        }
        bits.golomb()?;
        bits.flag()?;
        let chroma = colors.as_ref().map_or(1, |colors| colors.chroma);
        Some(Self { size: picture_size(&mut bits, chroma)?, colors })
    }
}

impl Colors {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let chroma = bits.golomb()?;
        if chroma == 3 {
            bits.flag()?;
        }
        let depths = [bits.golomb()?, bits.golomb()?];
        bits.flag()?;
        let has_scaling = bits.flag()?;
        if has_scaling {
            skip_scaling_lists(bits, if chroma == 3 { 12 } else { 8 })?;
        }
        if chroma > 3 || depths.iter().any(|depth| *depth > 6) {
            return None;
        }
        let [luma_depth, chroma_depth] = depths.map(|depth| depth as u8);
        Some(Self { chroma: chroma as u8, luma_depth, chroma_depth })
    }
}

/// Reads the width and height after cropping.
fn picture_size(bits: &mut Bits<'_>, chroma: u8) -> Option<(u32, u32)> {
    let (width, height) = (bits.golomb()?, bits.golomb()?);
    let is_progressive = bits.flag()?;
    if !is_progressive {
        bits.flag()?;
    }
    bits.flag()?;
    let fields = if is_progressive { 1 } else { 2 };
    let mut cropped = (0, 0);
    let is_cropped = bits.flag()?;
    if is_cropped {
        let [left, right, top, bottom] =
            [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
        let unit = (if matches!(chroma, 1 | 2) { 2 } else { 1 }, if chroma == 1 { 2 } else { 1 });
        cropped = (
            left.checked_add(right)?.checked_mul(unit.0)?,
            top.checked_add(bottom)?.checked_mul(unit.1 * fields)?,
        );
    }
    let blocks = |count: u32, times: u32| count.checked_add(1)?.checked_mul(16 * times);
    Some((
        blocks(width, 1)?.checked_sub(cropped.0)?,
        blocks(height, fields)?.checked_sub(cropped.1)?,
    ))
}

/// H.264 section 7.3.2.1.1.1.
fn skip_scaling_lists(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    for index in 0..count {
        let is_present = bits.flag()?;
        if !is_present {
            continue;
        }
        let (mut last, mut next) = (8_i32, 8_i32);
        for _ in 0..if index < 6 { 16 } else { 64 } {
            if next != 0 {
                next = last.wrapping_add(bits.signed_golomb()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Some(())
}

/// Removes emulation prevention: a three after two zeros is not part of the payload (H.264 section
/// 7.4.1).
fn without_emulation_prevention(bytes: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for byte in bytes {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        payload.push(*byte);
    }
    payload
}

const SEQUENCE: u8 = 7;
const PICTURE: u8 = 8;
/// The profiles whose parameter sets contain the color format.
const HIGH_PROFILES: [u32; 13] = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];
