//! What arrived of a track and what did not.

/// Counts the packets of one track by their sequence numbers (RFC 3550 appendix A.3).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SequenceCounter {
    first: Option<u16>,
    /// The highest number so far, with the wraps before it.
    highest: u64,
    received: u64,
}

impl SequenceCounter {
    pub(crate) fn count(&mut self, sequence_number: u16) {
        self.received += 1;
        if self.first.is_none() {
            self.first = Some(sequence_number);
            self.highest = u64::from(sequence_number);
            return;
        }
        // A step of less than half the range forward is forward, the rest is a packet that came late.
        let step = sequence_number.wrapping_sub(self.highest as u16);
        if step < 0x8000 {
            self.highest += u64::from(step);
        }
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Packets that were sent between the first and the last one received.
    pub(crate) fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.highest - u64::from(first) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(numbers: &[u16]) -> (u64, u64) {
        let mut counter = SequenceCounter::default();
        numbers.iter().for_each(|number| counter.count(*number));
        (counter.received(), counter.expected())
    }

    #[test]
    fn gaps_are_losses_and_late_packets_are_not() {
        assert_eq!(counted(&[]), (0, 0));
        assert_eq!(counted(&[7]), (1, 1));
        assert_eq!(counted(&[7, 8, 10]), (3, 4));
        assert_eq!(counted(&[7, 9, 8, 10]), (4, 4));
    }

    #[test]
    fn numbers_wrap() {
        assert_eq!(counted(&[65_534, 65_535, 0, 2]), (4, 5));
        assert_eq!(counted(&[65_535, 1, 0]), (3, 3));
    }
}
