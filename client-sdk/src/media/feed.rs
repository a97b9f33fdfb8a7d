//! The order of the frames for one viewer.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Frame;

/// A frame and its time.
#[derive(Clone, Debug)]
pub(crate) struct TimedFrame {
    pub(crate) at: Instant,
    pub(crate) frame: Frame,
}

/// The order in which a viewer gets frames, so that they can be decoded.
///
/// A viewer begins with the pictures since the last keyframe. They are shown faster than in real
/// time, each with the time at which it is shown, until the viewer has caught up. If they are not
/// kept, the viewer begins with the next keyframe.
pub(super) struct Feed {
    /// The pictures to catch up with.
    behind: VecDeque<Frame>,
    next_behind: Instant,
    waits_for_keyframe: bool,
    /// An earlier request is ignored, since its answer is still on its way.
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

    /// Continues with these pictures, or with the next keyframe if there are none.
    pub(super) fn begin(&mut self, group: &[Frame]) {
        self.waits_for_keyframe = group.is_empty();
        self.behind = group.to_vec().into();
    }

    /// Handles that the viewer cannot decode its frames. It gets these pictures again, if they are
    /// kept.
    pub(super) fn request_keyframe(&mut self, group: &[Frame], now: Instant) {
        if now < self.next_request {
            return;
        }
        self.next_request = now + REQUEST_PAUSE;
        if !group.is_empty() {
            self.begin(group);
        }
    }

    /// Whether a new frame is shown at once, and not later or never.
    pub(super) fn shows(&mut self, frame: &Frame) -> bool {
        if frame.is_key {
            self.waits_for_keyframe = false;
            // A decoder needs no earlier frames.
            self.behind.clear();
        } else if self.waits_for_keyframe {
            return false;
        } else if !self.behind.is_empty() {
            self.behind.push_back(frame.clone());
            return false;
        }
        true
    }

    /// When the viewer gets the next picture to catch up with.
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

/// The pause between pictures while a viewer catches up: 200 pictures a second, so that the network
/// does not drop them as a burst.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(5);
/// The round trip that a picture and a request may take.
const REQUEST_PAUSE: Duration = Duration::from_millis(500);
