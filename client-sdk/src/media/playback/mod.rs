//! The clock of files.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The clock of a film: keeps files that are [played by](crate::Source::played_by) it in sync,
/// pauses them and seeks in them. Cheap to clone.
///
/// ```
/// use client_sdk::{Options, Playback, Source};
///
/// let film = Playback::once();
/// let options = Options::new()
///     .audio(Source::File("film.ogg".into()).played_by(&film))
///     .video(Source::File("film.ivf".into()).played_by(&film));
/// // Later, as the viewers like it:
/// film.pause();
/// film.seek(std::time::Duration::from_secs(60));
/// film.resume();
/// ```
///
/// The clock starts when the first file is sent, as the participant enters or publishes. Pause it
/// before that to wait for viewers. A playback is for one film, and is as long as its longest file.
///
/// Everybody sees the same position of the film at the same time. A participant that joins or loses
/// packets gets the frames since the last keyframe at once, and the others are not affected. Audio
/// and video stay in sync even if the process was stopped for a while: the film then continues at
/// the position of its clock.
#[derive(Clone)]
pub struct Playback(Arc<watch::Sender<Timeline>>);

impl Playback {
    /// Creates a playback that repeats for ever.
    #[must_use]
    pub fn looped() -> Self {
        Self::new(true)
    }

    /// Creates a playback that plays once, to the end, which [`Event::Ended`](crate::Event::Ended)
    /// reports.
    #[must_use]
    pub fn once() -> Self {
        Self::new(false)
    }

    fn new(repeats: bool) -> Self {
        let timeline = Timeline {
            repeats,
            length: Duration::ZERO,
            played: Duration::ZERO,
            since: None,
            is_paused: false,
            jumps: 0,
        };
        Self(Arc::new(watch::Sender::new(timeline)))
    }

    /// Pauses, even before anything plays. Viewers still see the current frame.
    pub fn pause(&self) {
        self.0.send_modify(|timeline| timeline.pause(Instant::now()));
    }

    /// Resumes after a pause.
    pub fn resume(&self) {
        self.0.send_modify(|timeline| timeline.resume(Instant::now()));
    }

    /// Seeks to a position, counted from the beginning of the film, and plays on from there unless
    /// it is paused. A position after the end seeks to the end.
    pub fn seek(&self, to: Duration) {
        self.0.send_modify(|timeline| timeline.seek(to, Instant::now()));
    }

    /// The current position, counted from the beginning of the film.
    #[must_use]
    pub fn position(&self) -> Duration {
        self.0.borrow().place(Instant::now()).1
    }

    pub(super) fn watch(&self) -> watch::Receiver<Timeline> {
        self.0.subscribe()
    }

    /// Adds a file of that length.
    pub(super) fn admit(&self, length: Duration) {
        self.0.send_modify(|timeline| timeline.admit(length, Instant::now()));
    }
}

impl fmt::Debug for Playback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playback").field("position", &self.position()).finish_non_exhaustive()
    }
}

/// Computes the position in a film from the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    repeats: bool,
    /// The length of the longest file; zero before there is one.
    length: Duration,
    /// How much had played at `since`, over all rounds.
    played: Duration,
    /// `None` while it is paused.
    since: Option<Instant>,
    is_paused: bool,
    /// Counts the seeks.
    jumps: u32,
}

impl Timeline {
    /// The round, of which there is one unless the film repeats, and the position in it.
    pub(super) fn place(&self, now: Instant) -> (u32, Duration) {
        let played = self.played(now);
        // Before there is a file, its length is not known.
        if self.length.is_zero() {
            return (0, played);
        }
        if !self.repeats {
            return (0, played.min(self.length));
        }
        let rounds = played.as_nanos() / self.length.as_nanos();
        let round = u32::try_from(rounds).unwrap_or(u32::MAX);
        (round, played.saturating_sub(self.length.saturating_mul(round)))
    }

    /// When a position of a round is played; `None` while it is paused.
    pub(super) fn when(&self, round: u32, place: Duration) -> Option<Instant> {
        let total = self.length.saturating_mul(round).saturating_add(place);
        let since = self.since?;
        match total.checked_sub(self.played) {
            Some(ahead) => since.checked_add(ahead),
            None => since.checked_sub(self.played - total),
        }
    }

    pub(super) fn stands_still(&self) -> bool {
        self.since.is_none()
    }

    pub(super) fn repeats(&self) -> bool {
        self.repeats
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// Whether there was a seek since that earlier state.
    pub(super) fn has_jumped_since(&self, earlier: &Self) -> bool {
        self.jumps != earlier.jumps
    }

    fn played(&self, now: Instant) -> Duration {
        self.played + self.since.map_or(Duration::ZERO, |since| now.duration_since(since))
    }

    fn pause(&mut self, now: Instant) {
        self.played = self.played(now);
        self.since = None;
        self.is_paused = true;
    }

    fn resume(&mut self, now: Instant) {
        self.is_paused = false;
        // Before there is a file nothing plays.
        if self.since.is_none() && !self.length.is_zero() {
            self.since = Some(now);
        }
    }

    fn seek(&mut self, to: Duration, now: Instant) {
        self.played = if self.length.is_zero() { to } else { to.min(self.length) };
        self.since = self.since.map(|_| now);
        self.jumps = self.jumps.wrapping_add(1);
    }

    fn admit(&mut self, length: Duration, now: Instant) {
        if length > self.length {
            // The rounds so far were shorter.
            let (_, place) = self.place(now);
            self.length = length;
            self.seek(place, now);
        }
        if !self.is_paused {
            self.since.get_or_insert(now);
        }
    }
}

#[cfg(test)]
mod tests;
