//! The queue for the socket of one connection: its frames, and the code to close it with.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use axum::extract::ws::Utf8Bytes;
use signal_core::CloseCode;

use crate::metrics::Gauge;

/// The hub's outputs for one connection. The connection's task takes all of them at once.
///
/// The queue needs no bound of its own: the hub closes a connection that has too many
/// unacknowledged bytes.
#[derive(Debug)]
pub(crate) struct Outbox {
    contents: Mutex<Contents>,
    /// The bytes queued for all sockets.
    queued: Gauge,
}

#[derive(Debug, Default)]
struct Contents {
    frames: VecDeque<Utf8Bytes>,
    /// This is separate from the frames, so that it reaches a task that is blocked writing them.
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
    pub(crate) fn new(queued: Gauge) -> Self {
        Self { contents: Mutex::default(), queued }
    }

    /// Appends a frame. The caller has to wake the returned task.
    #[must_use]
    pub(crate) fn push(&self, frame: Utf8Bytes) -> Option<Waker> {
        let mut contents = self.lock();
        self.queued.inc_by(size(&frame));
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

    /// Subtracts a frame that was written from the queued bytes.
    pub(crate) fn written(&self, frame: &Utf8Bytes) {
        self.queued.dec_by(size(frame));
    }

    /// Drops the queued frames of a connection that has ended. `taken` are the frames that were
    /// taken and not written.
    pub(crate) fn abandon(&self, taken: &VecDeque<Utf8Bytes>) {
        let frames = mem::take(&mut self.lock().frames);
        self.queued.dec_by(frames.iter().chain(taken).map(size).sum());
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

/// The size in the integer type that gauges use.
fn size(frame: &Utf8Bytes) -> i64 {
    i64::try_from(frame.len()).unwrap_or(i64::MAX)
}

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
        let (outbox, wakes) = (Outbox::new(Gauge::default()), Arc::default());
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
        let (outbox, wakes) = (Outbox::new(Gauge::default()), Arc::<Wakes>::default());
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
    fn bytes_are_counted_until_they_are_written_or_nobody_will() {
        let queued = Gauge::default();
        let (outbox, wakes) = (Outbox::new(queued.clone()), Arc::default());
        push(&outbox, "12345");
        push(&outbox, "123");
        let mut taken = VecDeque::new();
        assert!(poll(&outbox, &mut taken, &wakes).is_ready());
        assert_eq!(queued.get(), 8);
        outbox.written(&taken.pop_front().expect("two were put in"));
        assert_eq!(queued.get(), 3);
        push(&outbox, "1234567");
        assert_eq!(queued.get(), 10);
        outbox.abandon(&taken);
        assert_eq!(queued.get(), 0);
    }
}
