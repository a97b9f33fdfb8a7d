//! How often somebody has done something lately, and how much of it goes on at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many times in a period for each key; the period begins with the first time.
#[derive(Debug)]
pub(crate) struct Quota<K> {
    most: u32,
    period: Duration,
    windows: Mutex<Windows<K>>,
}

#[derive(Debug)]
struct Windows<K> {
    by_key: HashMap<K, Window>,
    /// At this many those that are over are dropped.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    count: u32,
}

/// The quota is used up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct UsedUp {
    /// After which time there is a new one.
    pub(crate) retry_after: Duration,
}

impl<K: Eq + Hash> Quota<K> {
    pub(crate) fn new(most: u32, period: Duration) -> Self {
        let windows = Windows { by_key: HashMap::new(), sweep_at: FIRST_SWEEP };
        Self { most, period, windows: Mutex::new(windows) }
    }

    /// Whether there is any left.
    pub(crate) fn check(&self, key: &K) -> Result<(), UsedUp> {
        let window = self.windows().by_key.get(key).copied();
        self.left(window, Instant::now())
    }

    /// Counts one more, if there is any left.
    pub(crate) fn take(&self, key: K) -> Result<(), UsedUp> {
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
        Ok(())
    }

    fn left(&self, window: Option<Window>, now: Instant) -> Result<(), UsedUp> {
        let elapsed = window.map_or(self.period, |window| now.duration_since(window.since));
        match window {
            Some(window) if window.count >= self.most && elapsed < self.period => {
                Err(UsedUp { retry_after: self.period - elapsed })
            }
            // Nothing at all may be allowed.
            None if self.most == 0 => Err(UsedUp { retry_after: self.period }),
            Some(_) | None => Ok(()),
        }
    }

    fn windows(&self) -> MutexGuard<'_, Windows<K>> {
        // Nothing under the lock leaves it half changed.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many there are at once, for each key.
#[derive(Debug)]
pub(crate) struct Occupancy<K: Eq + Hash> {
    by_key: Mutex<HashMap<K, u32>>,
}

/// One of them; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Place<K: Eq + Hash> {
    occupancy: Arc<Occupancy<K>>,
    key: K,
}

impl<K: Clone + Eq + Hash> Occupancy<K> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { by_key: Mutex::default() })
    }

    /// Takes a place, unless there are already that many.
    pub(crate) fn enter(self: &Arc<Self>, key: K, most: u32) -> Option<Place<K>> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_key.get(&key).copied().unwrap_or_default();
        if count >= most {
            return None;
        }
        by_key.insert(key.clone(), count + 1);
        Some(Place { occupancy: Arc::clone(self), key })
    }
}

impl<K: Eq + Hash> Occupancy<K> {
    pub(crate) fn count(&self, key: &K) -> u32 {
        self.by_key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .copied()
            .unwrap_or_default()
    }
}

impl<K: Eq + Hash> Place<K> {
    /// Whose it is.
    pub(crate) fn key(&self) -> &K {
        &self.key
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut by_key = self.occupancy.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_key.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                by_key.remove(&self.key);
            }
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
    async fn a_quota_is_for_each_key_and_comes_back_when_its_period_is_over() {
        let quota = Quota::new(2, MINUTE);
        assert_eq!(quota.take("a"), Ok(()));
        advance(MINUTE / 2).await;
        assert_eq!(quota.take("a"), Ok(()));
        assert_eq!(quota.take("a"), Err(UsedUp { retry_after: MINUTE / 2 }));
        assert_eq!(quota.take("b"), Ok(()));
        advance(MINUTE / 2).await;
        assert_eq!((quota.take("a"), quota.take("a")), (Ok(()), Ok(())));
        assert!(quota.take("a").is_err());
        assert_eq!(Quota::new(0, MINUTE).take("a"), Err(UsedUp { retry_after: MINUTE }));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_are_over_take_no_memory() {
        let quota = Quota::new(1, MINUTE);
        for key in 0..10 * FIRST_SWEEP {
            quota.take(key).unwrap();
            if key % FIRST_SWEEP == 0 {
                advance(MINUTE).await;
            }
        }
        let kept = quota.windows().by_key.len();
        assert!(kept <= 2 * FIRST_SWEEP, "{kept}");
    }

    #[test]
    fn what_is_left_is_taken_once_however_many_ask_at_once() {
        const TAKERS: usize = 8;
        for _ in 0..500 {
            let (quota, together) = (Quota::new(1, MINUTE), Barrier::new(TAKERS));
            let take = || {
                together.wait();
                quota.take("a").is_ok()
            };
            let taken = thread::scope(|scope| {
                let takers = [(); TAKERS].map(|()| scope.spawn(take));
                takers.into_iter().map(|taker| taker.join().unwrap()).filter(|taken| *taken).count()
            });
            assert_eq!(taken, 1);
        }
    }

    #[test]
    fn a_place_is_free_when_whoever_had_it_is_gone() {
        let occupancy = Occupancy::new();
        let first = occupancy.enter("a", 1).unwrap();
        assert!(occupancy.enter("a", 1).is_none() && occupancy.enter("b", 1).is_some());
        drop(first);
        assert!(occupancy.enter("a", 1).is_some());
        assert!(occupancy.by_key.lock().unwrap().is_empty());
    }
}
