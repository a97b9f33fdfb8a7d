//! Recordings and viewers for tests of players.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::audience::Subscription;
use super::recording::Recording;
use super::{Codec, Frame, OpenSource, Playback, Player, PlayerEvent, TimedFrame, Viewer};
use crate::session::TrackSource;

pub(super) const PICTURE: Duration = Duration::from_nanos(33_333_333);
pub(super) const SOUND: Duration = Duration::from_millis(20);

/// Pictures that contain their numbers. Each 30th is a keyframe.
pub(super) fn pictures(count: u32) -> Recording {
    pictures_with(count, 30)
}

pub(super) fn pictures_with(count: u32, each: u32) -> Recording {
    let frames = (0..count).map(|number| frame(number, PICTURE, number % each == 0));
    Recording::new(Codec::Vp8, frames.collect()).unwrap()
}

/// Packets of sound that contain their numbers.
pub(super) fn sound(count: u32) -> Recording {
    let frames = (0..count).map(|number| frame(number, SOUND, true));
    Recording::new(Codec::Opus, frames.collect()).unwrap()
}

pub(super) fn play(
    recording: Recording,
    playback: &Playback,
) -> (Arc<Player>, mpsc::UnboundedReceiver<PlayerEvent>) {
    let (tell, told) = mpsc::unbounded_channel();
    let source = OpenSource::Recording(recording, playback.clone());
    let player = Player::start(source, 1, TrackSource::File, move |event| {
        // Some tests do not listen.
        let _ = tell.send(event);
    });
    (Arc::new(player), told)
}

/// A viewer that records everything it is shown.
pub(super) struct Spectator {
    subscription: Subscription,
    shown: mpsc::UnboundedReceiver<TimedFrame>,
}

impl Spectator {
    pub(super) fn of(player: &Player) -> Self {
        let (eye, shown) = mpsc::unbounded_channel();
        Self { subscription: player.admit(Box::new(Eye(eye))), shown }
    }

    pub(super) async fn next(&mut self) -> TimedFrame {
        self.shown.recv().await.unwrap()
    }

    pub(super) fn request_keyframe(&self) {
        self.subscription.request_keyframe();
    }

    /// The frames that are shown until then: their numbers and times.
    pub(super) async fn watch(&mut self, until: Instant) -> Vec<(u32, Instant)> {
        let mut seen = Vec::new();
        while let Ok(timed) = timeout_at(until, self.next()).await {
            let number = u32::from_be_bytes(timed.frame.data[..].try_into().unwrap());
            seen.push((number, timed.at));
        }
        seen
    }
}

struct Eye(mpsc::UnboundedSender<TimedFrame>);

impl Viewer for Eye {
    fn show(&mut self, frame: &TimedFrame) {
        // After a test nobody looks.
        let _ = self.0.send(frame.clone());
    }
}

pub(super) fn numbers(seen: &[(u32, Instant)]) -> Vec<u32> {
    seen.iter().map(|(number, _)| *number).collect()
}

fn frame(number: u32, duration: Duration, is_key: bool) -> Frame {
    Frame { data: number.to_be_bytes().to_vec().into(), duration, is_key, level: None }
}
