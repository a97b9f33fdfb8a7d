//! What one viewer gets of what is played.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Frame;

/// A frame and when it is played.
#[derive(Clone, Debug)]
pub(crate) struct TimedFrame {
    pub(crate) at: Instant,
    pub(crate) frame: Frame,
}

/// The order in which a viewer gets frames, so that they can be decoded.
///
/// A viewer joins with the pictures since the last keyframe. They are shown faster than they play,
/// each at the time at which it is shown, until the viewer has caught up with the others. If they
/// are not kept, it joins with the next keyframe.
pub(super) struct Feed {
    /// What is shown as fast as it may.
    behind: VecDeque<Frame>,
    next_behind: Instant,
    waits_for_keyframe: bool,
    /// What is requested before that is on its way already.
    next_request: Instant,
}

impl Feed {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            behind: VecDeque::new(),
            next_behind: now,
            waits_for_keyframe: true,
            next_request: now,
        }
    }

    /// Goes on with these pictures, or with the next keyframe if there are none.
    pub(super) fn begin(&mut self, group: &[Frame]) {
        self.waits_for_keyframe = group.is_empty();
        self.behind = group.to_vec().into();
    }

    /// The viewer cannot decode what it gets, and gets these pictures again if they are kept.
    pub(super) fn request_keyframe(&mut self, group: &[Frame], now: Instant) {
        if now < self.next_request {
            return;
        }
        self.next_request = now + REQUEST_PAUSE;
        if !group.is_empty() {
            self.begin(group);
        }
    }

    /// Whether a frame that is played is shown now, and not later or never.
    pub(super) fn shows(&mut self, frame: &Frame) -> bool {
        if frame.is_key {
            self.waits_for_keyframe = false;
            // A decoder needs nothing of what came before.
            self.behind.clear();
        } else if self.waits_for_keyframe {
            return false;
        } else if !self.behind.is_empty() {
            self.behind.push_back(frame.clone());
            return false;
        }
        true
    }

    /// When the viewer gets the next picture that it is behind.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.behind.is_empty()).then_some(self.next_behind)
    }

    /// The picture that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<TimedFrame> {
        if now < self.next_behind {
            return None;
        }
        let frame = self.behind.pop_front()?;
        self.next_behind = now + CATCH_UP_PAUSE;
        Some(TimedFrame { at: now, frame })
    }
}

/// Between the pictures of a viewer that catches up: 200 of them a second, so that they do not
/// arrive in a burst that a network drops.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(5);
/// As long as a picture may take to the other side, and a request from there.
const REQUEST_PAUSE: Duration = Duration::from_millis(500);
