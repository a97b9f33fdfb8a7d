//! The queue for the socket of one connection: its frames, and the code to close it with.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use axum::extract::ws::Utf8Bytes;
use signal_core::CloseCode;

/// The hub's outputs for one connection. The connection's task takes all of them at once.
///
/// The queue needs no bound of its own: the hub closes a connection that has too many
/// unacknowledged bytes.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    frames: VecDeque<Utf8Bytes>,
    /// The bytes of all frames that the system has not yet accepted for sending.
    queued: usize,
    /// Separate from the frames, so that it reaches a task that is blocked on writing them.
    close: Option<CloseCode>,
    /// Wakes the task while it waits.
    waiting: Option<Waker>,
}

/// What the task has to do next.
pub(crate) enum Next {
    /// Write the frames taken.
    Write,
    /// Write the frames taken, all of which precede the close, then close the socket.
    Close(CloseCode),
}

impl Outbox {
    /// Appends a frame. The caller has to wake the returned task.
    #[must_use]
    pub(crate) fn push(&self, frame: Utf8Bytes) -> Option<Waker> {
        let mut contents = self.lock();
        contents.queued += frame.len();
        contents.frames.push_back(frame);
        // A task that is woken for the first frame takes all of them, so one wake is enough.
        if contents.frames.len() > 1 { None } else { contents.waiting.take() }
    }

    /// Sets the close code. No frames are appended after that. The caller has to wake the returned
    /// task.
    #[must_use]
    pub(crate) fn close(&self, code: CloseCode) -> Option<Waker> {
        let mut contents = self.lock();
        contents.close = Some(code);
        contents.waiting.take()
    }

    /// Moves all frames to the end of `taken`. Waits if there is nothing to do.
    pub(crate) async fn take(&self, taken: &mut VecDeque<Utf8Bytes>) -> Next {
        poll_fn(|cx| {
            let mut contents = self.lock();
            if taken.is_empty() {
                mem::swap(taken, &mut contents.frames);
                // Memory that a burst has used is freed again.
                contents.frames.shrink_to(KEPT);
            } else if contents.close.is_some() {
                taken.append(&mut contents.frames);
            }
            match contents.close {
                Some(code) => Poll::Ready(Next::Close(code)),
                None if taken.is_empty() => contents.wait(cx),
                None => Poll::Ready(Next::Write),
            }
        })
        .await
    }

    /// Waits for the close code.
    pub(crate) async fn closed(&self) -> CloseCode {
        poll_fn(|cx| {
            let mut contents = self.lock();
            match contents.close {
                Some(code) => Poll::Ready(code),
                None => contents.wait(cx),
            }
        })
        .await
    }

    /// Notes that the system has accepted bytes of frames for sending.
    pub(crate) fn written(&self, bytes: usize) {
        self.lock().queued -= bytes;
    }

    /// The bytes that the system has not yet accepted.
    #[cfg(any(test, feature = "metrics"))]
    pub(crate) fn queued(&self) -> usize {
        self.lock().queued
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Nothing panics under the lock.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        match &mut self.waiting {
            Some(waiting) => waiting.clone_from(cx.waker()),
            waiting @ None => *waiting = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

/// How many frames fit without another allocation.
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Polls the outbox once.
    fn poll(outbox: &Outbox, taken: &mut VecDeque<Utf8Bytes>, wakes: &Arc<Wakes>) -> Poll<Next> {
        let waker = Waker::from(Arc::clone(wakes));
        pin!(outbox.take(taken)).poll(&mut Context::from_waker(&waker))
    }

    fn push(outbox: &Outbox, frame: &'static str) {
        if let Some(waker) = outbox.push(frame.into()) {
            waker.wake();
        }
    }

    #[test]
    fn frames_are_taken_in_order_and_wake_the_task_once() {
        let (outbox, wakes) = (Outbox::default(), Arc::default());
        let mut taken = VecDeque::new();
        assert!(poll(&outbox, &mut taken, &wakes).is_pending());
        for frame in ["one", "two", "three"] {
            push(&outbox, frame);
        }
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(matches!(poll(&outbox, &mut taken, &wakes), Poll::Ready(Next::Write)));
        // The last frame is not written yet when another one is added.
        taken.drain(..2);
        push(&outbox, "four");
        assert!(matches!(poll(&outbox, &mut taken, &wakes), Poll::Ready(Next::Write)));
        assert_eq!(taken, ["three"]);
        taken.clear();
        assert!(matches!(poll(&outbox, &mut taken, &wakes), Poll::Ready(Next::Write)));
        assert_eq!(taken, ["four"]);
    }

    #[test]
    fn a_close_wakes_a_task_that_is_stuck_in_writing_and_leaves_it_the_frames_before() {
        let (outbox, wakes) = (Outbox::default(), Arc::<Wakes>::default());
        let mut taken = VecDeque::from(["stuck".into()]);
        push(&outbox, "behind");
        let waker = Waker::from(Arc::clone(&wakes));
        assert!(pin!(outbox.closed()).poll(&mut Context::from_waker(&waker)).is_pending());
        push(&outbox, "farther behind");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0, "it could not write that either");
        outbox.close(CloseCode::SlowConsumer).expect("it waits").wake();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        let Poll::Ready(Next::Close(code)) = poll(&outbox, &mut taken, &wakes) else {
            panic!("not closed")
        };
        assert_eq!(code, CloseCode::SlowConsumer);
        assert_eq!(taken, ["stuck", "behind", "farther behind"]);
    }

    #[test]
    fn bytes_are_counted_until_the_system_has_taken_them() {
        let (outbox, wakes) = (Outbox::default(), Arc::default());
        push(&outbox, "12345");
        push(&outbox, "123");
        assert!(poll(&outbox, &mut VecDeque::new(), &wakes).is_ready());
        assert_eq!(outbox.queued(), 8, "the task has them, the system does not");
        outbox.written(5);
        push(&outbox, "1234567");
        assert_eq!(outbox.queued(), 10);
    }
}
