//! Counts that are shown during a run.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct LiveCounts {
    /// Those who are on their way in.
    entering: AtomicU64,
    entered: AtomicU64,
    failed: AtomicU64,
    /// Those who were on their way in when the run was interrupted.
    cut_short: AtomicU64,
    connected: AtomicU64,
    /// Those who are in a room now.
    present: AtomicU64,
    /// Those who have entered each room.
    rooms: Vec<AtomicU64>,
    /// The participants that have finished measuring and may leave.
    measured: AtomicU64,
    /// Those who are on their way back to their seats.
    away: AtomicU64,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) entered: u64,
    pub(crate) failed: u64,
    pub(crate) connected: u64,
    pub(crate) present: u64,
}

impl LiveCounts {
    pub(crate) fn new(rooms: usize) -> Self {
        Self {
            entering: AtomicU64::new(0),
            entered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            cut_short: AtomicU64::new(0),
            connected: AtomicU64::new(0),
            present: AtomicU64::new(0),
            measured: AtomicU64::new(0),
            away: AtomicU64::new(0),
            rooms: (0..rooms).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(crate) fn arrives(&self) {
        self.entering.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn is_anybody_entering(&self) -> bool {
        self.entering.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn entered(&self, room: usize) {
        self.rooms[room].fetch_add(1, Ordering::Relaxed);
        self.entering.fetch_sub(1, Ordering::Relaxed);
        self.entered.fetch_add(1, Ordering::Relaxed);
        self.present.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.entering.fetch_sub(1, Ordering::Relaxed);
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The run was interrupted before a participant had time to enter.
    pub(crate) fn cut_one_short(&self) {
        self.entering.fetch_sub(1, Ordering::Relaxed);
        self.cut_short.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cut_short(&self) -> u64 {
        self.cut_short.load(Ordering::Relaxed)
    }

    pub(crate) fn connected(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn measured(&self) {
        self.measured.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn has_everybody_measured(&self) -> bool {
        self.measured.load(Ordering::Relaxed) >= self.present.load(Ordering::Relaxed)
    }

    /// A participant has lost its socket.
    pub(crate) fn goes_away(&self) {
        self.away.fetch_add(1, Ordering::Relaxed);
    }

    /// It has its seat back, or no longer tries.
    pub(crate) fn comes_back(&self) {
        self.away.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn is_anybody_away(&self) -> bool {
        self.away.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn left(&self) {
        self.present.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many ends of connections there can be between those who have entered, if nobody leaves.
    pub(crate) fn possible_connections(&self) -> u64 {
        let entered = self.rooms.iter().map(|room| room.load(Ordering::Relaxed));
        entered.map(|entered| entered * entered.saturating_sub(1)).sum()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            entered: self.entered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            connected: self.connected.load(Ordering::Relaxed),
            present: self.present.load(Ordering::Relaxed),
        }
    }
}
