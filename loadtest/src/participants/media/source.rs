//! Synthetic sound and pictures, which have the rates and sizes of real ones and cost nothing to
//! make.
//!
//! They are whole for everything that carries them. A decoder would see noise.

use std::time::{Duration, Instant};

use client_sdk::{Codec, Frame, MediaError, MediaSource, Source, async_trait};

use super::mark;
use crate::scenario::{Picture, Preset, Scenario};

/// The sources of a publisher.
pub(crate) fn audio(scenario: &Scenario) -> Source {
    match (&scenario.audio_file, scenario.preset) {
        (Some(file), _) => Source::File(file.clone()),
        (None, Preset::Clip) => Source::Clip,
        (None, Preset::Voice | Preset::P360 | Preset::P720) => TestSource::voice(),
    }
}

/// The pictures that it sends, if it sends some.
pub(crate) fn video(scenario: &Scenario) -> Option<Source> {
    if !scenario.has_video() {
        return None;
    }
    match &scenario.video_file {
        Some(file) => Some(Source::File(file.clone())),
        None => Some(scenario.preset.picture().map_or(Source::Clip, TestSource::pictures)),
    }
}

pub(super) fn screen() -> Source {
    TestSource::pictures(Picture::SCREEN)
}

/// Frames of one size at an even rate, some of which carry the time at which they were to be made.
struct TestSource {
    codec: Codec,
    duration: Duration,
    bytes: usize,
    /// One of so many is marked.
    marked: u64,
    number: u64,
    due: Option<Instant>,
    keyframe_wanted: bool,
}

impl TestSource {
    /// Opus of 32 kbit/s.
    fn voice() -> Source {
        Self::start(Codec::Opus, 50, 80)
    }

    fn pictures(Picture { rate, bytes }: Picture) -> Source {
        Self::start(Codec::Vp8, rate, bytes)
    }

    fn start(codec: Codec, rate: u32, bytes: usize) -> Source {
        mark::start();
        Source::custom(Self {
            codec,
            duration: Duration::from_secs(1) / rate,
            bytes,
            marked: u64::from(rate) * mark::EVERY.as_millis() as u64 / 1000,
            number: 0,
            due: None,
            keyframe_wanted: true,
        })
    }

    /// The next frame, which is asked for now. It is due now, or was due a moment ago.
    fn frame(&mut self, now: Instant) -> Frame {
        // Skips frames that are overdue, as the player does. The player asks for no frame before it
        // is due, so a time after now only shows that an earlier frame was asked for late.
        let in_time = self.due.filter(|due| now.saturating_duration_since(*due) <= LATE);
        let due = in_time.map_or(now, |due| due.min(now));
        self.due = Some(due + self.duration);
        let is_key = self.codec == Codec::Opus || self.keyframe_wanted;
        self.keyframe_wanted = false;
        let mut data = Vec::with_capacity(self.bytes);
        data.extend_from_slice(match (self.codec, is_key) {
            (Codec::Opus, _) => SOUND,
            (_, true) => KEYFRAME,
            (_, false) => PICTURE,
        });
        if self.number.is_multiple_of(self.marked.max(1)) {
            data.extend_from_slice(&mark::write(due));
        }
        self.number += 1;
        data.resize(self.bytes, 0);
        Frame { data: data.into(), duration: self.duration, is_key, level: None }
    }
}

#[async_trait]
impl MediaSource for TestSource {
    fn codec(&self) -> Codec {
        self.codec
    }

    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
        Ok(Some(self.frame(Instant::now())))
    }

    fn request_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }
}

const LATE: Duration = Duration::from_secs(1);
/// A packet of 20 ms (RFC 6716 section 3.1).
const SOUND: &[u8] = &[0xf8];
/// The beginning of a keyframe of 640 × 360 (RFC 6386 section 9.1), and of another picture.
const KEYFRAME: &[u8] = &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
const PICTURE: &[u8] = &[0x11, 0, 0];

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(marked: u64) -> TestSource {
        mark::start();
        TestSource {
            codec: Codec::Vp8,
            duration: Duration::from_millis(33),
            bytes: 2000,
            marked,
            number: 0,
            due: None,
            keyframe_wanted: true,
        }
    }

    #[test]
    fn frames_have_their_size_and_rate_and_keyframes_come_when_they_are_wanted() {
        let mut source = pictures(15);
        let begun = Instant::now();
        let mut marks = Vec::new();
        for number in 0..30 {
            if number == 20 {
                source.request_keyframe();
            }
            let frame = source.frame(begun + number * source.duration);
            assert_eq!((frame.data.len(), frame.is_key), (2000, matches!(number, 0 | 20)));
            assert_eq!(frame.data[0] & 1 == 0, frame.is_key, "the picture says so itself");
            marks.extend(mark::read(&frame.data));
        }
        let [first, second] = marks[..] else { panic!("{} marks in a second", marks.len()) };
        assert!(first == begun && second - first == Duration::from_millis(15 * 33));
    }

    #[test]
    fn a_frame_that_is_asked_for_late_moves_no_later_mark_into_the_future() {
        let mut source = pictures(1);
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let asked = [20, 33, 76, 99].map(at);
        let marks = asked.map(|now| mark::read(&source.frame(now).data).unwrap());
        assert_eq!(marks, [20, 33, 66, 99].map(at));
    }
}
