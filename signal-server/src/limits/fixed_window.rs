//! Limits on how often something may happen in a period.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signal_core::RoomId;
use tokio::time::Instant;

use crate::client_address::ClientAddress;

/// Allows `most` events in a period for each key. The period begins with the first event.
///
/// The number of keys is bounded. Beyond the bound, the keys of a group, such as the addresses of a
/// network, share a window. No window is forgotten before its period is over.
#[derive(Debug)]
pub(crate) struct FixedWindow<K> {
    most: u32,
    period: Duration,
    groups: RandomState,
    windows: Mutex<Windows<K>>,
}

/// A key for which events are counted.
pub(crate) trait Key: Clone + Eq + Hash {
    /// The group whose keys share a window when there are too many keys.
    type Group: Hash;

    fn group(&self) -> Self::Group;
}

impl Key for ClientAddress {
    type Group = IpAddr;

    fn group(&self) -> Self::Group {
        self.network()
    }
}

impl Key for (ClientAddress, RoomId) {
    type Group = IpAddr;

    fn group(&self) -> Self::Group {
        self.0.network()
    }
}

/// Users are grouped by hash.
impl Key for String {
    type Group = Self;

    fn group(&self) -> Self {
        self.clone()
    }
}

#[derive(Debug)]
struct Windows<K> {
    by_key: HashMap<K, Window>,
    /// Windows by a 16-bit hash of the group, which bounds their number.
    by_group: HashMap<u16, Window>,
    /// The number of windows at which expired ones are removed.
    sweep_at: usize,
    last_sweep: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    count: u32,
}

/// Where a key is counted.
#[derive(Clone, Debug)]
enum Slot<K> {
    Group(u16),
    Key(K),
}

/// An event that was counted before it took effect. Dropping this uncounts it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Counted<'a, K: Key> {
    window: &'a FixedWindow<K>,
    /// `None` if the event may have taken effect, or is not counted at all.
    event: Option<(Slot<K>, Instant)>,
}

/// The limit was reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RateLimited {
    /// How long until the period is over.
    pub(crate) retry_after: Duration,
}

impl<K: Key> FixedWindow<K> {
    pub(crate) fn new(most: u32, period: Duration) -> Self {
        let windows = Windows {
            by_key: HashMap::new(),
            by_group: HashMap::new(),
            sweep_at: FIRST_SWEEP,
            last_sweep: Instant::now(),
        };
        Self { most, period, groups: RandomState::new(), windows: Mutex::new(windows) }
    }

    /// Returns an error if the limit is reached. Counts nothing.
    pub(crate) fn check(&self, key: &K) -> Result<(), RateLimited> {
        let (now, mut windows) = (Instant::now(), self.windows());
        let slot = self.slot(&windows, key.clone(), now);
        self.left(windows.get_mut(&slot).copied(), self.most, now)
    }

    /// Counts an event, unless the limit is reached.
    pub(crate) fn take(&self, key: K) -> Result<(), RateLimited> {
        self.count(key, self.most).map(|_| ())
    }

    /// Counts an event that may still fail, unless the limit is reached. An event without a key is
    /// not counted.
    pub(crate) fn reserve(&self, key: Option<K>) -> Result<Counted<'_, K>, RateLimited> {
        self.reserve_up_to(self.most, key)
    }

    /// The same with a limit of the key's own.
    pub(crate) fn reserve_up_to(
        &self,
        most: u32,
        key: Option<K>,
    ) -> Result<Counted<'_, K>, RateLimited> {
        let event = key.map(|key| self.count(key, most)).transpose()?;
        Ok(Counted { window: self, event })
    }

    /// Uncounts one event.
    pub(crate) fn give_back(&self, key: &K) {
        let mut windows = self.windows();
        let slot = self.slot(&windows, key.clone(), Instant::now());
        windows.give_back(&slot);
    }

    /// Counts an event, and returns its slot and the start of the period.
    fn count(&self, key: K, most: u32) -> Result<(Slot<K>, Instant), RateLimited> {
        let (now, mut windows) = (Instant::now(), self.windows());
        let is_sweep_due = now.duration_since(windows.last_sweep) >= SWEEP_EVERY;
        let is_full = windows.by_key.len() >= MOST_KEYS;
        if windows.by_key.len() >= windows.sweep_at && (!is_full || is_sweep_due) {
            windows.sweep(self.period, now);
        }
        let slot = self.slot(&windows, key, now);
        self.left(windows.get_mut(&slot).copied(), most, now)?;
        let window = windows.get_or_insert(slot.clone(), now);
        if now.duration_since(window.since) >= self.period {
            *window = Window { since: now, count: 0 };
        }
        window.count += 1;
        Ok((slot, window.since))
    }

    /// The slot of a key: its own window if it has one, that of its group if the group has one or
    /// there are too many keys, and otherwise a new window of its own.
    fn slot(&self, windows: &Windows<K>, key: K, now: Instant) -> Slot<K> {
        if windows.by_key.contains_key(&key) {
            return Slot::Key(key);
        }
        let group = self.groups.hash_one(key.group()) as u16;
        let is_in_use = |window: &Window| now.duration_since(window.since) < self.period;
        let is_shared = windows.by_group.get(&group).is_some_and(is_in_use);
        if is_shared || windows.by_key.len() >= MOST_KEYS {
            Slot::Group(group)
        } else {
            Slot::Key(key)
        }
    }

    fn left(&self, window: Option<Window>, most: u32, now: Instant) -> Result<(), RateLimited> {
        // A limit of zero allows nothing.
        if most == 0 {
            return Err(RateLimited { retry_after: self.period });
        }
        let elapsed = window.map_or(self.period, |window| now.duration_since(window.since));
        match window {
            Some(window) if window.count >= most && elapsed < self.period => {
                Err(RateLimited { retry_after: self.period - elapsed })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn windows(&self) -> MutexGuard<'_, Windows<K>> {
        // A panic under the lock cannot leave the contents half changed.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key> Windows<K> {
    fn get_mut(&mut self, slot: &Slot<K>) -> Option<&mut Window> {
        match slot {
            Slot::Group(group) => self.by_group.get_mut(group),
            Slot::Key(key) => self.by_key.get_mut(key),
        }
    }

    fn get_or_insert(&mut self, slot: Slot<K>, now: Instant) -> &mut Window {
        let new = Window { since: now, count: 0 };
        match slot {
            Slot::Group(group) => self.by_group.entry(group).or_insert(new),
            Slot::Key(key) => self.by_key.entry(key).or_insert(new),
        }
    }

    fn give_back(&mut self, slot: &Slot<K>) {
        let Some(window) = self.get_mut(slot) else { return };
        window.count = window.count.saturating_sub(1);
        if window.count > 0 {
            return;
        }
        match slot {
            Slot::Group(group) => self.by_group.remove(group),
            Slot::Key(key) => self.by_key.remove(key),
        };
    }

    /// Removes the windows that are over.
    fn sweep(&mut self, period: Duration, now: Instant) {
        self.by_key.retain(|_, window| now.duration_since(window.since) < period);
        self.by_group.retain(|_, window| now.duration_since(window.since) < period);
        self.sweep_at = (2 * self.by_key.len()).clamp(FIRST_SWEEP, MOST_KEYS);
        self.last_sweep = now;
    }
}

impl<K: Key> Counted<'_, K> {
    /// Waits for the effect of the event. An error uncounts the event. Dropping the future does
    /// not, since what it has begun goes on: whoever hangs up has caused it all the same.
    pub(crate) async fn during<T, E>(
        mut self,
        effect: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let event = self.event.take();
        let done = effect.await;
        if done.is_err() {
            self.event = event;
        }
        done
    }
}

impl<K: Key> Drop for Counted<'_, K> {
    fn drop(&mut self) {
        let Some((slot, since)) = &self.event else { return };
        let mut windows = self.window.windows();
        // The period in which the event was counted may be over.
        if windows.get_mut(slot).is_some_and(|window| window.since == *since) {
            windows.give_back(slot);
        }
    }
}

const FIRST_SWEEP: usize = 1024;
/// How many keys have a window of their own.
const MOST_KEYS: usize = 64 * 1024;
/// The minimum time between two sweeps while there are too many keys.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::Barrier;
    use std::thread;

    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    impl Key for &'static str {
        type Group = Self;

        fn group(&self) -> Self {
            self
        }
    }

    /// All keys are one group.
    impl Key for usize {
        type Group = ();

        fn group(&self) {}
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_keys_share_a_window_and_none_that_is_used_up_is_forgotten() {
        let limit = FixedWindow::new(1, MINUTE);
        limit.take(0).unwrap();
        for key in 1..MOST_KEYS {
            limit.take(key).unwrap();
        }
        limit.take(MOST_KEYS).unwrap();
        for key in [0, 1, MOST_KEYS, MOST_KEYS + 1, usize::MAX] {
            assert!(limit.take(key).is_err() && limit.check(&key).is_err(), "{key}");
        }
        assert_eq!(limit.windows().by_key.len(), MOST_KEYS);
        advance(MINUTE).await;
        limit.take(MOST_KEYS).unwrap();
        assert!(limit.take(MOST_KEYS).is_err());
        limit.take(MOST_KEYS + 1).unwrap();
        let windows = limit.windows();
        assert!(windows.by_key.len() + windows.by_group.len() < 4);
    }

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
    async fn a_limit_that_becomes_zero_allows_nothing_when_its_period_is_over() {
        let limit = FixedWindow::new(1, MINUTE);
        limit.take("a").unwrap();
        advance(MINUTE).await;
        let refused = limit.reserve_up_to(0, Some("a")).map(drop);
        assert_eq!(refused, Err(RateLimited { retry_after: MINUTE }));
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
        limit.take("a").unwrap();
        drop(late);
        assert!(limit.take("a").is_err(), "another period has an event of its own");
        drop(limit.reserve(None).unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_uncounts_an_event_and_whoever_hangs_up_does_not() {
        let limit = FixedWindow::new(1, MINUTE);
        let failed = limit.reserve(Some("a")).unwrap().during(ready(Err::<(), ()>(()))).await;
        assert_eq!(failed, Err(()));
        let effect = limit.reserve(Some("a")).unwrap().during(pending::<Result<(), ()>>());
        assert_eq!(effect.now_or_never(), None);
        assert!(limit.take("a").is_err(), "the effect has begun");
        advance(MINUTE).await;
        limit.reserve(Some("a")).unwrap().during(ready(Ok::<(), ()>(()))).await.unwrap();
        assert!(limit.take("a").is_err());
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
