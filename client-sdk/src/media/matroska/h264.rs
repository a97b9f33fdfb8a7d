//! H.264 in Matroska: NAL units after their lengths, with separate parameter sets (ISO/IEC 14496-15
//! section 5.3.3.1).

use bytes::Bytes;

/// How the units of a track are stored.
pub(super) struct Avc {
    length_bytes: usize,
    /// The parameter sets in Annex-B format.
    parameters: Vec<u8>,
}

impl Avc {
    pub(super) fn parse(private: &[u8]) -> Option<Self> {
        let [1, _, _, _, lengths, count, rest @ ..] = private else { return None };
        let mut parameters = Vec::new();
        let rest = sets(count & 0x1f, rest, &mut parameters)?;
        let (count, rest) = rest.split_first()?;
        sets(*count, rest, &mut parameters)?;
        Some(Self { length_bytes: usize::from(lengths & 3) + 1, parameters })
    }

    /// An access unit in Annex-B format, with the parameter sets before a keyframe, and whether it
    /// is one.
    pub(super) fn access_unit(&self, stored: &[u8]) -> Option<(Bytes, bool)> {
        let units = self.units(stored)?;
        let has = |kind| units.iter().any(|unit| unit[0] & 0x1f == kind);
        let is_key = has(KEY_SLICE);
        let mut unit = Vec::with_capacity(stored.len() + self.parameters.len());
        if is_key && !has(SEQUENCE_PARAMETERS) {
            unit.extend_from_slice(&self.parameters);
        }
        units.iter().for_each(|nal| push(nal, &mut unit));
        Some((unit.into(), is_key))
    }

    /// The units, none of which is empty; there is at least one.
    fn units<'a>(&self, mut stored: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        let mut units = Vec::new();
        while !stored.is_empty() {
            let (length, rest) = stored.split_at_checked(self.length_bytes)?;
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            let (unit, rest) = rest.split_at_checked(length)?;
            if unit.first()? & FORBIDDEN_BIT != 0 {
                return None;
            }
            units.push(unit);
            stored = rest;
        }
        (!units.is_empty()).then_some(units)
    }
}

/// Reads `count` parameter sets, and returns the rest.
fn sets<'a>(count: u8, mut rest: &'a [u8], parameters: &mut Vec<u8>) -> Option<&'a [u8]> {
    for _ in 0..count {
        let (length, following) = rest.split_first_chunk()?;
        let (set, following) =
            following.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        push(set, parameters);
        rest = following;
    }
    Some(rest)
}

fn push(nal: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(&[0, 0, 0, 1]);
    to.extend_from_slice(nal);
}

const FORBIDDEN_BIT: u8 = 0x80;
const KEY_SLICE: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
