//! Plays a source in real time, once for all connections.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::audience::{Audience, Subscription, Viewer};
use super::idle::Idle;
use super::live_clock::LiveClock;
use super::playback::{Playback, Timeline};
use super::recording::Recording;
use super::{Codec, Frame, MediaError, MediaKind, MediaSource, OpenSource};
use crate::session::TrackSource;

/// A source that is playing. It stops when this is dropped.
pub(crate) struct Player {
    number: u32,
    label: TrackSource,
    codec: Codec,
    audience: Arc<Audience>,
    task: AbortHandle,
}

/// An event of a player.
#[derive(Debug)]
pub(crate) enum PlayerEvent {
    /// A file has played to its end. It plays again after a seek.
    Played,
    /// The source has ended or failed.
    Stopped(MediaError),
}

impl Player {
    /// Starts to play. `tell` gets the events until this is dropped.
    pub(crate) fn start(
        source: OpenSource,
        number: u32,
        label: TrackSource,
        tell: impl Fn(PlayerEvent) + Send + 'static,
    ) -> Self {
        let codec = source.codec();
        if let OpenSource::Recording(recording, playback) = &source {
            playback.admit(recording.length());
        }
        let audience = Arc::<Audience>::default();
        let shown = Arc::clone(&audience);
        let task = tokio::spawn(async move {
            tokio::select! {
                () = play(source, &shown, tell) => {}
                never = shown.catch_up() => match never {},
            }
        });
        Self { number, label, codec, audience, task: task.abort_handle() }
    }

    /// Creates a player that plays nothing.
    pub(crate) fn idle(codec: Codec, label: TrackSource) -> Self {
        Self::start(OpenSource::Custom(Box::new(Idle(codec))), 0, label, |_| {})
    }

    /// Distinguishes it from the participant's other players.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The kind of source, as announced to the others.
    pub(crate) fn label(&self) -> TrackSource {
        self.label
    }

    /// The codec of its frames.
    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Adds a viewer.
    pub(crate) fn admit(&self, viewer: Box<dyn Viewer>) -> Subscription {
        Subscription::take(&self.audience, viewer)
    }

    /// Moves the viewer of a subscription to this player.
    pub(crate) fn take_over(&self, subscription: &mut Subscription) {
        subscription.change(&self.audience);
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Player")
            .field("number", &self.number)
            .field("label", &self.label)
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

async fn play(source: OpenSource, audience: &Audience, tell: impl Fn(PlayerEvent)) {
    match source {
        OpenSource::Custom(source) => {
            // It is code of the application, whose panic would end this task without a word.
            let playing = AssertUnwindSafe(play_custom(source, audience)).catch_unwind();
            let ended = playing.await.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
            tell(PlayerEvent::Stopped(ended.err().unwrap_or(MediaError::Ended)));
        }
        OpenSource::Recording(recording, playback) => {
            play_recording(&recording, &playback, audience, tell).await;
        }
    }
}

async fn play_custom(
    mut source: Box<dyn MediaSource>,
    audience: &Audience,
) -> Result<(), MediaError> {
    let is_live = source.is_live();
    let mut due = Instant::now();
    let mut clock = LiveClock::new(due);
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
            () = audience.keyframe_wanted(), if !is_wanted => {
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
        frame.limit_duration();
        if is_live {
            audience.show(clock.place(frame.duration, Instant::now()), frame);
            continue;
        }
        // After a pause of the whole machine, go on from now instead of catching up in a burst.
        if due.elapsed() > LATE {
            due = Instant::now();
        }
        let at = due;
        due += frame.duration;
        audience.show(at, frame);
    }
}

fn panicked(panic: &(dyn Any + Send)) -> MediaError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    MediaError::Failed(format!("it panicked: {}", text.unwrap_or("no message")).into())
}

async fn play_recording(
    recording: &Recording,
    playback: &Playback,
    audience: &Audience,
    tell: impl Fn(PlayerEvent),
) {
    let mut changes = playback.watch();
    let mut timeline = *changes.borrow_and_update();
    let keeps_group = recording.codec().kind() == MediaKind::Video;
    let jump = |timeline: &Timeline| {
        let cursor = Cursor::find(recording, timeline);
        audience.jump(if keeps_group { recording.group_before(cursor.next) } else { &[] });
        cursor
    };
    let mut cursor = jump(&timeline);
    let mut is_over = false;
    loop {
        let due = if is_over { None } else { cursor.due(recording, &timeline) };
        let on_time = tokio::select! {
            changed = changes.changed() => {
                // The playback is borrowed here, so its sender still exists.
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
            // The end is reported once, unless it is reached again.
            is_over &= timeline.place(Instant::now()).1 >= recording.length();
            continue;
        };
        match cursor.take(recording, &timeline) {
            Some(frame) if keeps_group => audience.show_and_keep(at, frame),
            Some(frame) => audience.show(at, frame),
            None if timeline.repeats() => {}
            None => {
                is_over = true;
                tell(PlayerEvent::Played);
            }
        }
    }
}

/// The position in a recording.
struct Cursor {
    round: u32,
    next: usize,
}

impl Cursor {
    /// Finds the position after the frames that have begun by now. A frame that begins at this
    /// moment is next.
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

const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);
/// How late frames may be and still be sent in a burst.
const LATE: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(5);
