//! VP8, VP9 or AV1 in an IVF file: a header of 32 bytes, then each frame behind a header of 12
//! bytes.

use std::time::Duration;

use bytes::Bytes;

use super::keyframe::is_key;
use super::recording::Recording;
use super::{Codec, Frame};

pub(crate) const MAGIC: &[u8] = b"DKIF";

/// The FourCC of a codec; `None` for codecs that IVF does not support.
pub(crate) fn four_cc(codec: Codec) -> Option<[u8; 4]> {
    match codec {
        Codec::Av1 => Some(*b"AV01"),
        Codec::Vp8 => Some(*b"VP80"),
        Codec::Vp9 => Some(*b"VP90"),
        Codec::H264 | Codec::Opus => None,
    }
}

/// Cuts a file into frames that share its memory.
pub(crate) fn read(file: &Bytes) -> Result<Recording, String> {
    let header = file.get(..HEADER_BYTES).ok_or("the file is too short for an IVF header")?;
    let code = &header[8..12];
    let known = [Codec::Av1, Codec::Vp8, Codec::Vp9];
    let Some(codec) = known.into_iter().find(|codec| four_cc(*codec).is_some_and(|of| of == code))
    else {
        let other = String::from_utf8_lossy(code);
        return Err(format!("the codec is {other}, expected VP80, VP90 or AV01"));
    };
    let (rate, scale) = (number(&header[16..20]), number(&header[20..24]));
    if rate == 0 || scale == 0 {
        return Err("the time base is zero".into());
    }
    // Each time is computed from the beginning, so that rounding errors do not add up.
    let time = |ticks: u64| {
        let nanos = u128::from(ticks) * u128::from(scale) * 1_000_000_000 / u128::from(rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    };

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
            let begun = time(last);
            frame.duration =
                time(timestamp).checked_sub(begun).ok_or("the timestamps run backwards")?;
        }
        last_timestamp = Some(timestamp);
        let is_key = is_key(codec, &data)
            .ok_or_else(|| format!("frame {} does not begin like {codec}", frames.len() + 1))?;
        frames.push(Frame { data, duration: time(1), is_key, level: None });
    }
    // The time base may be much finer than the time between frames.
    if let [.., before, last] = &mut frames[..] {
        last.duration = before.duration;
    }
    Recording::new(codec, frames)
}

fn number(little_endian: &[u8]) -> u64 {
    little_endian.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

pub(crate) const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const VP8: &[u8] = include_bytes!("../../media/clip.ivf");
    const VP9: &[u8] = include_bytes!("../../tests/fixtures/vp9.ivf");
    const AV1: &[u8] = include_bytes!("../../tests/fixtures/av1.ivf");

    #[test]
    fn the_codec_and_its_keyframes_are_found() {
        for (file, codec, count, seconds) in
            [(VP8, Codec::Vp8, 60, 4), (VP9, Codec::Vp9, 30, 2), (AV1, Codec::Av1, 30, 2)]
        {
            let recording = read(&Bytes::from_static(file)).unwrap();
            let keys = recording.frames().iter().enumerate().filter(|(_, frame)| frame.is_key);
            let keys: Vec<usize> = keys.map(|(index, _)| index).collect();
            assert_eq!(keys, (0..seconds).map(|second| second * 15).collect::<Vec<_>>(), "{codec}");
            assert_eq!(recording.frames().len(), count, "{codec}");
        }
    }

    #[test]
    fn a_file_cut_off_anywhere_is_an_error_or_shorter_but_never_a_panic() {
        for file in [VP8, VP9, AV1].map(Bytes::from_static) {
            let whole = read(&file).unwrap().frames().len();
            for length in (0..2000).chain(file.len() - 50..file.len()) {
                if let Ok(recording) = read(&file.slice(..length)) {
                    assert!(recording.frames().len() < whole);
                }
            }
        }
    }

    #[test]
    fn a_damaged_byte_is_never_a_panic() {
        for file in [VP9, AV1] {
            for index in (0..file.len()).step_by(3) {
                for value in [0, 0x7f, 0xff] {
                    let mut damaged = file.to_vec();
                    damaged[index] = value;
                    let _ = read(&damaged.into());
                }
            }
        }
    }

    #[test]
    fn another_codec_is_named() {
        let mut file = VP8[..64].to_vec();
        file[8..12].copy_from_slice(b"H264");
        let error = read(&file.into()).unwrap_err();
        assert_eq!(error, "the codec is H264, expected VP80, VP90 or AV01");
    }
}
