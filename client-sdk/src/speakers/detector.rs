//! Determines the active speaker.

use std::collections::BTreeMap;
use std::time::Duration;

use signal_core::ParticipantId;
use tokio::time::Instant;

use crate::media::AudioLevel;

/// The voices of the others, and the active speaker among them.
///
/// The loudness of a voice follows its level: with each report it moves half the way up, or a fifth
/// of the way down. A voice speaks while its loudness is above the [level of
/// speech](AudioLevel::SPEECH). The active speaker changes when it has not spoken for [`HOLD`], or
/// when another voice has been louder by [`LEAD`] for [`TAKEOVER`].
#[derive(Debug, Default)]
pub(super) struct Detector {
    voices: BTreeMap<u64, Voice>,
    added: u64,
    speaker: Option<u64>,
    told: Option<ParticipantId>,
}

#[derive(Debug)]
struct Voice {
    participant: ParticipantId,
    loudness: f64,
    spoke: Option<Instant>,
    /// The time since which it has been louder than the active speaker.
    leads_since: Option<Instant>,
}

impl Detector {
    /// Adds a silent voice, and returns its number.
    pub(super) fn add(&mut self, participant: ParticipantId) -> u64 {
        self.added += 1;
        let loudness = AudioLevel::SILENCE.decibels().into();
        let voice = Voice { participant, loudness, spoke: None, leads_since: None };
        self.voices.insert(self.added, voice);
        self.added
    }

    pub(super) fn remove(&mut self, voice: u64) {
        self.voices.remove(&voice);
    }

    /// Handles the level of a voice, in decibels, over about a tenth of a second.
    pub(super) fn hear(&mut self, voice: u64, level: f64, now: Instant) {
        let speaker = self.speaker.and_then(|speaker| self.voices.get(&speaker));
        let to_beat = speaker.map(|speaker| speaker.loudness + LEAD);
        let Some(heard) = self.voices.get_mut(&voice) else { return };
        // The level of silence is not finite.
        let step = level.max(AudioLevel::SILENCE.decibels().into()) - heard.loudness;
        heard.loudness += step * if step > 0.0 { RISE } else { FALL };
        let speaks = heard.loudness >= AudioLevel::SPEECH.decibels().into();
        if speaks {
            heard.spoke = Some(now);
        }
        let leads = speaks && to_beat.is_some_and(|to_beat| heard.loudness >= to_beat);
        heard.leads_since = heard.leads_since.or(Some(now)).filter(|_| leads);
    }

    /// Whether [`poll`](Self::poll) would return something.
    pub(super) fn has_news(&self, now: Instant) -> bool {
        self.participant(self.next(now)) != self.told
    }

    /// The active speaker, if it has changed since the last call.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Option<ParticipantId>> {
        let next = self.next(now);
        if next != self.speaker {
            self.speaker = next;
            self.voices.values_mut().for_each(|voice| voice.leads_since = None);
        }
        let participant = self.participant(next);
        let is_news = std::mem::replace(&mut self.told, participant) != participant;
        is_news.then_some(participant)
    }

    /// When [`poll`](Self::poll) has to be called even without a report.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.voices.get(&self.speaker?)?.spoke.map(|spoke| spoke + HOLD)
    }

    fn next(&self, now: Instant) -> Option<u64> {
        let speaks =
            |voice: &Voice| voice.spoke.is_some_and(|spoke| now.duration_since(spoke) < HOLD);
        let speaker = self.speaker.filter(|speaker| self.voices.get(speaker).is_some_and(speaks));
        let can_begin = |voice: &Voice| match speaker {
            Some(_) => voice.leads_since.is_some_and(|since| now.duration_since(since) >= TAKEOVER),
            None => speaks(voice),
        };
        let others = self.voices.iter().filter(|(_, voice)| can_begin(voice));
        let loudest = others.max_by(|(_, one), (_, other)| one.loudness.total_cmp(&other.loudness));
        loudest.map(|(number, _)| *number).or(speaker)
    }

    fn participant(&self, voice: Option<u64>) -> Option<ParticipantId> {
        self.voices.get(&voice?).map(|voice| voice.participant)
    }
}

/// Long enough for the pauses between words.
const HOLD: Duration = Duration::from_secs(1);
/// In decibels.
const LEAD: f64 = 6.0;
/// Longer than a cough.
const TAKEOVER: Duration = Duration::from_millis(500);
const RISE: f64 = 0.5;
const FALL: f64 = 0.2;

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: f64 = -20.0;
    const QUIET: f64 = -70.0;

    /// Two participants and a clock.
    struct Scene {
        detector: Detector,
        voices: [u64; 2],
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let mut detector = Detector::default();
            let voices = [alice(), bob()].map(|id| detector.add(id));
            Self { detector, voices, now: Instant::now() }
        }

        /// Sets the levels of both for a time, and returns the changes.
        fn hear(&mut self, levels: [f64; 2], time: Duration) -> Vec<Option<ParticipantId>> {
            let end = self.now + time;
            let mut changes = Vec::new();
            while self.now < end {
                self.now += Duration::from_millis(100);
                for (voice, level) in self.voices.into_iter().zip(levels) {
                    self.detector.hear(voice, level, self.now);
                }
                let is_news = self.detector.has_news(self.now);
                let change = self.detector.poll(self.now);
                assert_eq!(change.is_some(), is_news);
                changes.extend(change);
            }
            changes
        }
    }

    fn alice() -> ParticipantId {
        "p_alice000".parse().unwrap()
    }

    fn bob() -> ParticipantId {
        "p_bob00000".parse().unwrap()
    }

    #[test]
    fn whoever_speaks_is_told_once_and_the_end_of_it_after_a_pause() {
        let mut scene = Scene::new();
        assert_eq!(scene.hear([QUIET, QUIET], Duration::from_secs(2)), []);
        assert_eq!(scene.hear([LOUD, QUIET], Duration::from_secs(2)), [Some(alice())]);
        // Between words.
        assert_eq!(scene.hear([QUIET, QUIET], Duration::from_millis(600)), []);
        assert_eq!(scene.hear([LOUD, QUIET], Duration::from_secs(1)), []);
        assert_eq!(scene.hear([QUIET, QUIET], Duration::from_secs(4)), [None]);
    }

    #[test]
    fn a_cough_takes_nobodys_place_and_whoever_speaks_on_does() {
        let mut scene = Scene::new();
        scene.hear([-35.0, QUIET], Duration::from_secs(1));
        assert_eq!(scene.hear([-35.0, LOUD], Duration::from_millis(300)), []);
        assert_eq!(scene.hear([-35.0, QUIET], Duration::from_secs(2)), []);
        assert_eq!(scene.hear([-35.0, LOUD], Duration::from_secs(1)), [Some(bob())]);
    }

    #[test]
    fn two_who_are_about_as_loud_do_not_take_turns() {
        let mut scene = Scene::new();
        scene.hear([-30.0, QUIET], Duration::from_secs(1));
        for _ in 0..10 {
            assert_eq!(scene.hear([-33.0, -28.0], Duration::from_millis(300)), []);
            assert_eq!(scene.hear([-28.0, -33.0], Duration::from_millis(300)), []);
        }
    }

    #[test]
    fn whoever_answers_takes_over_when_the_other_has_ended() {
        let mut scene = Scene::new();
        scene.hear([LOUD, QUIET], Duration::from_secs(1));
        assert_eq!(scene.hear([QUIET, -35.0], Duration::from_secs(3)), [Some(bob())]);
    }

    #[test]
    fn whoever_is_gone_or_sends_nothing_more_does_not_speak() {
        let mut scene = Scene::new();
        scene.hear([LOUD, QUIET], Duration::from_secs(1));
        let deadline = scene.detector.deadline().unwrap();
        assert_eq!(scene.detector.poll(deadline), Some(None));
        scene.hear([LOUD, QUIET], Duration::from_secs(1));
        scene.detector.remove(scene.voices[0]);
        assert_eq!(scene.detector.poll(scene.now), Some(None));
    }
}
