//! Bounds the events that wait for webhooks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use signal_core::RoomId;

use crate::metrics::Metrics;

/// The memory for queued events, over all rooms and for each.
#[derive(Debug)]
pub(crate) struct QueueSpace {
    used: Mutex<Used>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Used {
    bytes: usize,
    by_room: FxHashMap<RoomId, usize>,
}

/// How much of each bound events of a kind may fill.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Share {
    /// For those that somebody can cause as often as it likes. The rest is kept for others.
    Half,
    Whole,
}

/// The bound that an event would exceed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Full {
    OfAll,
    OfRoom,
}

/// The space of one event. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct ReservedSpace {
    space: Arc<QueueSpace>,
    room: RoomId,
    bytes: usize,
}

impl QueueSpace {
    pub(crate) fn new(metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { used: Mutex::default(), metrics })
    }

    /// Reserves space for the body of an event.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        room: RoomId,
        body: usize,
        share: Share,
    ) -> Result<ReservedSpace, Full> {
        let bytes = body + OVERHEAD;
        let used = self.lock();
        let of_room = used.by_room.get(&room).copied().unwrap_or_default();
        if of_room + bytes > share.of(MOST_BYTES_OF_ROOM) {
            return Err(Full::OfRoom);
        }
        if used.bytes + bytes > share.of(MOST_BYTES) {
            return Err(Full::OfAll);
        }
        Ok(self.take(used, room, bytes))
    }

    /// Reserves space for an event that an earlier process has queued, even if the queue is full.
    pub(crate) fn reserve_again(self: &Arc<Self>, room: RoomId, body: usize) -> ReservedSpace {
        self.take(self.lock(), room, body + OVERHEAD)
    }

    fn take(
        self: &Arc<Self>,
        mut used: MutexGuard<'_, Used>,
        room: RoomId,
        bytes: usize,
    ) -> ReservedSpace {
        used.bytes += bytes;
        *used.by_room.entry(room).or_default() += bytes;
        drop(used);
        self.metrics.webhook_queued();
        ReservedSpace { space: Arc::clone(self), room, bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        // Nothing panics under the lock with the numbers half changed.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    fn of(self, most: usize) -> usize {
        match self {
            Self::Half => most / 2,
            Self::Whole => most,
        }
    }
}

impl Drop for ReservedSpace {
    fn drop(&mut self) {
        let mut used = self.space.lock();
        used.bytes -= self.bytes;
        if let Some(of_room) = used.by_room.get_mut(&self.room) {
            *of_room -= self.bytes;
            if *of_room == 0 {
                used.by_room.remove(&self.room);
            }
        }
        drop(used);
        self.space.metrics.webhook_unqueued();
    }
}

/// What an event takes besides its body.
const OVERHEAD: usize = 512;
const MOST_BYTES: usize = 64 * 1024 * 1024;
const MOST_BYTES_OF_ROOM: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_of_one_room_leaves_space_for_others_and_is_free_again_when_it_is_empty() {
        let space = QueueSpace::new(Metrics::new());
        let room = |number: u8| RoomId::from_indices([number % 30, number / 30, 0, 0, 0, 0]);
        let fill = |room: RoomId| {
            let reserve = || space.reserve(room, 4096, Share::Whole).ok();
            let reserved: Vec<_> = std::iter::from_fn(reserve).collect();
            assert!(!reserved.is_empty());
            reserved
        };
        let first = fill(room(0));
        let others: Vec<_> = (1..64).map(|number| fill(room(number))).collect();
        assert_eq!(space.reserve(room(0), 4096, Share::Whole).unwrap_err(), Full::OfRoom);
        let reserve = |number| space.reserve(room(number), 4096, Share::Whole).ok();
        let rest: Vec<_> = (64..128).map_while(reserve).collect();
        assert!(rest.len() < 64, "all rooms together are bounded too");
        assert_eq!(space.reserve(room(129), 4096, Share::Whole).unwrap_err(), Full::OfAll);
        let earlier = space.reserve_again(room(0), 4096);
        drop((others, rest, first, earlier));
        let used = std::mem::take(&mut *space.lock());
        assert_eq!((used.bytes, used.by_room.len()), (0, 0));
        fill(room(0));
    }

    #[test]
    fn whoever_causes_events_at_will_fills_half_of_the_queue_of_its_room_and_of_all_rooms() {
        let space = QueueSpace::new(Metrics::new());
        let room = |number: u8| RoomId::from_indices([number % 30, number / 30, 0, 0, 0, 0]);
        let mut reserved = Vec::new();
        let mut fill = |share| {
            for number in 0..140 {
                let reserve = || space.reserve(room(number), 4096, share).ok();
                reserved.extend(std::iter::from_fn(reserve));
            }
            let used = space.lock();
            (used.bytes, used.by_room[&room(0)])
        };
        let within = |bytes: usize, most: usize| bytes <= most && most - bytes < 8192;
        for (share, part) in [(Share::Half, 2), (Share::Whole, 1)] {
            let (of_all, of_room) = fill(share);
            assert!(within(of_all, MOST_BYTES / part), "{of_all}");
            assert!(within(of_room, MOST_BYTES_OF_ROOM / part), "{of_room}");
        }
    }
}
