//! Packets of Opus.

#[cfg(feature = "opus")]
mod decoder;
#[cfg(feature = "opus")]
mod encoder;

use std::time::Duration;

#[cfg(feature = "opus")]
pub(crate) use self::decoder::{Decoder, SHORTEST};
#[cfg(feature = "opus")]
pub use self::encoder::OpusOptions;
#[cfg(feature = "opus")]
pub(crate) use self::encoder::{Encoder, FRAME, is_silence};

/// The duration of a packet, from its first bytes (RFC 6716 section 3.1); `None` if it is not an
/// Opus packet.
pub(crate) fn duration(packet: &[u8]) -> Option<Duration> {
    let (toc, rest) = packet.split_first()?;
    let config = usize::from(toc >> 3);
    let frame_micros = match config {
        0..12 => [10_000, 20_000, 40_000, 60_000][config % 4],
        12..16 => [10_000, 20_000][config % 2],
        _ => [2_500, 5_000, 10_000, 20_000][config % 4],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(rest.first()? & 0x3f),
    };
    let duration = Duration::from_micros(frame_micros * frames);
    (!duration.is_zero() && duration <= LONGEST_PACKET).then_some(duration)
}

const LONGEST_PACKET: Duration = Duration::from_millis(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_tell_how_long_they_play() {
        let cases: [(&[u8], u64); 4] = [
            (&[0b0000_1000], 20_000),
            (&[0b1111_1000], 20_000),
            (&[0b1111_1001], 40_000),
            (&[0b1000_0011, 3], 7_500),
        ];
        for (packet, micros) in cases {
            assert_eq!(duration(packet), Some(Duration::from_micros(micros)), "{packet:?}");
        }
    }

    #[test]
    fn what_is_no_packet_plays_for_no_time() {
        let cases: [&[u8]; 4] = [&[], &[0b1000_0011], &[0b1000_0011, 0], &[0b1111_1011, 7]];
        for packet in cases {
            assert_eq!(duration(packet), None, "{packet:?}");
        }
    }
}
