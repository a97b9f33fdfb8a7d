//! Histograms as text, for serde: the V2 encoding of HdrHistogram, compressed, in Base64. Its tools
//! and its implementations in other languages read these texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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
    Deserializer::new().deserialize(&mut &bytes[..]).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
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
}
