//! Marks: the planned time of a frame, in its data.
//!
//! Both ends of a connection are in one process and share a clock. Marks of other processes are
//! ignored.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The clock of this process.
struct Clock {
    /// Tells it from those of other processes.
    id: [u8; 8],
    start: Instant,
}

static CLOCK: LazyLock<Clock> = LazyLock::new(|| {
    let mut id: [u8; 8] = rand::random();
    // A filler of zeros must not begin a mark.
    id[0] |= 1;
    Clock { id, start: Instant::now() }
});

/// Where a mark may begin in a packet: behind the headers of a codec and of its packets.
const MOST_BEFORE: usize = 16;
const LENGTH: usize = 16;

/// The marks of a stream, so that those which never arrive are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    latest: Option<Instant>,
    /// Those before the latest that have not arrived.
    missing: Vec<Instant>,
}

impl Marks {
    pub(super) fn arrived(&mut self, made: Instant) {
        let Some(latest) = self.latest.filter(|latest| *latest < made) else {
            // It was late, or is the first.
            self.missing.retain(|missing| {
                missing.max(&made).duration_since(*missing.min(&made)) > EVERY / 2
            });
            self.latest.get_or_insert(made);
            return;
        };
        self.missing.extend(between(latest, made));
        self.latest = Some(made);
    }

    /// Those that have not arrived, with those that were to be made until the end, if there is one.
    pub(super) fn missing(&self, end: Option<Instant>) -> Vec<Instant> {
        let after = self.latest.zip(end).map(|(latest, end)| between(latest, end).collect());
        let after: Vec<Instant> = after.unwrap_or_default();
        self.missing.iter().copied().chain(after).collect()
    }
}

/// The marks between two times, the last of which may be half a period early.
fn between(from: Instant, to: Instant) -> impl Iterator<Item = Instant> {
    let count = to.saturating_duration_since(from).as_secs_f64() / EVERY.as_secs_f64();
    (1..count.round() as u32).map(move |index| from + EVERY * index)
}

/// How often a source marks a frame.
pub(super) const EVERY: Duration = Duration::from_millis(500);

/// Begins to count time.
pub(super) fn start() {
    LazyLock::force(&CLOCK);
}

/// The mark of a time that is not before [`start`].
pub(super) fn write(at: Instant) -> [u8; LENGTH] {
    let nanos = at.saturating_duration_since(CLOCK.start).as_nanos();
    let nanos = u64::try_from(nanos).unwrap_or(u64::MAX).to_be_bytes();
    let mut mark = [0; LENGTH];
    mark[..8].copy_from_slice(&CLOCK.id);
    mark[8..].copy_from_slice(&nanos);
    mark
}

/// The time that a packet is marked with.
pub(super) fn read(payload: &[u8]) -> Option<Instant> {
    let beginning = payload.get(..payload.len().min(MOST_BEFORE + LENGTH))?;
    let place = beginning.windows(CLOCK.id.len()).position(|bytes| bytes == CLOCK.id)?;
    let nanos = beginning.get(place + 8..place + LENGTH)?.try_into().ok()?;
    CLOCK.start.checked_add(Duration::from_nanos(u64::from_be_bytes(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_packet_tells_its_time_and_others_none() {
        start();
        let at = Instant::now();
        for before in 0..=MOST_BEFORE {
            let packet = [&vec![7; before][..], &write(at), &[0; 100]].concat();
            assert_eq!(read(&packet), Some(at), "{before}");
            assert_eq!(read(&packet[..before + LENGTH - 1]), None);
        }
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0; 1000]), None);
    }

    #[test]
    fn marks_that_do_not_arrive_are_missing() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut marks = Marks::default();
        assert!(marks.missing(Some(at(9000))).is_empty());
        // The clock of a source may drift a little.
        for made in [0, 510, 2490, 2010, 3000] {
            marks.arrived(at(made));
        }
        assert_eq!(marks.missing(None), [at(1010), at(1510)]);
        // What was made last may be on its way.
        assert_eq!(marks.missing(Some(at(3600))).len(), 2);
        assert_eq!(marks.missing(Some(at(4500))).len(), 4);
    }
}
