//! The last messages to a participant, to be sent again when it resumes.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::config::ReplayLimit;
use crate::time::Timestamp;

/// How many messages a participant was sent, and the last of them.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// The number of the last message.
    sent: u64,
    kept: VecDeque<(Timestamp, Bytes)>,
    bytes: usize,
}

impl Replay {
    /// Numbers a message, keeps it, and drops the oldest ones over the limit.
    pub(super) fn push(&mut self, frame: Bytes, limit: &ReplayLimit, now: Timestamp) {
        self.sent += 1;
        self.bytes += frame.len();
        self.kept.push_back((now, frame));
        self.trim(limit, now);
    }

    /// Drops the oldest messages over the limit.
    pub(super) fn trim(&mut self, limit: &ReplayLimit, now: Timestamp) {
        while let Some((at, oldest)) = self.kept.front()
            && (self.kept.len() > limit.messages
                || self.bytes > limit.bytes
                || now.saturating_since(*at) >= limit.age)
        {
            self.bytes -= oldest.len();
            self.kept.pop_front();
        }
    }

    /// When the oldest kept message was sent.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.kept.front().map(|(at, _)| *at)
    }

    /// Whether every message after the given number is still kept.
    pub(super) fn reaches(&self, received: u64, limit: &ReplayLimit, now: Timestamp) -> bool {
        let Some(missing) = self.sent.checked_sub(received) else { return false };
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        missing <= self.kept.len()
            && self
                .kept
                .iter()
                .rev()
                .take(missing)
                .all(|(at, _)| now.saturating_since(*at) < limit.age)
    }

    /// The messages after the given number, oldest first.
    pub(super) fn after(&self, received: u64) -> impl Iterator<Item = &Bytes> {
        let missing = usize::try_from(self.sent.saturating_sub(received)).unwrap_or(usize::MAX);
        self.kept.iter().skip(self.kept.len().saturating_sub(missing)).map(|(_, frame)| frame)
    }

    /// The number of the last message.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const LIMIT: ReplayLimit = ReplayLimit { messages: 3, bytes: 10, age: Duration::from_secs(60) };

    fn replay(frames: &[&'static str]) -> Replay {
        let mut replay = Replay::default();
        for frame in frames {
            replay.push(Bytes::from_static(frame.as_bytes()), &LIMIT, NOW);
        }
        replay
    }

    #[test]
    fn the_last_messages_are_kept_in_order() {
        let replay = replay(&["1", "2", "3", "4"]);
        assert_eq!(replay.sent(), 4);
        assert_eq!(replay.after(2).collect::<Vec<_>>(), ["3", "4"]);
        let reached: Vec<bool> =
            (0..6).map(|received| replay.reaches(received, &LIMIT, NOW)).collect();
        // Nobody has received a message that was never sent.
        assert_eq!(reached, [false, true, true, true, true, false]);
    }

    #[test]
    fn as_many_bytes_are_kept_as_are_allowed_however_many_went_before() {
        let mut replay = replay(&["12345", "67890"]);
        assert!(replay.reaches(0, &LIMIT, NOW));
        for _ in 0..10 {
            replay.push(Bytes::from_static(b"12345"), &LIMIT, NOW);
            assert!(replay.reaches(replay.sent() - 2, &LIMIT, NOW));
            assert!(!replay.reaches(replay.sent() - 3, &LIMIT, NOW));
        }
    }

    #[test]
    fn bytes_and_age_are_limited_too() {
        let replay = replay(&["123456", "78901", "2"]);
        assert!(!replay.reaches(0, &LIMIT, NOW));
        assert!(replay.reaches(1, &LIMIT, NOW));
        let later = NOW + Duration::from_secs(60);
        assert_eq!(
            [1, 2, 3].map(|received| replay.reaches(received, &LIMIT, later)),
            [false, false, true]
        );
    }
}
