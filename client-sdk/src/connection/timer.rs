//! The timer of the driver of webrtc-rs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that stays armed between sleeps.
///
/// The driver of webrtc-rs sleeps anew after each packet, nearly always until the same time as
/// before. Arming a timer takes Tokio's locks and may wake the thread that waits for it.
///
/// The driver does what is due whenever it is awake. While media flows, a packet wakes it soon
/// after each deadline, so a [patient](Self::set_patient) timer waits for that packet and saves a
/// wake-up.
///
/// webrtc-rs sends some packets only when its next sleep ends, so the timer can [cut it
/// short](Self::cut_short).
#[derive(Clone, Default)]
pub(super) struct Timer(Arc<State>);

#[derive(Default)]
struct State {
    armed: Mutex<Option<Pin<Box<Sleep>>>>,
    is_cut_short: AtomicBool,
    is_patient: AtomicBool,
}

struct Sleeping {
    deadline: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    timer: Timer,
}

impl Timer {
    pub(super) fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        let is_cut_short = self.0.is_cut_short.swap(false, Ordering::Relaxed);
        let duration = if is_cut_short { Duration::ZERO } else { duration };
        let is_patient = !is_cut_short && self.0.is_patient.load(Ordering::Relaxed);
        let patience = if is_patient { PATIENCE } else { Duration::ZERO };
        let deadline = Instant::now() + duration;
        // A short sleep may be urgent, unless it is the rest of a long one.
        let end = if duration < 2 * PATIENCE { deadline } else { deadline + patience };
        // Another sleep may have taken the armed timer.
        let armed = self.armed().take();
        let mut sleep = armed.unwrap_or_else(|| Box::pin(sleep_until(end)));
        let is_armed = sleep.deadline() + RESOLUTION >= deadline
            && sleep.deadline() <= deadline + patience + RESOLUTION;
        if !is_armed {
            sleep.as_mut().reset(end);
        }
        Sleeping { deadline, sleep: Some(sleep), timer: self.clone() }
    }

    /// Sets whether long sleeps may end later by up to [`PATIENCE`].
    pub(super) fn set_patient(&self, is_patient: bool) {
        self.0.is_patient.store(is_patient, Ordering::Relaxed);
    }

    /// Makes the next sleep end at once.
    pub(super) fn cut_short(&self) {
        self.0.is_cut_short.store(true, Ordering::Relaxed);
    }

    fn armed(&self) -> MutexGuard<'_, Option<Pin<Box<Sleep>>>> {
        self.0.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let Some(sleep) = &mut self.sleep else { return Poll::Ready(()) };
        ready!(sleep.as_mut().poll(cx));
        if sleep.deadline() < deadline {
            sleep.as_mut().reset(deadline);
            ready!(sleep.as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        *self.timer.armed() = self.sleep.take();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}

/// A little more than the time between two packets of sound.
const PATIENCE: Duration = Duration::from_millis(25);
/// That of Tokio's timers.
const RESOLUTION: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_sleeps_as_long_as_it_is_told_whatever_it_was_armed_for() {
        let timer = Timer::default();
        let long = Duration::from_secs(3600);
        for millis in [500, 700, 10, 700, 0, 40] {
            let begun = Instant::now();
            let abandoned = timeout(Duration::from_millis(1), timer.sleep(long)).await;
            assert!(abandoned.is_err());
            let duration = Duration::from_millis(millis);
            // Two at once.
            tokio::join!(timer.sleep(duration), timer.sleep(duration / 2));
            let slept = begun.elapsed() - Duration::from_millis(1);
            assert!(slept.abs_diff(duration) <= Duration::from_millis(1), "{slept:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_sleep_is_cut_short() {
        let timer = Timer::default();
        // Armed for long.
        let _ = timeout(Duration::from_millis(1), timer.sleep(Duration::from_secs(3600))).await;
        timer.cut_short();
        let second = Duration::from_secs(1);
        for expected in [Duration::ZERO, second] {
            let begun = Instant::now();
            timer.sleep(second).await;
            let slept = begun.elapsed();
            assert!(slept.abs_diff(expected) <= Duration::from_millis(1), "{slept:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_patient_timer_ends_long_sleeps_late_and_short_ones_on_time() {
        let timer = Timer::default();
        timer.set_patient(true);
        for (millis, expected) in [(200, 225), (10, 10), (49, 49), (100, 125)] {
            let begun = Instant::now();
            timer.sleep(Duration::from_millis(millis)).await;
            let slept = begun.elapsed();
            let expected = Duration::from_millis(expected);
            assert!(slept.abs_diff(expected) <= Duration::from_millis(1), "{slept:?}");
        }
        // Packets interrupt a long sleep; the rest of it is short.
        let begun = Instant::now();
        let deadline = begun + Duration::from_millis(200);
        let packet = Duration::from_millis(19);
        for _ in 0..10 {
            assert!(timeout(packet, timer.sleep(deadline - Instant::now())).await.is_err());
        }
        timer.sleep(deadline - Instant::now()).await;
        let slept = begun.elapsed();
        assert!(
            slept.abs_diff(Duration::from_millis(225)) <= Duration::from_millis(1),
            "{slept:?}"
        );
    }
}
