//! Histograms as text, for serde: the V2 encoding of HdrHistogram, compressed, in Base64. Its tools
//! and its implementations in other languages read these texts.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, de, ser};

pub(crate) fn serialize<S: ser::Serializer>(
    histogram: &Histogram<u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::new();
    let written = V2DeflateSerializer::new().serialize(histogram, &mut bytes);
    written.map_err(ser::Error::custom)?;
    serializer.serialize_str(&STANDARD.encode(bytes))
}

pub(crate) fn deserialize<'de, D: de::Deserializer<'de>>(
    deserializer: D,
) -> Result<Histogram<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = STANDARD.decode(text).map_err(de::Error::custom)?;
    let plain = inflate(&bytes).ok_or_else(|| de::Error::custom("expected a histogram"))?;
    Deserializer::new().deserialize(&mut &plain[..]).map_err(de::Error::custom)
}

/// Inflates bytes, unless the result is larger than a histogram of this program.
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let (header, compressed) = bytes.split_at_checked(8)?;
    if !header.starts_with(&COMPRESSED) {
        return None;
    }
    let mut plain = Vec::new();
    ZlibDecoder::new(compressed).take(MOST_BYTES).read_to_end(&mut plain).ok()?;
    // Data that is compressed twice would be inflated again without a bound.
    if !plain.starts_with(&PLAIN) {
        return None;
    }
    let number = |at: usize| Some(u32::from_be_bytes(plain.get(at..at + 4)?.try_into().ok()?));
    // The length of what follows the header, for which memory is taken, and the number of digits.
    let length = plain.len().checked_sub(HEADER)?;
    (number(4)? as usize == length && number(12)? <= MOST_DIGITS).then_some(plain)
}

/// How the compressed V2 encoding begins.
const COMPRESSED: [u8; 4] = [0x1c, 0x84, 0x93, 0x14];
/// How the V2 encoding that is not compressed begins.
const PLAIN: [u8; 4] = [0x1c, 0x84, 0x93, 0x13];
/// The length of its header.
const HEADER: usize = 40;
/// One that spans all 64-bit numbers with three digits takes less.
const MOST_BYTES: u64 = 1 << 20;
const MOST_DIGITS: u32 = 3;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use serde::Serialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, Serialize)]
    struct Written(#[serde(with = "super")] Histogram<u64>);

    #[test]
    fn a_histogram_is_the_same_when_it_is_read_again() {
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
        let mut value = 1_u64;
        while value < 3_600_000_000 {
            histogram.record_n(value, value % 7 + 1).unwrap();
            value = value * 5 / 3 + 1;
        }
        histogram.record(0).unwrap();
        let text = serde_json::to_string(&Written(histogram.clone())).unwrap();
        // As every text of this encoding begins.
        assert!(text.starts_with("\"HISTFAAA"), "{text}");
        assert_eq!(serde_json::from_str::<Written>(&text).unwrap(), Written(histogram));
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        for wrong in ["\"\"", "\"AAAA\"", "\"!\"", "\"HISTFAAA\"", "7"] {
            assert!(serde_json::from_str::<Written>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_histogram_that_asks_for_too_much_memory_is_refused() {
        let text = |digits: u32, length: u32, zeros: usize| {
            let mut plain = vec![0x1c, 0x84, 0x93, 0x13];
            plain.extend([length, 0, digits].map(u32::to_be_bytes).concat());
            plain.extend([1_u64, 3_600_000_000].map(u64::to_be_bytes).concat());
            plain.extend(1.0_f64.to_be_bytes());
            plain.resize(HEADER + zeros, 2);
            let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
            packed.write_all(&plain).unwrap();
            let packed = packed.finish().unwrap();
            let length = u32::try_from(packed.len()).unwrap().to_be_bytes();
            let bytes = [&COMPRESSED[..], &length, &packed].concat();
            format!("\"{}\"", STANDARD.encode(bytes))
        };
        let read = |text: &str| serde_json::from_str::<Written>(text);
        assert_eq!(read(&text(3, 9, 9)).unwrap().0.len(), 9);
        assert!(read(&text(3, u32::MAX, 9)).is_err(), "it announces 4 GB");
        assert!(read(&text(5, 9, 9)).is_err(), "it has more digits than any");
        let zeros = MOST_BYTES as usize;
        assert!(
            read(&text(3, MOST_BYTES as u32, zeros)).is_err(),
            "a small text becomes a large one"
        );
    }
}
