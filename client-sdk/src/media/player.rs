//! Plays the frames of a source in real time, once for all connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::Frame;

/// A source that is playing; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Player {
    frames: broadcast::Sender<Frame>,
    keyframe_wanted: Arc<Notify>,
    task: AbortHandle,
}

impl Player {
    /// Starts to play, over and over.
    pub(crate) fn start(frames: Arc<[Frame]>) -> Self {
        let (sender, _) = broadcast::channel(QUEUE_FRAMES);
        let keyframe_wanted = Arc::new(Notify::new());
        let task = tokio::spawn(play(frames, sender.clone(), Arc::clone(&keyframe_wanted)));
        Self { frames: sender, keyframe_wanted, task: task.abort_handle() }
    }

    /// Frames from here on. A receiver that falls behind loses the oldest and is told.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Frame> {
        self.frames.subscribe()
    }

    /// Jumps to the next keyframe, for a receiver that cannot decode what it gets.
    pub(crate) fn request_keyframe(&self) {
        self.keyframe_wanted.notify_one();
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(frames: Arc<[Frame]>, sender: broadcast::Sender<Frame>, keyframe_wanted: Arc<Notify>) {
    let mut index = 0;
    let mut due = Instant::now();
    let mut last_key = due;
    loop {
        tokio::select! {
            () = sleep_until(due) => {}
            () = keyframe_wanted.notified() => {
                // Many receivers ask at once when they join: one keyframe serves them all.
                if last_key.elapsed() >= KEYFRAME_PAUSE {
                    index = next_key(&frames, index);
                }
                continue;
            }
        }
        let frame = &frames[index];
        if frame.is_key {
            last_key = Instant::now();
        }
        // Nobody may be listening, which is no reason to stop.
        let _ = sender.send(frame.clone());
        // Damaged timestamps must not make this spin.
        due += frame.duration.max(SHORTEST_FRAME);
        // After a pause of the machine, go on from here and do not catch up in a burst.
        if due.elapsed() > LATE {
            due = Instant::now();
        }
        index = (index + 1) % frames.len();
    }
}

fn next_key(frames: &[Frame], from: usize) -> usize {
    let later = frames.iter().enumerate().skip(from).find(|(_, frame)| frame.is_key);
    later.map_or(0, |(index, _)| index)
}

/// Frames a connection may be behind: about a second of audio.
const QUEUE_FRAMES: usize = 64;
const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);
const SHORTEST_FRAME: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_millis(500);
