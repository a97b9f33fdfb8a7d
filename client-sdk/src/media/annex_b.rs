//! H.264 as a byte stream (ITU-T H.264 annex B): NAL units behind start codes, some of which form a
//! picture.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use super::recording::Recording;
use super::{Codec, Frame};

/// Cuts a file into pictures that share its memory.
pub(super) fn read(file: &Bytes, frame_rate: f64) -> Result<Recording, String> {
    if !(frame_rate > 0.0 && frame_rate <= HIGHEST_RATE) {
        return Err(format!(
            "the frame rate is {frame_rate}, expected above 0 and up to {HIGHEST_RATE}"
        ));
    }
    let duration = Duration::try_from_secs_f64(1.0 / frame_rate)
        .unwrap_or(Duration::MAX)
        .min(Frame::MAX_DURATION);
    let mut frames = Vec::new();
    let mut picture = Picture::default();
    let mut parameters = Parameters::default();
    for unit in units(file) {
        let bytes = &file[unit.payload()];
        let Some(&header) = bytes.first() else { continue };
        if header & FORBIDDEN_BIT != 0 {
            return Err(format!("the unit at byte {} does not begin like H.264", unit.start));
        }
        if picture.ends_before(header, bytes) {
            frames.extend(std::mem::take(&mut picture).finish(
                file,
                unit.start,
                &parameters,
                duration,
            ));
        }
        picture.add(header, unit.start);
        parameters.keep(header, file.slice(unit.start..unit.end));
    }
    frames.extend(picture.finish(file, file.len(), &parameters, duration));
    Recording::new(Codec::H264, frames)
}

/// Whether a decoder can start with an access unit; `None` if it has no units.
pub(super) fn is_key(access_unit: &[u8]) -> Option<bool> {
    let mut headers = units(access_unit).filter_map(|unit| access_unit.get(unit.start + 3));
    let first = headers.next()?;
    Some([first].into_iter().chain(headers).any(|header| unit_type(*header) == KEY_SLICE))
}

/// A NAL unit, from its start code to the next one.
struct Unit {
    start: usize,
    end: usize,
}

impl Unit {
    fn payload(&self) -> Range<usize> {
        self.start + START_CODE.len()..self.end
    }
}

fn units(file: &[u8]) -> impl Iterator<Item = Unit> {
    let mut next = start_code(file, 0);
    std::iter::from_fn(move || {
        let start = next?;
        next = start_code(file, start + START_CODE.len());
        Some(Unit { start, end: next.unwrap_or(file.len()) })
    })
}

fn start_code(file: &[u8], from: usize) -> Option<usize> {
    let found =
        file.get(from..)?.windows(START_CODE.len()).position(|window| window == START_CODE)?;
    Some(from + found)
}

/// A picture that is being assembled.
#[derive(Default)]
struct Picture {
    start: Option<usize>,
    has_slice: bool,
    is_key: bool,
    has_parameters: bool,
}

impl Picture {
    /// The start of a picture by section 7.4.1.2.3, for streams without data partitioning and
    /// redundant pictures.
    fn ends_before(&self, header: u8, unit: &[u8]) -> bool {
        self.has_slice
            && match unit_type(header) {
                // `first_mb_in_slice` is 0, which is coded as a single 1.
                SLICE | KEY_SLICE => unit.get(1).is_some_and(|byte| byte & 0x80 != 0),
                SUPPLEMENT | SEQUENCE_PARAMETERS | PICTURE_PARAMETERS | DELIMITER => true,
                _ => false,
            }
    }

    fn add(&mut self, header: u8, start: usize) {
        self.start.get_or_insert(start);
        match unit_type(header) {
            SLICE => self.has_slice = true,
            KEY_SLICE => (self.has_slice, self.is_key) = (true, true),
            SEQUENCE_PARAMETERS => self.has_parameters = true,
            _ => {}
        }
    }

    /// Finishes the picture; `None` for units without a picture, at the end of a file.
    fn finish(
        self,
        file: &Bytes,
        end: usize,
        parameters: &Parameters,
        duration: Duration,
    ) -> Option<Frame> {
        let start = self.start.filter(|_| self.has_slice)?;
        // No unit ends with a zero. Zeros between units belong to none.
        let end = file[start..end]
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(end, |last| start + last + 1);
        let data = file.slice(start..end);
        // Parameter sets may be at the start of the file only, where later viewers miss them.
        let data =
            if self.is_key && !self.has_parameters { parameters.before(&data) } else { data };
        Some(Frame { data, duration, is_key: self.is_key, level: None })
    }
}

/// The last parameter sets.
#[derive(Default)]
struct Parameters {
    sequence: Bytes,
    picture: Bytes,
}

impl Parameters {
    fn keep(&mut self, header: u8, unit: Bytes) {
        match unit_type(header) {
            SEQUENCE_PARAMETERS => self.sequence = unit,
            PICTURE_PARAMETERS => self.picture = unit,
            _ => {}
        }
    }

    fn before(&self, picture: &Bytes) -> Bytes {
        [&self.sequence[..], &self.picture, picture].concat().into()
    }
}

fn unit_type(header: u8) -> u8 {
    header & 0x1f
}

/// A start code of four bytes ends with this one.
const START_CODE: &[u8] = &[0, 0, 1];
const FORBIDDEN_BIT: u8 = 0x80;
const SLICE: u8 = 1;
const KEY_SLICE: u8 = 5;
const SUPPLEMENT: u8 = 6;
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;
const DELIMITER: u8 = 9;
const HIGHEST_RATE: f64 = 240.0;

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = include_bytes!("../../tests/fixtures/baseline.h264");

    #[test]
    fn pictures_and_keyframes_are_found() {
        let recording = read(&Bytes::from_static(FILE), 15.0).unwrap();
        let keys = recording.frames().iter().enumerate().filter(|(_, frame)| frame.is_key);
        assert_eq!(keys.map(|(index, _)| index).collect::<Vec<_>>(), [0, 15]);
        assert_eq!(recording.frames().len(), 30);
        for Frame { data, .. } in recording.frames() {
            assert!(data.starts_with(START_CODE) && !data.ends_with(&[0]));
        }
    }

    #[test]
    fn slices_of_one_picture_stay_together_and_late_keyframes_get_the_parameters() {
        let unit = |bytes: &[u8]| [START_CODE, bytes].concat();
        let (sequence, picture) = (unit(&[0x67, 1]), unit(&[0x68, 2]));
        let (first_slice, second_slice) = (unit(&[0x65, 0x80, 1]), unit(&[0x65, 0x40, 2]));
        let key = [first_slice, second_slice].concat();
        let delta = unit(&[0x41, 0x80, 3]);
        let file = [&sequence[..], &picture, &key, &delta, &key].concat();
        let recording = read(&file.into(), 25.0).unwrap();
        let found: Vec<&[u8]> = recording.frames().iter().map(|frame| &frame.data[..]).collect();
        let whole_key = [&sequence[..], &picture, &key].concat();
        assert_eq!(found, [&whole_key[..], &delta, &whole_key]);
    }

    #[test]
    fn a_frame_rate_that_cannot_be_is_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 241.0] {
            assert!(
                read(&Bytes::from_static(FILE), rate).unwrap_err().starts_with("the frame rate is")
            );
        }
    }

    #[test]
    fn a_file_cut_off_or_damaged_anywhere_is_never_a_panic() {
        for length in (0..FILE.len()).step_by(7) {
            let _ = read(&Bytes::from_static(&FILE[..length]), 15.0);
        }
        for index in (0..FILE.len()).step_by(3) {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = FILE.to_vec();
                damaged[index] = value;
                let _ = read(&damaged.into(), 15.0);
            }
        }
    }
}
