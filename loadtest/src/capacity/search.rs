//! The search for the largest number that passes: it doubles, bisects, and confirms.

/// A search. Ask it for the next number, and report the result to it.
#[derive(Debug)]
pub(crate) struct Search {
    /// The largest that has passed, 0 for none.
    passed: u32,
    /// The smallest that has failed, or one more than the largest that may be tried.
    failed: u32,
    first: u32,
    /// Whether something has failed.
    is_bracketed: bool,
    confirmed: bool,
}

/// The next step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    Try(u32),
    /// Try a number that has passed for longer.
    Confirm(u32),
    /// The search is over; 0 if nothing passes.
    Done(u32),
}

impl Search {
    /// Searches from 1 to `most`, beginning with `first`.
    pub(crate) fn new(first: u32, most: u32) -> Self {
        let failed = most.saturating_add(1);
        Self { passed: 0, failed, first, is_bracketed: false, confirmed: false }
    }

    pub(crate) fn next(&self) -> Next {
        let gap = self.failed - self.passed;
        // A twentieth is as exact as a server is.
        let is_close = gap <= 1 || gap <= self.passed / 20;
        match () {
            () if is_close && self.passed == 0 => Next::Done(0),
            () if is_close && self.confirmed => Next::Done(self.passed),
            () if is_close => Next::Confirm(self.passed),
            () if self.is_bracketed => Next::Try(self.passed + gap / 2),
            () if self.passed == 0 => Next::Try(self.first.min(self.failed - 1)),
            () => Next::Try(self.passed.saturating_mul(2).min(self.failed - 1)),
        }
    }

    /// The largest that has passed so far, 0 for none.
    pub(crate) fn passed(&self) -> u32 {
        self.passed
    }

    pub(crate) fn tell(&mut self, next: Next, has_passed: bool) {
        match (next, has_passed) {
            (Next::Try(number), true) => self.passed = number,
            (Next::Try(number), false) => {
                self.failed = number;
                self.is_bracketed = true;
            }
            (Next::Confirm(_), true) => self.confirmed = true,
            (Next::Confirm(number), false) => {
                // It has passed by luck: a little less has to be confirmed.
                self.failed = number;
                self.passed = number - (number / 20).max(1);
            }
            (Next::Done(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches at a server that carries that many, and returns the result and the number of steps.
    fn search(knee: u32, first: u32, most: u32) -> (u32, u32) {
        let mut search = Search::new(first, most);
        for steps in 0..100 {
            match search.next() {
                Next::Done(found) => return (found, steps),
                next @ (Next::Try(number) | Next::Confirm(number)) => {
                    search.tell(next, number <= knee);
                }
            }
        }
        panic!("it does not end");
    }

    #[test]
    fn a_knee_is_found_within_a_twentieth() {
        for knee in [1, 2, 3, 7, 19, 20, 100, 333, 1000, 4711, 9999] {
            for first in [1, 4, 50, 5000] {
                let (found, steps) = search(knee, first, 10_000);
                assert!(found <= knee && knee - found <= knee / 20 + 1, "{knee}: {found}");
                assert!(steps < 25, "{knee} from {first}: {steps} steps");
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_are_results_too() {
        assert_eq!(search(0, 4, 100).0, 0);
        assert_eq!(search(5000, 4, 100).0, 100);
        assert_eq!(search(1, 4, 1).0, 1);
    }

    #[test]
    fn what_passed_by_luck_is_not_the_result() {
        let mut search = Search::new(64, 64);
        loop {
            match search.next() {
                Next::Done(found) => {
                    assert!((40..=50).contains(&found), "{found}");
                    return;
                }
                next @ Next::Try(_) => search.tell(next, true),
                next @ Next::Confirm(number) => search.tell(next, number <= 50),
            }
        }
    }
}
