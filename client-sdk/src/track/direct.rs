//! Packets that go to the application directly, without a queue.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use super::RtpPacket;

/// Takes a packet and the time at which it arrived. It must not block.
type Each = dyn FnMut(RtpPacket, Instant) + Send;

/// The callback for the packets of a track, which replaces its queue once it is set; shared by both
/// ends of the track.
#[derive(Clone, Default)]
pub(super) struct Direct(Arc<OnceLock<Mutex<Option<Box<Each>>>>>);

/// Takes packets until this is dropped.
pub(super) struct Taken<'a>(&'a Direct);

impl Direct {
    /// Hands the `queued` packets to `each`, and then all packets that arrive.
    pub(super) fn take_over(
        &self,
        each: Box<Each>,
        queued: impl FnMut() -> Option<RtpPacket>,
    ) -> Taken<'_> {
        let each = self.0.get_or_init(|| Mutex::new(Some(each)));
        // Packets that arrive meanwhile wait for this lock.
        let mut each = lock(each);
        if let Some(each) = each.as_mut() {
            std::iter::from_fn(queued).for_each(|packet| each(packet, Instant::now()));
        }
        Taken(self)
    }

    /// Hands a packet over; returns it if no callback is set.
    pub(super) fn push(&self, packet: RtpPacket, arrived: Instant) -> Option<RtpPacket> {
        let Some(each) = self.0.get() else { return Some(packet) };
        if let Some(each) = lock(each).as_mut() {
            each(packet, arrived);
        }
        None
    }
}

impl Taken<'_> {
    pub(super) fn push(&self, packet: RtpPacket, arrived: Instant) {
        self.0.push(packet, arrived);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(each) = self.0.0.get() {
            *lock(each) = None;
        }
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
