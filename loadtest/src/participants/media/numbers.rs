//! The sequence numbers of a stream, which wrap.

/// Counts the packets of a stream, each of them once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    first: i64,
    last: Option<i64>,
    /// Which of the last [`WINDOW`] numbers have come, by their remainder.
    seen: [u64; (WINDOW / 64) as usize],
}

/// Where a packet has its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// It is the first, or follows the newest one.
    Next,
    /// Some before it are missing.
    AfterGap,
    Late,
    /// It has come before, or is so late that nobody knows.
    Copy,
}

impl Numbers {
    pub(super) fn count(&mut self, number: u16) -> Place {
        let Some(last) = self.last else {
            let number = i64::from(number);
            (self.first, self.last) = (number, Some(number));
            self.note(number);
            return Place::Next;
        };
        let number = last + i64::from(number.wrapping_sub(last as u16) as i16);
        if number <= last {
            if last - number >= WINDOW || self.has(number) {
                return Place::Copy;
            }
            self.first = self.first.min(number);
            self.note(number);
            return Place::Late;
        }
        for passed in (last + 1).max(number - WINDOW + 1)..number {
            self.forget(passed);
        }
        self.last = Some(number);
        self.note(number);
        if number == last + 1 { Place::Next } else { Place::AfterGap }
    }

    /// How many there are from the lowest to the highest.
    pub(super) fn expected(&self) -> u64 {
        self.last.map_or(0, |last| last.abs_diff(self.first) + 1)
    }

    fn has(&self, number: i64) -> bool {
        let (word, bit) = place(number);
        self.seen[word] & bit != 0
    }

    fn note(&mut self, number: i64) {
        let (word, bit) = place(number);
        self.seen[word] |= bit;
    }

    fn forget(&mut self, number: i64) {
        let (word, bit) = place(number);
        self.seen[word] &= !bit;
    }
}

fn place(number: i64) -> (usize, u64) {
    let remainder = number.rem_euclid(WINDOW);
    ((remainder / 64) as usize, 1 << (remainder % 64))
}

const WINDOW: i64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packet_counts_once_also_where_numbers_wrap() {
        let mut numbers = Numbers::default();
        let order = [65_534, 65_535, 1, 0, 0, 1, 65_534, 65_533, 4];
        let places = order.map(|number| numbers.count(number));
        use Place::{AfterGap, Copy, Late, Next};
        assert_eq!(places, [Next, Next, AfterGap, Late, Copy, Copy, Copy, Late, AfterGap]);
        assert_eq!(numbers.expected(), 8);
    }

    #[test]
    fn what_is_older_than_anybody_knows_is_a_copy() {
        let mut numbers = Numbers::default();
        for number in 0..2000 {
            numbers.count(number);
        }
        assert_eq!(numbers.count(2001), Place::AfterGap);
        assert_eq!(
            [900, 1500, 2000].map(|n| numbers.count(n)),
            [Place::Copy, Place::Copy, Place::Late]
        );
        // A gap that is longer than the window.
        assert_eq!(numbers.count(10_000), Place::AfterGap);
        assert_eq!([9_500, 9_500].map(|n| numbers.count(n)), [Place::Late, Place::Copy]);
    }
}
