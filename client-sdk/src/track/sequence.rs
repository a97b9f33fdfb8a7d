//! The sequence numbers of RTP packets, which wrap after 65 535 (RFC 3550 appendix A).

/// Extends a sequence number beyond its wraparound: returns the number nearest to `near` whose low
/// 16 bits are `sequence_number`.
pub(crate) fn extend(sequence_number: u16, near: i64) -> i64 {
    let ahead = sequence_number.wrapping_sub(near as u16) as i16;
    near + i64::from(ahead)
}

/// Counts the received and the expected packets of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SequenceCounter {
    received: u64,
    /// The lowest and the highest extended number so far.
    range: Option<(i64, i64)>,
}

impl SequenceCounter {
    pub(crate) fn count(&mut self, sequence_number: u16) {
        self.received += 1;
        self.range = Some(match self.range {
            Some((lowest, highest)) => {
                let number = extend(sequence_number, highest);
                (lowest.min(number), highest.max(number))
            }
            None => (sequence_number.into(), sequence_number.into()),
        });
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// How many packets are missing. Late and retransmitted packets do not count once they have
    /// arrived.
    pub(crate) fn lost(&self) -> u64 {
        let expected = self.range.map_or(0, |(lowest, highest)| lowest.abs_diff(highest) + 1);
        expected.saturating_sub(self.received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(numbers: &[u16]) -> (u64, u64) {
        let mut counter = SequenceCounter::default();
        numbers.iter().for_each(|number| counter.count(*number));
        (counter.received(), counter.lost())
    }

    #[test]
    fn gaps_are_losses_and_late_packets_are_not() {
        assert_eq!(counted(&[]), (0, 0));
        assert_eq!(counted(&[7]), (1, 0));
        assert_eq!(counted(&[7, 8, 10]), (3, 1));
        assert_eq!(counted(&[7, 9, 8, 10]), (4, 0));
        assert_eq!(counted(&[7, 6, 8]), (3, 0));
    }

    #[test]
    fn numbers_wrap() {
        assert_eq!(counted(&[65_534, 65_535, 0, 2]), (4, 1));
        assert_eq!(counted(&[65_535, 1, 0]), (3, 0));
        assert_eq!(extend(2, 65_535), 65_538);
        assert_eq!(extend(65_535, 65_538), 65_535);
    }
}
