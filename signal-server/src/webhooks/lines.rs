//! The order in which events are sent. The events of each room wait in a line of their own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use signal_core::RoomId;
use signal_core::room::event::EventKey;
use tokio::time::Instant;

use crate::store::queue::QueueEntry;

/// The events that wait, in a line for each room.
///
/// Of each line the first event is sent, and the next one when that is delivered or given up. Lines
/// do not wait for each other.
#[derive(Debug, Default)]
pub(super) struct Lines {
    by_room: BTreeMap<RoomId, Line>,
    /// The lines whose first event is to be sent, in the order in which they became ready.
    ready: VecDeque<RoomId>,
    /// The lines whose first event has failed, by the time of the next attempt.
    paused: BTreeSet<(Instant, RoomId)>,
}

#[derive(Debug, Default)]
struct Line {
    events: BTreeMap<EventKey, Waiting>,
    phase: Phase,
    /// How often the first event has failed.
    failures: u32,
}

#[derive(Debug)]
struct Waiting {
    entry: Arc<QueueEntry>,
    since: Instant,
    awaits_creator: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    /// There is nothing to send yet.
    #[default]
    Idle,
    Ready,
    Sending,
    Paused,
}

impl Lines {
    /// Adds an event that waits from now on.
    pub(super) fn add(&mut self, entry: Arc<QueueEntry>, now: Instant) {
        let (key, awaits_creator) = (entry.key, entry.awaits_creator);
        let line = self.by_room.entry(key.room).or_default();
        line.events.entry(key).or_insert(Waiting { entry, since: now, awaits_creator });
        self.make_ready(key.room);
    }

    /// The creator of the room with this epoch learns of it.
    pub(super) fn keep(&mut self, room: RoomId, epoch: u64) {
        let Some(line) = self.by_room.get_mut(&room) else { return };
        let of_room = line.events.iter_mut().filter(|(key, _)| key.epoch == epoch);
        of_room.for_each(|(_, waiting)| waiting.awaits_creator = false);
        self.make_ready(room);
    }

    /// Removes the events of a room whose creator will not learn of it.
    pub(super) fn withdraw(&mut self, room: RoomId) {
        let Some(line) = self.by_room.get_mut(&room) else { return };
        line.events.retain(|_, waiting| !waiting.awaits_creator);
        self.make_ready(room);
    }

    /// The next event to send. Its line waits until [`delivered`](Self::delivered) or
    /// [`failed`](Self::failed) tells how that went.
    pub(super) fn next(&mut self, now: Instant) -> Option<Arc<QueueEntry>> {
        while self.poll_timeout().is_some_and(|at| at <= now)
            && let Some((_, room)) = self.paused.pop_first()
        {
            self.set_ready(room);
        }
        let line = self.by_room.get_mut(&self.ready.pop_front()?)?;
        line.phase = Phase::Sending;
        line.events.first_key_value().map(|(_, waiting)| Arc::clone(&waiting.entry))
    }

    /// When an event that failed is to be sent again.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.paused.first().map(|(at, _)| *at)
    }

    /// Removes an event that is delivered.
    pub(super) fn delivered(&mut self, key: EventKey) -> Option<Arc<QueueEntry>> {
        let line = self.by_room.get_mut(&key.room)?;
        let delivered = line.events.remove(&key)?;
        (line.phase, line.failures) = (Phase::Idle, 0);
        self.make_ready(key.room);
        Some(delivered.entry)
    }

    /// Has an event that failed sent again later, and not before the receiver wants it. Returns the
    /// event if it is given up, since it has failed for an hour. `random` is between 0 and 1.
    pub(super) fn failed(
        &mut self,
        key: EventKey,
        retry_after: Option<Duration>,
        random: f64,
        now: Instant,
    ) -> Option<Arc<QueueEntry>> {
        let line = self.by_room.get_mut(&key.room)?;
        let waiting = line.events.get(&key)?;
        let left = GIVEN_UP_AFTER.saturating_sub(now.saturating_duration_since(waiting.since));
        if left.is_zero() {
            return self.delivered(key);
        }
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(line.failures);
        let pause = pause.min(LONGEST_PAUSE).mul_f64(0.75 + random / 2.0);
        let pause = pause.max(retry_after.unwrap_or_default().min(left));
        line.failures += 1;
        line.phase = Phase::Paused;
        self.paused.insert((now + pause, key.room));
        None
    }

    /// Has every event that is being sent sent again.
    pub(super) fn restart(&mut self) {
        let sending = self.by_room.iter().filter(|(_, line)| line.phase == Phase::Sending);
        let rooms: Vec<_> = sending.map(|(room, _)| *room).collect();
        rooms.into_iter().for_each(|room| self.set_ready(room));
    }

    /// Removes all events.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Arc<QueueEntry>> {
        let lines = std::mem::take(self).by_room;
        lines.into_values().flat_map(|line| line.events.into_values()).map(|event| event.entry)
    }

    /// Makes a line ready if it is idle and its first event may be sent. Forgets an empty one.
    fn make_ready(&mut self, room: RoomId) {
        let Some(line) = self.by_room.get(&room).filter(|line| line.phase == Phase::Idle) else {
            return;
        };
        match line.events.first_key_value() {
            None => drop(self.by_room.remove(&room)),
            Some((_, first)) if first.awaits_creator => {}
            Some(_) => self.set_ready(room),
        }
    }

    fn set_ready(&mut self, room: RoomId) {
        if let Some(line) = self.by_room.get_mut(&room) {
            line.phase = Phase::Ready;
            self.ready.push_back(room);
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::store::QueuedEvent;
    use crate::store::queue::{QueueSpace, Share};

    fn room(number: u8) -> RoomId {
        RoomId::from_indices([number; 6])
    }

    fn entry(room: RoomId, version: u64, awaits_creator: bool) -> Arc<QueueEntry> {
        entry_of(EventKey { room, epoch: 1, version, position: 0 }, awaits_creator)
    }

    fn entry_of(key: EventKey, awaits_creator: bool) -> Arc<QueueEntry> {
        let room = key.room;
        let event = QueuedEvent { id: String::new(), body: Vec::new() };
        let space = QueueSpace::new(Metrics::new()).reserve(room, 0, Share::Whole).unwrap();
        Arc::new(QueueEntry { key, event, awaits_creator, space })
    }

    fn next(lines: &mut Lines, now: Instant) -> Option<(RoomId, u64)> {
        lines.next(now).map(|entry| (entry.key.room, entry.key.version))
    }

    fn key(room: RoomId, version: u64) -> EventKey {
        entry(room, version, false).key
    }

    #[test]
    fn a_room_whose_event_fails_holds_up_no_other_and_goes_on_in_order() {
        let (mut lines, now) = (Lines::default(), Instant::now());
        for (number, version) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            lines.add(entry(room(number), version, false), now);
        }
        assert_eq!(next(&mut lines, now), Some((room(1), 1)));
        assert_eq!(next(&mut lines, now), Some((room(2), 1)));
        assert_eq!(next(&mut lines, now), None, "of each room one at a time");
        assert!(lines.failed(key(room(1), 1), None, 0.5, now).is_none());
        lines.delivered(key(room(2), 1)).unwrap();
        assert_eq!(next(&mut lines, now), Some((room(2), 2)));
        assert_eq!(next(&mut lines, now), None);
        let later = lines.poll_timeout().unwrap();
        assert_eq!(next(&mut lines, later), Some((room(1), 1)));
        lines.delivered(key(room(1), 1)).unwrap();
        assert_eq!(next(&mut lines, later), Some((room(1), 2)));
        lines.delivered(key(room(1), 2)).unwrap();
        lines.delivered(key(room(2), 2)).unwrap();
        assert!(lines.by_room.is_empty() && lines.ready.is_empty() && lines.paused.is_empty());
    }

    #[test]
    fn an_event_is_sent_again_more_and_more_seldom_for_an_hour() {
        let (mut lines, began) = (Lines::default(), Instant::now());
        let mut now = began;
        lines.add(entry(room(1), 1, false), now);
        lines.add(entry(room(1), 2, false), now);
        let mut pauses = Vec::new();
        loop {
            assert_eq!(next(&mut lines, now), Some((room(1), 1)));
            if let Some(given_up) = lines.failed(key(room(1), 1), None, 0.5, now) {
                assert_eq!(given_up.key.version, 1);
                break;
            }
            let at = lines.poll_timeout().unwrap();
            pauses.push(at - now);
            now = at;
        }
        assert!(pauses.is_sorted() && pauses[0] == FIRST_PAUSE, "{pauses:?}");
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
        assert!(now - began >= GIVEN_UP_AFTER && now - began < GIVEN_UP_AFTER + LONGEST_PAUSE);
        // Each event is sent at least once.
        assert_eq!(next(&mut lines, now), Some((room(1), 2)));
    }

    #[test]
    fn an_event_is_sent_again_when_the_receiver_wants_it_and_in_an_hour_at_the_latest() {
        let seconds = Duration::from_secs;
        for (asked, pause) in [(0, FIRST_PAUSE), (90, seconds(90)), (100_000, GIVEN_UP_AFTER)] {
            let (mut lines, now) = (Lines::default(), Instant::now());
            lines.add(entry(room(1), 1, false), now);
            assert_eq!(next(&mut lines, now), Some((room(1), 1)));
            assert!(lines.failed(key(room(1), 1), Some(seconds(asked)), 0.5, now).is_none());
            assert_eq!(lines.poll_timeout(), Some(now + pause), "{asked}");
        }
    }

    #[test]
    fn a_receiver_that_wants_an_event_later_does_not_lengthen_its_hour() {
        let (mut lines, began) = (Lines::default(), Instant::now());
        lines.add(entry(room(1), 1, false), began);
        assert_eq!(next(&mut lines, began), Some((room(1), 1)));
        let late = began + GIVEN_UP_AFTER - Duration::from_secs(60);
        let hours = Some(GIVEN_UP_AFTER * 2);
        assert!(lines.failed(key(room(1), 1), hours, 0.5, late).is_none());
        let end = lines.poll_timeout().unwrap();
        assert_eq!(end, began + GIVEN_UP_AFTER);
        assert_eq!(next(&mut lines, end), Some((room(1), 1)));
        assert!(lines.failed(key(room(1), 1), hours, 0.5, end).is_some(), "it is given up");
    }

    #[test]
    fn an_event_waits_for_the_creator_or_is_withdrawn() {
        let (mut lines, now) = (Lines::default(), Instant::now());
        for number in [1, 2] {
            lines.add(entry(room(number), 1, true), now);
            lines.add(entry(room(number), 2, false), now);
        }
        assert_eq!(next(&mut lines, now), None);
        lines.keep(room(1), 1);
        assert_eq!(next(&mut lines, now), Some((room(1), 1)));
        lines.withdraw(room(2));
        lines.withdraw(room(1));
        assert_eq!(next(&mut lines, now), Some((room(2), 2)));
        lines.restart();
        assert_eq!(next(&mut lines, now), Some((room(1), 1)));
        assert_eq!(lines.clear().count(), 3);
    }

    #[test]
    fn an_event_waits_for_the_creator_of_its_own_room() {
        let (mut lines, now) = (Lines::default(), Instant::now());
        for epoch in [1, 2] {
            lines.add(entry_of(EventKey { epoch, ..key(room(1), 1) }, true), now);
        }
        lines.keep(room(1), 1);
        assert_eq!(next(&mut lines, now), Some((room(1), 1)));
        lines.delivered(key(room(1), 1)).unwrap();
        assert_eq!(next(&mut lines, now), None, "its creator does not know of it");
        lines.keep(room(1), 2);
        assert_eq!(next(&mut lines, now), Some((room(1), 1)));
    }
}
