//! The bytes that were handed out for a connection and are not acknowledged.

use std::collections::VecDeque;

use crate::config::FloodLimit;
use crate::ids::Ticket;
use crate::time::Timestamp;

/// The unacknowledged bytes of one connection, by the tickets that sent them.
///
/// Acknowledgements come in the order in which messages were handed out, so it is enough to keep
/// the senders of the bytes in that order.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: usize,
    runs: VecDeque<Run>,
    by_sender: Vec<(Ticket, usize)>,
    /// When bytes were last acknowledged, or when the first of them were handed out.
    since: Timestamp,
    /// Whether the room is going to check that this connection reads.
    pub(super) is_watched: bool,
}

/// Consecutive bytes of one sender; `None` is the hub itself.
#[derive(Debug)]
struct Run {
    from: Option<Ticket>,
    bytes: usize,
}

impl Unsent {
    pub(super) fn push(&mut self, from: Option<Ticket>, bytes: usize, now: Timestamp) {
        if self.bytes == 0 {
            self.since = now;
        }
        self.bytes += bytes;
        match self.runs.back_mut() {
            Some(last) if last.from == from => last.bytes += bytes,
            Some(_) | None => self.runs.push_back(Run { from, bytes }),
        }
        let Some(from) = from else { return };
        match self.by_sender.iter_mut().find(|(ticket, _)| *ticket == from) {
            Some((_, sum)) => *sum += bytes,
            None => self.by_sender.push((from, bytes)),
        }
    }

    /// Removes the oldest bytes, which were acknowledged.
    pub(super) fn taken(&mut self, mut bytes: usize, now: Timestamp) {
        self.since = now;
        self.bytes = self.bytes.saturating_sub(bytes);
        while bytes > 0
            && let Some(run) = self.runs.front_mut()
        {
            let part = run.bytes.min(bytes);
            run.bytes -= part;
            bytes -= part;
            let (from, is_done) = (run.from, run.bytes == 0);
            if is_done {
                self.runs.pop_front();
            }
            let Some(from) = from else { continue };
            if let Some(at) = self.by_sender.iter().position(|(ticket, _)| *ticket == from) {
                self.by_sender[at].1 -= part;
                if self.by_sender[at].1 == 0 {
                    self.by_sender.swap_remove(at);
                }
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Since when no byte was acknowledged; `None` if nothing waits.
    pub(super) fn stalled_since(&self) -> Option<Timestamp> {
        (self.bytes > 0).then_some(self.since)
    }

    /// Whether a message of that sender is refused, in a room with that many other participants.
    pub(super) fn refuses(&self, sender: Ticket, others: usize, limit: &FloodLimit) -> bool {
        if self.bytes <= limit.fair_bytes {
            return false;
        }
        let share = limit.min_share_bytes.max(limit.shared_bytes / others.max(1));
        self.bytes > limit.max_relayed_bytes || self.bytes_of(sender) >= share
    }

    fn bytes_of(&self, sender: Ticket) -> usize {
        let sum = self.by_sender.iter().find(|(ticket, _)| *ticket == sender);
        sum.map_or(0, |(_, bytes)| *bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn guest(name: &str) -> Ticket {
        Ticket::Guest(name.parse().unwrap())
    }

    #[test]
    fn bytes_are_taken_from_whoever_came_first() {
        let (a, b) = (guest("p_a"), guest("p_b"));
        let mut unsent = Unsent::default();
        for (from, bytes) in [(Some(a), 10), (None, 5), (Some(b), 20), (Some(b), 1), (Some(a), 7)] {
            unsent.push(from, bytes, NOW);
        }
        assert_eq!((unsent.bytes(), unsent.bytes_of(a), unsent.bytes_of(b)), (43, 17, 21));
        unsent.taken(12, NOW);
        assert_eq!((unsent.bytes(), unsent.bytes_of(a), unsent.bytes_of(b)), (31, 7, 21));
        unsent.taken(25, NOW);
        assert_eq!((unsent.bytes(), unsent.bytes_of(a), unsent.bytes_of(b)), (6, 6, 0));
        unsent.taken(1000, NOW);
        assert_eq!((unsent.bytes(), unsent.bytes_of(a), unsent.runs.len()), (0, 0, 0));
        assert!(unsent.by_sender.is_empty());
    }

    #[test]
    fn a_sender_with_its_share_waiting_is_refused_and_beyond_the_last_limit_everybody() {
        let (a, b) = (guest("p_a"), guest("p_b"));
        let limit = FloodLimit {
            fair_bytes: 100,
            shared_bytes: 300,
            min_share_bytes: 20,
            max_relayed_bytes: 400,
        };
        let mut unsent = Unsent::default();
        unsent.push(Some(a), 100, NOW);
        assert!(!unsent.refuses(a, 1, &limit), "little waits");
        unsent.push(None, 1, NOW);
        assert!(!unsent.refuses(a, 2, &limit), "its share is 150");
        assert!(unsent.refuses(a, 3, &limit), "its share is 100");
        assert!(!unsent.refuses(b, 100, &limit), "nothing of its own waits");
        unsent.push(None, 300, NOW);
        assert!(unsent.refuses(b, 1, &limit));
    }
}
