//! Frames that were read from a file, played in a loop.

use std::sync::Arc;

use async_trait::async_trait;

use super::MediaError;
use super::{Codec, Frame, MediaSource};

/// At least one frame, the first of which is a keyframe.
#[derive(Debug)]
pub(crate) struct Recording {
    codec: Codec,
    frames: Arc<[Frame]>,
    next: usize,
}

impl Recording {
    /// Leaves out what comes before the first keyframe.
    pub(super) fn new(codec: Codec, frames: &[Frame]) -> Result<Self, String> {
        let Some(first) = frames.iter().position(|frame| frame.is_key) else {
            return Err(format!("there is no frame of {codec} that a decoder could start with"));
        };
        Ok(Self { codec, frames: frames[first..].into(), next: 0 })
    }

    #[cfg(test)]
    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames
    }
}

#[async_trait]
impl MediaSource for Recording {
    fn codec(&self) -> Codec {
        self.codec
    }

    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
        let frame = self.frames[self.next].clone();
        self.next = (self.next + 1) % self.frames.len();
        Ok(Some(frame))
    }

    /// Skips to the next keyframe.
    fn request_keyframe(&mut self) {
        let later = self.frames[self.next..].iter().position(|frame| frame.is_key);
        self.next = later.map_or(0, |ahead| self.next + ahead);
    }
}
