//! Values by the time of a run, in a memory that has a bound.

use std::ops::AddAssign;

/// Values of the stretches of a run, which are equally long. A second each at first: when they
/// become too many, each two that follow each other become one.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<T> {
    /// How long each is, a power of two.
    seconds: u64,
    stretches: Vec<T>,
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { seconds: 1, stretches: Vec::new() }
    }
}

impl<T: AddAssign + Default> Timeline<T> {
    /// The value of the stretch that contains a second of the run.
    pub(crate) fn at(&mut self, second: u64) -> &mut T {
        while second / self.seconds >= MOST_STRETCHES {
            self.widen(self.seconds * 2);
        }
        let index = index(second / self.seconds);
        if self.stretches.len() <= index {
            self.stretches.resize_with(index + 1, T::default);
        }
        &mut self.stretches[index]
    }

    /// Joins stretches until they are at least that long.
    pub(crate) fn widen(&mut self, seconds: u64) {
        while self.seconds < seconds {
            self.seconds *= 2;
            let mut joined: Vec<T> = Vec::with_capacity(self.stretches.len().div_ceil(2));
            for (place, stretch) in self.stretches.drain(..).enumerate() {
                match joined.get_mut(place / 2) {
                    Some(earlier) => *earlier += stretch,
                    None => joined.push(stretch),
                }
            }
            self.stretches = joined;
        }
    }
}

impl<T> Timeline<T> {
    /// How long each stretch is.
    pub(crate) fn seconds(&self) -> u64 {
        self.seconds
    }

    /// The value of a stretch by its number, if the run has come that far.
    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.stretches.get(index(number))
    }

    /// The value of the last stretch that is over.
    pub(crate) fn last_over(&self) -> Option<&T> {
        self.stretches.iter().rev().nth(1)
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The most stretches, and with them the seconds of an hour.
pub(crate) const MOST_STRETCHES: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_takes_no_more_stretches_than_an_hour_and_loses_nothing() {
        let mut timeline = Timeline::<u64>::default();
        for second in 0..3600 {
            *timeline.at(second) += 1;
        }
        assert_eq!((timeline.seconds(), timeline.stretches.len()), (1, 3600));
        *timeline.at(3600) += 1;
        assert_eq!(
            (timeline.seconds(), timeline.get(0), timeline.get(1800)),
            (2, Some(&2), Some(&1))
        );
        *timeline.at(365 * 24 * 3600) += 1;
        // What is told of an earlier second still has its place.
        *timeline.at(0) += 1;
        assert!(timeline.stretches.len() <= 3600, "{}", timeline.stretches.len());
        assert_eq!(timeline.stretches.iter().sum::<u64>(), 3603);
    }

    #[test]
    fn stretches_are_joined_in_order() {
        let mut timeline = Timeline::<u64>::default();
        for second in 0..5 {
            *timeline.at(second) += 10_u64.pow(second as u32);
        }
        timeline.widen(3);
        assert_eq!((timeline.seconds(), &timeline.stretches[..]), (4, &[1111, 10_000][..]));
        assert_eq!(timeline.last_over(), Some(&1111));
    }
}
