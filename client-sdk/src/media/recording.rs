//! Frames that were read from a file.

use std::sync::Arc;
use std::time::Duration;

use super::{Codec, Frame};

/// At least one frame, the first of which is a keyframe.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    codec: Codec,
    frames: Arc<[Frame]>,
    /// When each frame begins to play, counted from the beginning of the file.
    starts: Arc<[Duration]>,
    length: Duration,
}

impl Recording {
    /// Creates a recording of consecutive frames. Frames before the first keyframe are left out;
    /// the rest keeps its time.
    pub(super) fn new(codec: Codec, mut frames: Vec<Frame>) -> Result<Self, String> {
        let mut length = Duration::ZERO;
        let mut starts = Vec::with_capacity(frames.len());
        for frame in &mut frames {
            frame.limit_duration();
            starts.push(length);
            length += frame.duration;
        }
        Self::from_keyframe(codec, frames, starts, length)
    }

    /// Creates a recording of frames at these times, in order and possibly with gaps.
    pub(super) fn timed(codec: Codec, timed: Vec<(Duration, Frame)>) -> Result<Self, String> {
        let mut length = Duration::ZERO;
        let (mut starts, mut frames) = (Vec::new(), Vec::new());
        for (start, mut frame) in timed {
            frame.limit_duration();
            // Damaged times must not make a player spin.
            let earliest = starts.last().map_or(start, |last| *last + Frame::MIN_DURATION);
            let start = start.max(earliest);
            starts.push(start);
            length = start + frame.duration;
            frames.push(frame);
        }
        Self::from_keyframe(codec, frames, starts, length)
    }

    fn from_keyframe(
        codec: Codec,
        mut frames: Vec<Frame>,
        mut starts: Vec<Duration>,
        length: Duration,
    ) -> Result<Self, String> {
        let Some(first) = frames.iter().position(|frame| frame.is_key) else {
            return Err(format!("there is no frame of {codec} that a decoder could start with"));
        };
        let (frames, starts) = (frames.split_off(first), starts.split_off(first));
        Ok(Self { codec, frames: frames.into(), starts: starts.into(), length })
    }

    /// Cuts the recording to that length.
    pub(super) fn cut(&self, length: Duration) -> Self {
        let count = self.begun_before(length);
        let (frames, starts) = (self.frames[..count].into(), self.starts[..count].into());
        Self { codec: self.codec, frames, starts, length }
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// A frame and its start.
    pub(super) fn frame(&self, index: usize) -> Option<(Duration, &Frame)> {
        Some((*self.starts.get(index)?, self.frames.get(index)?))
    }

    /// How many frames have begun at that time.
    pub(super) fn begun(&self, at: Duration) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// How many frames have begun before that time.
    pub(super) fn begun_before(&self, at: Duration) -> usize {
        self.starts.partition_point(|start| *start < at)
    }

    /// The frames that a decoder needs before that frame: all from the last keyframe on.
    pub(super) fn group_before(&self, index: usize) -> &[Frame] {
        let before = &self.frames[..index];
        let key = before.iter().rposition(|frame| frame.is_key).unwrap_or(0);
        &before[key..]
    }

    #[cfg(test)]
    pub(crate) fn frames(&self) -> &[Frame] {
        &self.frames
    }
}
