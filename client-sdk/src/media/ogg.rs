//! Opus in an Ogg file (RFC 7845), one packet to a page.

use std::time::Duration;

use bytes::Bytes;
use rtc::media::io::ogg_reader::OggReader;

use super::Frame;

/// Reads the packets of a file.
pub(super) fn frames(file: &Bytes) -> Result<Vec<Frame>, String> {
    let (mut reader, _) =
        OggReader::new(file.as_ref(), true).map_err(|error| format!("not Ogg with Opus: {error}"))?;
    let mut frames = Vec::new();
    // Fails at the end of the file as well as at a damaged page; what was read so far plays.
    while let Ok((packet, _)) = reader.parse_next_page() {
        if packet.is_empty() || packet.starts_with(b"OpusTags") {
            continue;
        }
        let duration = duration(&packet);
        if duration > Duration::from_millis(120) {
            return Err("a page holds more than one packet; write 20 ms pages".into());
        }
        frames.push(Frame { data: packet.freeze(), duration, is_key: true });
    }
    Ok(frames)
}

/// How long an Opus packet plays, from its first bytes (RFC 6716 section 3.1).
fn duration(packet: &[u8]) -> Duration {
    let toc = packet[0];
    let config = toc >> 3;
    let frame_micros = match config {
        0..12 => [10_000, 20_000, 40_000, 60_000][usize::from(config % 4)],
        12..16 => [10_000, 20_000][usize::from(config % 2)],
        _ => [2_500, 5_000, 10_000, 20_000][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(1, |count| u64::from(count & 0x3f)),
    };
    Duration::from_micros(frame_micros * frames)
}

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
            assert_eq!(duration(packet), Duration::from_micros(micros), "{packet:?}");
        }
    }
}
