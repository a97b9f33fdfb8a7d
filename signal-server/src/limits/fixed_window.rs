//! Limits on how often something may happen in a period.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Allows `most` events in a period for each key. The period begins with the first event.
#[derive(Debug)]
pub(crate) struct FixedWindow<K> {
    most: u32,
    period: Duration,
    windows: Mutex<Windows<K>>,
}

#[derive(Debug)]
struct Windows<K> {
    by_key: HashMap<K, Window>,
    /// The number of windows at which expired ones are removed.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    count: u32,
}

/// An event that was counted before it took effect. Dropping this gives it back, unless it is
/// [kept](Self::keep).
#[derive(Debug)]
#[must_use]
pub(crate) struct Counted<'a, K: Eq + Hash> {
    window: &'a FixedWindow<K>,
    /// `None` if the event has taken effect, or is not counted at all.
    event: Option<(K, Instant)>,
}

/// The limit was reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RateLimited {
    /// How long until the period is over.
    pub(crate) retry_after: Duration,
}

impl<K: Eq + Hash> FixedWindow<K> {
    pub(crate) fn new(most: u32, period: Duration) -> Self {
        let windows = Windows { by_key: HashMap::new(), sweep_at: FIRST_SWEEP };
        Self { most, period, windows: Mutex::new(windows) }
    }

    /// Returns an error if the limit is reached. Counts nothing.
    pub(crate) fn check(&self, key: &K) -> Result<(), RateLimited> {
        let window = self.windows().by_key.get(key).copied();
        self.left(window, Instant::now())
    }

    /// Counts an event, unless the limit is reached.
    pub(crate) fn take(&self, key: K) -> Result<(), RateLimited> {
        self.count(key).map(|_| ())
    }

    /// Counts an event that may yet come to nothing, unless the limit is reached. An event without
    /// a key is not counted.
    pub(crate) fn reserve(&self, key: Option<K>) -> Result<Counted<'_, K>, RateLimited>
    where
        K: Clone,
    {
        let Some(key) = key else { return Ok(Counted { window: self, event: None }) };
        let since = self.count(key.clone())?;
        Ok(Counted { window: self, event: Some((key, since)) })
    }

    /// Counts an event, and returns when its period began.
    fn count(&self, key: K) -> Result<Instant, RateLimited> {
        let now = Instant::now();
        let mut windows = self.windows();
        self.left(windows.by_key.get(&key).copied(), now)?;
        if windows.by_key.len() >= windows.sweep_at {
            windows.by_key.retain(|_, window| now.duration_since(window.since) < self.period);
            windows.sweep_at = FIRST_SWEEP.max(2 * windows.by_key.len());
        }
        let window = windows.by_key.entry(key).or_insert(Window { since: now, count: 0 });
        if now.duration_since(window.since) >= self.period {
            *window = Window { since: now, count: 0 };
        }
        window.count += 1;
        Ok(window.since)
    }

    /// Takes back one of those that were counted.
    pub(crate) fn give_back(&self, key: &K) {
        let mut windows = self.windows();
        let Some(window) = windows.by_key.get_mut(key) else { return };
        window.count = window.count.saturating_sub(1);
        if window.count == 0 {
            windows.by_key.remove(key);
        }
    }

    fn left(&self, window: Option<Window>, now: Instant) -> Result<(), RateLimited> {
        let elapsed = window.map_or(self.period, |window| now.duration_since(window.since));
        match window {
            Some(window) if window.count >= self.most && elapsed < self.period => {
                Err(RateLimited { retry_after: self.period - elapsed })
            }
            // A limit of zero allows nothing.
            None if self.most == 0 => Err(RateLimited { retry_after: self.period }),
            Some(_) | None => Ok(()),
        }
    }

    fn windows(&self) -> MutexGuard<'_, Windows<K>> {
        // A panic under the lock cannot leave the contents half changed.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Counted<'_, K> {
    /// The event has taken effect.
    pub(crate) fn keep(mut self) {
        self.event = None;
    }
}

impl<K: Eq + Hash> Drop for Counted<'_, K> {
    fn drop(&mut self) {
        let Some((key, since)) = &self.event else { return };
        let mut windows = self.window.windows();
        // The period that it counted in may be over.
        let Some(window) = windows.by_key.get_mut(key).filter(|it| it.since == *since) else {
            return;
        };
        window.count -= 1;
        if window.count == 0 {
            windows.by_key.remove(key);
        }
    }
}

const FIRST_SWEEP: usize = 1024;

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use tokio::time::advance;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_limit_is_for_each_key_and_comes_back_when_its_period_is_over() {
        let limit = FixedWindow::new(2, MINUTE);
        assert_eq!(limit.take("a"), Ok(()));
        advance(MINUTE / 2).await;
        assert_eq!(limit.take("a"), Ok(()));
        assert_eq!(limit.take("a"), Err(RateLimited { retry_after: MINUTE / 2 }));
        assert_eq!(limit.take("b"), Ok(()));
        advance(MINUTE / 2).await;
        assert_eq!((limit.take("a"), limit.take("a")), (Ok(()), Ok(())));
        assert!(limit.take("a").is_err());
        assert_eq!(FixedWindow::new(0, MINUTE).take("a"), Err(RateLimited { retry_after: MINUTE }));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_counts_no_more_and_takes_no_memory() {
        let limit = FixedWindow::new(1, MINUTE);
        for _ in 0..3 {
            assert_eq!(limit.take("a"), Ok(()));
            assert!(limit.take("a").is_err());
            limit.give_back(&"a");
        }
        limit.give_back(&"b");
        assert!(limit.windows().by_key.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_to_nothing_is_given_back_in_its_own_period() {
        let limit = FixedWindow::new(1, MINUTE);
        drop(limit.reserve(Some("a")).unwrap());
        let late = limit.reserve(Some("a")).unwrap();
        assert!(limit.reserve(Some("a")).is_err());
        advance(MINUTE).await;
        limit.reserve(Some("a")).unwrap().keep();
        drop(late);
        assert!(limit.take("a").is_err(), "another period has an event of its own");
        limit.reserve(None).unwrap().keep();
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_are_over_take_no_memory() {
        let limit = FixedWindow::new(1, MINUTE);
        for key in 0..10 * FIRST_SWEEP {
            limit.take(key).unwrap();
            if key % FIRST_SWEEP == 0 {
                advance(MINUTE).await;
            }
        }
        let kept = limit.windows().by_key.len();
        assert!(kept <= 2 * FIRST_SWEEP, "{kept}");
    }

    #[test]
    fn what_is_left_is_taken_once_however_many_ask_at_once() {
        const TAKERS: usize = 8;
        for _ in 0..500 {
            let (limit, together) = (FixedWindow::new(1, MINUTE), Barrier::new(TAKERS));
            let take = || {
                together.wait();
                limit.take("a").is_ok()
            };
            let taken = thread::scope(|scope| {
                let takers = [(); TAKERS].map(|()| scope.spawn(take));
                takers.into_iter().map(|taker| taker.join().unwrap()).filter(|taken| *taken).count()
            });
            assert_eq!(taken, 1);
        }
    }
}
