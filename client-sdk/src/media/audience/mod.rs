//! The viewers of a player.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Frame;
use super::feed::{Feed, TimedFrame};
use super::group::Group;

/// One connection that frames are sent over.
pub(crate) trait Viewer: Send {
    /// Sends a frame without waiting.
    fn show(&mut self, frame: &TimedFrame);
}

/// Shows the frames of a player to a viewer, until this is dropped.
pub(crate) struct Subscription {
    number: u32,
    audience: Arc<Audience>,
}

/// All viewers of a player. Frames are shown to them directly, without waking a task.
#[derive(Default)]
pub(super) struct Audience {
    viewers: Mutex<Viewers>,
    /// Notified when a viewer has to catch up.
    behind: Notify,
    keyframe_wanted: Notify,
}

#[derive(Default)]
struct Viewers {
    /// Empty for sources that make keyframes on request. It has the same lock as the viewers, so
    /// that a new viewer misses no frame and gets none twice.
    group: Group,
    viewers: Vec<Admitted>,
    admitted: u32,
}

struct Admitted {
    number: u32,
    feed: Feed,
    viewer: Box<dyn Viewer>,
}

impl Subscription {
    pub(super) fn take(audience: &Arc<Audience>, viewer: Box<dyn Viewer>) -> Self {
        Self { number: audience.admit(viewer), audience: Arc::clone(audience) }
    }

    /// Moves the viewer to another audience.
    pub(super) fn change(&mut self, audience: &Arc<Audience>) {
        if let Some(viewer) = self.audience.dismiss(self.number) {
            *self = Self::take(audience, viewer);
        }
    }

    /// Handles that the other side cannot decode the frames. Other viewers are not affected, unless
    /// the source has to make a keyframe.
    pub(crate) fn request_keyframe(&self) {
        self.audience.request_keyframe(self.number);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.audience.dismiss(self.number);
    }
}

impl Audience {
    /// Plays a frame.
    pub(super) fn show(&self, at: Instant, frame: Frame) {
        self.viewers().show(&TimedFrame { at, frame });
    }

    /// Plays a frame, and keeps it for later viewers.
    pub(super) fn show_and_keep(&self, at: Instant, frame: Frame) {
        let mut viewers = self.viewers();
        viewers.group.push(&frame);
        viewers.show(&TimedFrame { at, frame });
    }

    /// Continues after this group, as after a seek.
    pub(super) fn jump(&self, frames: &[Frame]) {
        let Viewers { group, viewers, .. } = &mut *self.viewers();
        group.replace(frames);
        viewers.iter_mut().for_each(|admitted| admitted.feed.begin(group.frames()));
        self.behind.notify_one();
    }

    /// Shows viewers the frames that they have to catch up with.
    pub(super) async fn catch_up(&self) -> Infallible {
        loop {
            let due = self.viewers().due();
            let wait = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => self.viewers().show_due(Instant::now()),
                () = self.behind.notified() => {}
            }
        }
    }

    /// Waits until a viewer needs a keyframe of the source. Safe to cancel.
    pub(super) async fn keyframe_wanted(&self) {
        self.keyframe_wanted.notified().await;
    }

    fn admit(&self, viewer: Box<dyn Viewer>) -> u32 {
        let Viewers { group, viewers, admitted } = &mut *self.viewers();
        *admitted = admitted.wrapping_add(1);
        let mut feed = Feed::new(Instant::now());
        feed.begin(group.frames());
        viewers.push(Admitted { number: *admitted, feed, viewer });
        self.keyframe_wanted.notify_one();
        self.behind.notify_one();
        *admitted
    }

    fn dismiss(&self, number: u32) -> Option<Box<dyn Viewer>> {
        let viewers = &mut self.viewers().viewers;
        let place = viewers.iter().position(|admitted| admitted.number == number)?;
        Some(viewers.swap_remove(place).viewer)
    }

    fn request_keyframe(&self, number: u32) {
        let Viewers { group, viewers, .. } = &mut *self.viewers();
        let admitted = viewers.iter_mut().find(|admitted| admitted.number == number);
        if let Some(admitted) = admitted {
            admitted.feed.request_keyframe(group.frames(), Instant::now());
        }
        self.keyframe_wanted.notify_one();
        self.behind.notify_one();
    }

    fn viewers(&self) -> MutexGuard<'_, Viewers> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Viewers {
    fn show(&mut self, frame: &TimedFrame) {
        for Admitted { feed, viewer, .. } in &mut self.viewers {
            if feed.shows(&frame.frame) {
                viewer.show(frame);
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.viewers.iter().filter_map(|admitted| admitted.feed.due()).min()
    }

    fn show_due(&mut self, now: Instant) {
        for Admitted { feed, viewer, .. } in &mut self.viewers {
            if let Some(frame) = feed.take_due(now) {
                viewer.show(&frame);
            }
        }
    }
}

#[cfg(test)]
mod tests;
