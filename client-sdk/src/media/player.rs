//! Plays a source in real time, once for all connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::group::Group;
use super::playback::{Playback, Timeline};
use super::recording::Recording;
use super::{Codec, Frame, MediaError, MediaKind, MediaSource, OpenSource};
use crate::session::TrackSource;

/// A source that is playing. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Player {
    number: u32,
    label: TrackSource,
    codec: Codec,
    output: Arc<Output>,
    task: AbortHandle,
}

/// What a player has to tell of itself.
#[derive(Debug)]
pub(crate) enum PlayerEvent {
    /// A file has played to its end. It plays again if its playback is moved.
    Played,
    /// The source has ended or failed.
    Stopped(MediaError),
}

/// A frame and when it is played.
#[derive(Clone, Debug)]
pub(crate) struct TimedFrame {
    pub(crate) at: Instant,
    pub(crate) frame: Frame,
}

/// What a player tells everybody who listens.
#[derive(Clone, Debug)]
pub(super) enum Played {
    Frame(TimedFrame),
    /// What follows does not follow from what came before.
    Jump,
}

impl Player {
    /// Starts to play. Events are told until this is dropped.
    pub(crate) fn start(
        source: OpenSource,
        number: u32,
        label: TrackSource,
        tell: impl Fn(PlayerEvent) + Send + 'static,
    ) -> Self {
        let codec = source.codec();
        let output = Arc::new(Output::new());
        let out = Arc::clone(&output);
        let task = match source {
            OpenSource::Custom(source) => tokio::spawn(async move {
                let ended = play_custom(source, &out).await;
                tell(PlayerEvent::Stopped(ended.err().unwrap_or(MediaError::Ended)));
            }),
            OpenSource::Recording(recording, playback) => {
                playback.admit(recording.length());
                tokio::spawn(async move { play_recording(&recording, &playback, &out, tell).await })
            }
        };
        Self { number, label, codec, output, task: task.abort_handle() }
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

    /// What a decoder needs to join in, if that is kept, and everything after it. A receiver that
    /// falls behind loses the oldest, and is told.
    pub(super) fn subscribe(&self) -> (Vec<Frame>, broadcast::Receiver<Played>) {
        let group = self.output.group();
        (group.frames().to_vec(), self.output.played.subscribe())
    }

    /// Requests a keyframe of the source for a receiver that cannot decode what it gets.
    pub(super) fn request_keyframe(&self) {
        self.output.keyframe_wanted.notify_one();
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a player plays to.
#[derive(Debug)]
struct Output {
    played: broadcast::Sender<Played>,
    /// Empty for sources that make keyframes on request. Locked whenever something is played, so
    /// that it never misses anything or contains it too early.
    group: Mutex<Group>,
    keyframe_wanted: Notify,
}

impl Output {
    fn new() -> Self {
        let (played, _) = broadcast::channel(QUEUE_FRAMES);
        Self { played, group: Mutex::default(), keyframe_wanted: Notify::new() }
    }

    fn group(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, at: Instant, frame: Frame) {
        // If this fails, nobody listens at the moment.
        let _ = self.played.send(Played::Frame(TimedFrame { at, frame }));
    }

    /// Sends a frame that those who join later need too.
    fn send_and_keep(&self, at: Instant, frame: Frame) {
        let mut group = self.group();
        group.push(&frame);
        self.send(at, frame);
    }

    /// Goes on behind this group.
    fn jump(&self, frames: &[Frame]) {
        let mut group = self.group();
        group.replace(frames);
        let _ = self.played.send(Played::Jump);
    }
}

async fn play_custom(mut source: Box<dyn MediaSource>, output: &Output) -> Result<(), MediaError> {
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
            () = output.keyframe_wanted.notified(), if !is_wanted => {
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
        let Some(mut frame) = frame else { return Ok(()) };
        if frame.is_key {
            is_wanted = false;
            next_request = Instant::now() + KEYFRAME_PAUSE;
        }
        // After a pause of the application, or of the whole machine, go on from now instead of
        // catching up in a burst.
        if due.elapsed() > if is_live { PAUSE } else { LATE } {
            due = Instant::now();
        }
        frame.limit_duration();
        let at = due;
        due += frame.duration;
        output.send(at, frame);
    }
}

async fn play_recording(
    recording: &Recording,
    playback: &Playback,
    output: &Output,
    tell: impl Fn(PlayerEvent),
) {
    let mut changes = playback.watch();
    let mut timeline = *changes.borrow_and_update();
    let keeps_group = recording.codec().kind() == MediaKind::Video;
    let jump = |timeline: &Timeline| {
        let cursor = Cursor::find(recording, timeline);
        output.jump(if keeps_group { recording.group_before(cursor.next) } else { &[] });
        cursor
    };
    let mut cursor = jump(&timeline);
    let mut is_over = false;
    loop {
        let due = if is_over { None } else { cursor.due(recording, &timeline) };
        let on_time = tokio::select! {
            changed = changes.changed() => {
                // The playback that is borrowed here keeps its end.
                let Ok(()) = changed else { return };
                let earlier = std::mem::replace(&mut timeline, *changes.borrow_and_update());
                if !timeline.has_jumped_since(&earlier) {
                    continue;
                }
                None
            }
            due = until(due) => {
                (due.elapsed() <= LATE || cursor.is_at_end(recording)).then_some(due)
            }
        };
        let Some(at) = on_time else {
            cursor = jump(&timeline);
            is_over = false;
            continue;
        };
        match cursor.take(recording, &timeline) {
            Some(frame) if keeps_group => output.send_and_keep(at, frame),
            Some(frame) => output.send(at, frame),
            None if timeline.repeats() => {}
            None => {
                is_over = true;
                tell(PlayerEvent::Played);
            }
        }
    }
}

/// The place in a recording.
struct Cursor {
    round: u32,
    next: usize,
}

impl Cursor {
    /// Behind what has begun by now. What is about to begin, or has this moment, comes next.
    fn find(recording: &Recording, timeline: &Timeline) -> Self {
        let (round, place) = timeline.place(Instant::now());
        let next = if timeline.stands_still() {
            recording.begun(place)
        } else {
            recording.begun_before(place.saturating_sub(MOMENT))
        };
        Self { round, next }
    }

    fn is_at_end(&self, recording: &Recording) -> bool {
        recording.frame(self.next).is_none()
    }

    /// When the next frame is played, or the end is reached.
    fn due(&self, recording: &Recording, timeline: &Timeline) -> Option<Instant> {
        let place = match recording.frame(self.next) {
            Some((start, _)) => start,
            None if timeline.repeats() => timeline.length(),
            None => recording.length(),
        };
        timeline.when(self.round, place)
    }

    /// The next frame; at the end `None`, and a loop begins its next round.
    fn take(&mut self, recording: &Recording, timeline: &Timeline) -> Option<Frame> {
        let frame = recording.frame(self.next).map(|(_, frame)| frame.clone());
        match frame {
            Some(_) => self.next += 1,
            None if timeline.repeats() => *self = Self { round: self.round + 1, next: 0 },
            None => {}
        }
        frame
    }
}

async fn until(due: Option<Instant>) -> Instant {
    let Some(due) = due else { return std::future::pending().await };
    sleep_until(due).await;
    due
}

/// Frames that a connection may be behind: about a second of audio.
const QUEUE_FRAMES: usize = 64;
const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);
/// What a live source may be behind its own durations before it has paused.
const PAUSE: Duration = Duration::from_millis(100);
/// What may be caught up with in a burst: less than the queue holds.
const LATE: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(5);
