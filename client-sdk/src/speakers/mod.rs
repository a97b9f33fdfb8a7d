//! The active speaker, by the audio levels of the others.

mod detector;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signal_core::ParticipantId;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use self::detector::Detector;
use crate::media::AudioLevel;

/// The levels of the others; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Speakers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    detector: Mutex<Detector>,
    heard: Notify,
}

/// Measures one track. Its participant is silent when this is dropped.
#[derive(Debug)]
pub(crate) struct Meter {
    speakers: Speakers,
    voice: u64,
    /// The power in the current interval.
    power: f64,
    packets: u32,
    until: Instant,
}

impl Speakers {
    pub(crate) fn meter(&self, participant: ParticipantId, now: Instant) -> Meter {
        let voice = self.lock().add(participant);
        Meter { speakers: self.clone(), voice, power: 0.0, packets: 0, until: now + INTERVAL }
    }

    /// Waits until the active speaker changes. Safe to cancel.
    pub(crate) async fn changed(&self) -> Option<ParticipantId> {
        loop {
            let heard = self.0.heard.notified();
            let deadline = {
                let mut detector = self.lock();
                if let Some(speaker) = detector.poll(Instant::now()) {
                    return speaker;
                }
                detector.deadline()
            };
            let silence = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = heard => {}
                () = silence => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Detector> {
        self.0.detector.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter {
    pub(crate) fn hear(&mut self, level: AudioLevel, now: Instant) {
        self.power += 10_f64.powf(f64::from(level.decibels()) / 10.0);
        self.packets += 1;
        if now < self.until {
            return;
        }
        let mean = 10.0 * (self.power / f64::from(self.packets)).log10();
        (self.power, self.packets, self.until) = (0.0, 0, now + INTERVAL);
        let mut detector = self.speakers.lock();
        detector.hear(self.voice, mean, now);
        if detector.has_news(now) {
            self.speakers.0.heard.notify_one();
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.speakers.lock().remove(self.voice);
        self.speakers.0.heard.notify_one();
    }
}

/// The interval of reports, so that the 50 packets a second of a participant cost little.
const INTERVAL: Duration = Duration::from_millis(100);
