//! Plays a source in real time, once for all connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::MediaError;
use super::{Codec, Frame, MediaSource};
use crate::session::TrackSource;

/// A source that is playing. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Player {
    number: u32,
    label: TrackSource,
    codec: Codec,
    frames: broadcast::Sender<Frame>,
    keyframe_wanted: Arc<Notify>,
    task: AbortHandle,
}

impl Player {
    /// Starts to play. `ended` is called when the source ends or fails, but not when this is
    /// dropped.
    pub(crate) fn start(
        source: Box<dyn MediaSource>,
        number: u32,
        label: TrackSource,
        ended: impl FnOnce(Result<(), MediaError>) + Send + 'static,
    ) -> Self {
        let codec = source.codec();
        let (sender, _) = broadcast::channel(QUEUE_FRAMES);
        let keyframe_wanted = Arc::new(Notify::new());
        let (frames, wanted) = (sender.clone(), Arc::clone(&keyframe_wanted));
        let task = tokio::spawn(async move { ended(play(source, frames, wanted).await) });
        Self { number, label, codec, frames: sender, keyframe_wanted, task: task.abort_handle() }
    }

    /// Distinguishes it from the participant's other players.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The kind of source that the others are told.
    pub(crate) fn label(&self) -> TrackSource {
        self.label
    }

    /// The codec of its frames.
    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// The frames from now on. A receiver that falls behind loses the oldest, and is told.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Frame> {
        self.frames.subscribe()
    }

    /// Requests a keyframe for a receiver that cannot decode what it gets.
    pub(crate) fn request_keyframe(&self) {
        self.keyframe_wanted.notify_one();
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(
    mut source: Box<dyn MediaSource>,
    sender: broadcast::Sender<Frame>,
    keyframe_wanted: Arc<Notify>,
) -> Result<(), MediaError> {
    let is_live = source.is_live();
    let mut due = Instant::now();
    let mut is_wanted = false;
    // Many receivers ask at once when they join. One keyframe serves them all.
    let mut next_request = due;
    loop {
        let next = async {
            if !is_live {
                sleep_until(due).await;
            }
            source.next_frame().await
        };
        let frame = tokio::select! {
            frame = next => frame?,
            () = keyframe_wanted.notified(), if !is_wanted => {
                is_wanted = true;
                continue;
            }
            () = sleep_until(next_request), if is_wanted => {
                source.request_keyframe();
                is_wanted = false;
                next_request = Instant::now() + KEYFRAME_PAUSE;
                continue;
            }
        };
        let Some(frame) = frame else { return Ok(()) };
        if frame.is_key {
            is_wanted = false;
            next_request = Instant::now() + KEYFRAME_PAUSE;
        }
        // Damaged timestamps must not make this loop spin.
        due += frame.duration.clamp(SHORTEST_FRAME, Frame::MAX_DURATION);
        // After the machine was suspended, go on from now instead of catching up in a burst.
        if due.elapsed() > LATE {
            due = Instant::now();
        }
        // If this fails, nobody listens at the moment.
        let _ = sender.send(frame);
    }
}

/// Frames that a connection may be behind: about a second of audio.
const QUEUE_FRAMES: usize = 64;
const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);
const SHORTEST_FRAME: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_millis(500);
