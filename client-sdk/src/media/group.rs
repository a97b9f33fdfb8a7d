//! The pictures since the last keyframe.

use super::Frame;

/// The pictures that a new viewer needs: those since the last keyframe, unless they are too many to
/// be sent at once.
#[derive(Debug, Default)]
pub(super) struct Group {
    frames: Vec<Frame>,
    bytes: usize,
}

impl Group {
    /// Adds a picture. A keyframe begins a new group. A group that becomes too large is empty until
    /// the next keyframe.
    pub(super) fn push(&mut self, frame: &Frame) {
        if frame.is_key {
            self.frames.clear();
            self.bytes = 0;
        } else if self.frames.is_empty() {
            return;
        }
        self.bytes += frame.data.len();
        if self.bytes > MAX_BYTES || self.frames.len() == MAX_FRAMES {
            self.frames.clear();
        } else {
            self.frames.push(frame.clone());
        }
    }

    pub(super) fn replace(&mut self, frames: &[Frame]) {
        *self = Self::default();
        frames.iter().for_each(|frame| self.push(frame));
    }

    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames
    }
}

/// Ten seconds at 30 pictures a second.
const MAX_FRAMES: usize = 300;
const MAX_BYTES: usize = 2 << 20;
