//! A source of samples from the application.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::live_clock::PAUSE;
use super::{AudioLevel, Codec, Frame, MediaError, MediaSource, Source};
use crate::opus::{Encoder, FRAME, OpusOptions, is_silence};
use crate::pcm::{self, PcmFormat, Sample};

impl Source {
    /// Creates a source of samples, which are encoded as Opus and sent in real time, however fast
    /// they are handed over. Up to ten seconds wait. Without samples nothing is sent, and the
    /// others hear a pause.
    ///
    /// The source ends when the sender is dropped and everything has been played.
    ///
    /// ```no_run
    /// # async fn say(speech: Vec<i16>) -> Result<(), Box<dyn std::error::Error>> {
    /// use client_sdk::{Client, OpusOptions, Options, PcmFormat, SampleRate, Source};
    ///
    /// let format = PcmFormat::mono(SampleRate::Hz24000);
    /// let (voice, source) = Source::pcm(format, OpusOptions::speech());
    /// let client = Client::new("https://rooms.example.com")?;
    /// let bot = client.join("ABC234", "123456", "bot", Options::new().audio(source)).await?;
    /// // The output of a speech synthesizer, in pieces of any length.
    /// voice.send(&speech).await?;
    /// voice.drained().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn pcm(format: PcmFormat, options: OpusOptions) -> (PcmSender, Self) {
        let queue = Arc::new(watch::Sender::new(State::new(format)));
        let source = PcmSource::new(format, options, Arc::clone(&queue));
        (PcmSender(Arc::new(Handle(queue))), Self::custom(source))
    }
}

/// The application's end of [`Source::pcm`]; cheap to clone.
#[derive(Clone)]
pub struct PcmSender(Arc<Handle>);

/// Why samples were not taken.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PcmError {
    /// The queue was [cleared](PcmSender::clear) while the samples waited.
    #[error("the queue was cleared, and these samples were dropped")]
    Cleared,
    /// The participant has left the room, or does not send the source any more.
    #[error("the source is no longer sent")]
    Closed,
    /// Ten seconds of samples wait already.
    #[error("samples are handed in faster than they are played, and these are dropped")]
    Full,
}

impl PcmSender {
    /// Hands over samples without waiting, either all of them or none.
    ///
    /// # Errors
    ///
    /// [`PcmError::Full`] if there is no room for all of them, [`PcmError::Closed`] if the source
    /// is no longer sent.
    pub fn try_send<S: Sample>(&self, samples: &[S]) -> Result<(), PcmError> {
        let mut taken = Err(PcmError::Full);
        self.queue().send_if_modified(|queue| {
            if queue.is_closed {
                taken = Err(PcmError::Closed);
            } else if samples.len() <= queue.room() {
                queue.push(samples);
                taken = Ok(());
            }
            taken.is_ok()
        });
        taken
    }

    /// Hands over samples, and waits until there is room for all of them. If this is cancelled, the
    /// samples that were taken are played.
    ///
    /// # Errors
    ///
    /// [`PcmError::Cleared`] if [`clear`](Self::clear) is called meanwhile, [`PcmError::Closed`] if
    /// the source is no longer sent.
    pub async fn send<S: Sample>(&self, samples: &[S]) -> Result<(), PcmError> {
        let mut watched = self.queue().subscribe();
        let clears = watched.borrow().clears;
        let mut rest = samples;
        loop {
            let mut outcome = Ok(());
            self.queue().send_if_modified(|queue| {
                if queue.is_closed {
                    outcome = Err(PcmError::Closed);
                } else if queue.clears != clears {
                    outcome = Err(PcmError::Cleared);
                } else {
                    let (fitting, behind) = rest.split_at(rest.len().min(queue.room()));
                    queue.push(fitting);
                    rest = behind;
                    return !fitting.is_empty();
                }
                false
            });
            outcome?;
            if rest.is_empty() {
                return Ok(());
            }
            let may_go_on =
                |queue: &State| queue.is_closed || queue.clears != clears || queue.room() > 0;
            watched.wait_for(may_go_on).await.map_err(|_| PcmError::Closed)?;
        }
    }

    /// Drops all waiting samples, so that the others do not hear them; at most 20 ms are on their
    /// way. A [`send`](Self::send) that waits for room returns.
    pub fn clear(&self) {
        self.queue().send_modify(|queue| {
            queue.samples.clear();
            queue.clears += 1;
            queue.played = queue.pushed;
        });
    }

    /// Waits until all samples that were handed over before are played or cleared. The others hear
    /// the end later by the delay of the network and of their buffers.
    ///
    /// # Errors
    ///
    /// [`PcmError::Closed`] if the source is no longer sent.
    pub async fn drained(&self) -> Result<(), PcmError> {
        let mut watched = self.queue().subscribe();
        let until = watched.borrow().pushed;
        let drained = watched.wait_for(|queue| queue.is_closed || queue.played >= until).await;
        drained.ok().filter(|queue| queue.played >= until).map(drop).ok_or(PcmError::Closed)
    }

    /// The duration of the waiting samples.
    #[must_use]
    pub fn waiting(&self) -> Duration {
        let queue = self.queue().borrow();
        Duration::from_secs(queue.samples.len() as u64) / queue.per_second as u32
    }

    /// Waits until the source is no longer sent.
    pub async fn closed(&self) {
        // The queue is closed before it is dropped.
        let _ = self.queue().subscribe().wait_for(|queue| queue.is_closed).await;
    }

    fn queue(&self) -> &watch::Sender<State> {
        &self.0.0
    }
}

impl fmt::Debug for PcmSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcmSender").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

/// Ends the source when it is dropped.
struct Handle(Queue);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.send_modify(|queue| queue.is_complete = true);
    }
}

type Queue = Arc<watch::Sender<State>>;

/// The state that both ends share. Samples of all channels are counted.
struct State {
    samples: VecDeque<f32>,
    per_second: usize,
    pushed: u64,
    /// How many of the pushed samples have been played or cleared.
    played: u64,
    /// How often the queue was cleared.
    clears: u64,
    /// Whether no more samples will be pushed.
    is_complete: bool,
    /// Whether no more samples are taken.
    is_closed: bool,
}

impl State {
    fn new(format: PcmFormat) -> Self {
        Self {
            samples: VecDeque::new(),
            per_second: format.samples_per_second(),
            pushed: 0,
            played: 0,
            clears: 0,
            is_complete: false,
            is_closed: false,
        }
    }

    fn room(&self) -> usize {
        (self.per_second * MAX_SECONDS).saturating_sub(self.samples.len())
    }

    fn push<S: Sample>(&mut self, samples: &[S]) {
        let bounded = samples.iter().map(|sample| sample.to_f32());
        let bounded = bounded.map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 });
        self.samples.extend(bounded);
        self.pushed += samples.len() as u64;
    }
}

/// The participant's end.
struct PcmSource {
    encoder: Encoder,
    queue: Queue,
    changes: watch::Receiver<State>,
    /// The number of samples of all channels in a frame.
    frame: usize,
    /// When the last sent frame ends.
    due: Instant,
    /// Whether sound is playing.
    is_playing: bool,
    silence: Silence,
    ready: VecDeque<Frame>,
}

impl PcmSource {
    fn new(format: PcmFormat, options: OpusOptions, queue: Queue) -> Self {
        Self {
            encoder: Encoder::new(format, options),
            changes: queue.subscribe(),
            queue,
            frame: (FRAME * format.samples_per_second() as u32).as_secs() as usize,
            due: Instant::now(),
            is_playing: false,
            silence: Silence::default(),
            ready: VecDeque::new(),
        }
    }

    /// Waits for the first samples after a pause; `false` if there will be none.
    async fn begin(&mut self) -> bool {
        let has_more = |queue: &State| !queue.samples.is_empty() || queue.is_complete;
        let Ok(queue) = self.changes.wait_for(has_more).await else { return false };
        if queue.samples.is_empty() {
            return false;
        }
        self.due = self.due.max(Instant::now());
        self.is_playing = true;
        true
    }

    /// Waits until the next frame is due, and then a little longer until it is complete.
    async fn gather(&mut self) {
        sleep_until(self.due).await;
        self.queue.send_modify(|queue| queue.played = queue.pushed - queue.samples.len() as u64);
        let is_whole = |queue: &State| queue.samples.len() >= self.frame || queue.is_complete;
        // The samples that have arrived by then are played, and the rest of the frame is silence.
        let _ = timeout_at(self.due + PATIENCE, self.changes.wait_for(is_whole)).await;
    }

    /// Encodes the next frame. After the last samples it is silent, so that the others do not take
    /// the end for a loss.
    fn encode(&mut self) -> Result<(), MediaError> {
        let mut samples: Vec<f32> = Vec::with_capacity(self.frame);
        self.queue.send_modify(|queue| {
            let count = queue.samples.len().min(self.frame);
            samples.extend(queue.samples.drain(..count));
        });
        self.is_playing = !samples.is_empty();
        samples.resize(self.frame, 0.0);
        if self.due.elapsed() > PAUSE {
            self.due = Instant::now();
        }
        self.due += FRAME;
        let packet = self.encoder.encode(&samples);
        let data = packet.map_err(|error| MediaError::Failed(Box::new(error)))?;
        let level = Some(AudioLevel::of(&pcm::to_i16(&samples)));
        let frame = Frame { data, duration: FRAME, is_key: true, level };
        self.ready.extend(self.silence.pass(frame));
        Ok(())
    }
}

#[async_trait]
impl MediaSource for PcmSource {
    fn codec(&self) -> Codec {
        Codec::Opus
    }

    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            if !self.is_playing && !self.begin().await {
                return Ok(None);
            }
            self.gather().await;
            self.encode()?;
        }
    }

    fn is_live(&self) -> bool {
        true
    }
}

impl Drop for PcmSource {
    fn drop(&mut self) {
        self.queue.send_modify(|queue| {
            queue.is_closed = true;
            queue.samples.clear();
        });
    }
}

/// Omits packets of silence if there are so many that they form a pause.
#[derive(Debug, Default)]
struct Silence {
    held: Vec<Frame>,
    is_pause: bool,
}

impl Silence {
    /// Returns the frames to send now.
    fn pass(&mut self, frame: Frame) -> Vec<Frame> {
        let mut held = std::mem::take(&mut self.held);
        if !is_silence(&frame.data) {
            self.is_pause = false;
            held.push(frame);
            return held;
        }
        if !self.is_pause {
            held.push(frame);
            self.is_pause = FRAME * held.len() as u32 > PAUSE;
            self.held = if self.is_pause { Vec::new() } else { held };
        }
        Vec::new()
    }
}

const MAX_SECONDS: usize = 10;
/// How late samples may be in real time.
const PATIENCE: Duration = Duration::from_millis(40);

#[cfg(test)]
mod tests;
