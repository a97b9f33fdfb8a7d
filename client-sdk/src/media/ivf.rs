//! VP8 in an IVF file: a 32-byte header, then each frame behind a 12-byte header of its own.

use std::time::Duration;

use bytes::Bytes;

use super::Frame;

/// Cuts a file into frames that share its memory.
pub(super) fn frames(file: &Bytes) -> Result<Vec<Frame>, String> {
    let header = file.get(..HEADER_BYTES).ok_or("the file is too short for an IVF header")?;
    if !header.starts_with(b"DKIF") {
        return Err("not an IVF file".into());
    }
    if &header[8..12] != b"VP80" {
        return Err(format!("the codec is {}, expected VP80", String::from_utf8_lossy(&header[8..12])));
    }
    let (rate, scale) = (number(&header[16..20]), number(&header[20..24]));
    if rate == 0 || scale == 0 {
        return Err("the time base is zero".into());
    }
    let tick = Duration::from_secs(scale) / u32::try_from(rate).unwrap_or(u32::MAX);

    let mut frames: Vec<Frame> = Vec::new();
    let mut last_timestamp = None;
    let mut rest = file.slice(HEADER_BYTES..);
    while !rest.is_empty() {
        let header = rest.get(..FRAME_HEADER_BYTES).ok_or("the last frame is cut off")?;
        let (size, timestamp) = (number(&header[..4]) as usize, number(&header[4..]));
        let end = FRAME_HEADER_BYTES + size;
        if size == 0 || rest.len() < end {
            return Err("the last frame is cut off".into());
        }
        let data = rest.slice(FRAME_HEADER_BYTES..end);
        rest = rest.slice(end..);
        if let (Some(frame), Some(last)) = (frames.last_mut(), last_timestamp) {
            let ticks = timestamp.checked_sub(last).ok_or("the timestamps run backwards")?;
            frame.duration = tick.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX)).min(LONGEST_FRAME);
        }
        last_timestamp = Some(timestamp);
        // The lowest bit of a VP8 frame tag is 0 for a keyframe (RFC 6386 section 9.1).
        let is_key = data[0] & 1 == 0;
        frames.push(Frame { data, duration: tick, is_key });
    }
    Ok(frames)
}

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 12;
const LONGEST_FRAME: Duration = Duration::from_secs(10);

fn number(little_endian: &[u8]) -> u64 {
    little_endian.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cut_off_anywhere_is_an_error_or_shorter_but_never_a_panic() {
        let file = Bytes::from_static(super::super::clip(super::super::MediaKind::Video));
        let whole = frames(&file).unwrap().len();
        for length in (0..2000).chain(file.len() - 50..file.len()) {
            if let Ok(frames) = frames(&file.slice(..length)) {
                assert!(frames.len() < whole);
            }
        }
    }

    #[test]
    fn another_codec_is_named() {
        let mut file = super::super::clip(super::super::MediaKind::Video)[..64].to_vec();
        file[8..12].copy_from_slice(b"VP90");
        assert_eq!(frames(&file.into()).unwrap_err(), "the codec is VP90, expected VP80");
    }
}
