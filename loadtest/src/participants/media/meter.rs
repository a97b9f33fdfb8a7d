//! Measures one track at its receiver, packet by packet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use client_sdk::{Codec, MediaKind, ParticipantId, RemoteTrack, RtpPacket, TrackSource};

use super::freezes::Freezes;
use super::mark::{self, Marks};
use super::numbers::{Numbers, Place};
use super::rhythm::Rhythm;
use crate::measure::latency_kind::Kind;
use crate::measure::loss::{Losses, Lost};
use crate::measure::recorder::{Recorder, Step};
use crate::measure::stream::{StreamCounts, StreamKind};

/// Measures a track until it ends or the run does.
#[derive(Clone, Debug)]
pub(super) struct Meter(Arc<Mutex<State>>);

/// The measurements of a track.
#[derive(Clone, Debug)]
pub(super) struct ObservedTrack {
    pub(super) from: ParticipantId,
    pub(super) kind: StreamKind,
    pub(super) first_packet: Option<Instant>,
    /// When the first picture that can be decoded was whole, or the first packet of sound came.
    pub(super) first_frame: Option<Instant>,
    pub(super) last_packet: Option<Instant>,
    /// The times without packets after the first one, and the end of the track.
    pub(super) silences: Losses,
    pub(super) counts: StreamCounts,
    /// The packets that the network lost.
    pub(super) lost: u64,
    pub(super) frozen: Duration,
    pub(super) rhythm: Rhythm,
    pub(super) marks: Marks,
}

#[derive(Debug)]
struct State {
    recorder: Arc<Recorder>,
    codec: Option<Codec>,
    track: ObservedTrack,
    numbers: Numbers,
    freezes: Freezes,
    /// The number of the packet that the first keyframe goes on with, while it comes in.
    keyframe: Option<u16>,
    /// Counts that are not in the recorder yet, and their second of the run.
    recent: (u64, StreamCounts),
    is_over: bool,
}

impl Meter {
    pub(super) fn new(track: &RemoteTrack, recorder: Arc<Recorder>) -> Self {
        let kind = match (track.kind(), track.source()) {
            (MediaKind::Audio, _) => StreamKind::Audio,
            (MediaKind::Video, Some(TrackSource::Screen)) => StreamKind::Screen,
            (MediaKind::Video, _) => StreamKind::Video,
        };
        Self(Arc::new(Mutex::new(State::new(track.participant(), kind, track.codec(), recorder))))
    }

    /// Counts a packet that arrived at that time.
    pub(super) fn take(&self, packet: &RtpPacket, arrived: Instant) {
        self.lock().take(packet, arrived);
    }

    /// Notes whether the track is silent.
    pub(super) fn watch(&self, now: Instant) {
        let mut state = self.lock();
        let last = state.track.last_packet;
        let is_silent = last.is_some_and(|last| now.duration_since(last) >= SILENCE);
        if is_silent && state.is_expected() {
            let media = state.media();
            state.track.silences.lose(media, now);
        }
    }

    /// The track has ended.
    pub(super) fn ended(&self, now: Instant) {
        let mut state = self.lock();
        if state.is_expected() {
            let media = state.media();
            state.track.silences.lose(media, now);
            state.freezes.finish(now);
        }
        state.flush();
    }

    /// Ends the measurement and returns its results.
    pub(super) fn finish(&self, now: Instant) -> ObservedTrack {
        let mut state = self.lock();
        if state.is_expected() {
            state.freezes.finish(now);
        }
        state.is_over = true;
        state.flush();
        let mut track = state.track.clone();
        track.lost = state.numbers.expected().saturating_sub(track.counts.received);
        track.counts.freezes = state.freezes.count;
        track.frozen = state.freezes.total;
        track
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObservedTrack {
    /// A track of which nothing has arrived.
    pub(super) fn new(from: ParticipantId, kind: StreamKind) -> Self {
        Self {
            from,
            kind,
            first_packet: None,
            first_frame: None,
            last_packet: None,
            silences: Losses::default(),
            counts: StreamCounts::default(),
            lost: 0,
            frozen: Duration::ZERO,
            rhythm: Rhythm::new(kind.clock_rate()),
            marks: Marks::default(),
        }
    }
}

impl State {
    fn new(
        from: ParticipantId,
        kind: StreamKind,
        codec: Option<Codec>,
        recorder: Arc<Recorder>,
    ) -> Self {
        let track = ObservedTrack::new(from, kind);
        Self {
            recorder,
            codec,
            track,
            numbers: Numbers::default(),
            freezes: Freezes::default(),
            keyframe: None,
            recent: (0, StreamCounts::default()),
            is_over: false,
        }
    }

    fn take(&mut self, packet: &RtpPacket, arrived: Instant) {
        if self.is_over {
            return;
        }
        let place = self.numbers.count(packet.sequence_number);
        // A retransmission of a packet that was only late.
        if place == Place::Copy {
            return;
        }
        let media = self.media();
        self.track.first_packet.get_or_insert(arrived);
        self.track.last_packet = Some(arrived);
        self.track.silences.regain(&media, arrived);
        let is_frame = self.track.kind == StreamKind::Audio || packet.marker;
        let is_freeze = is_frame && self.freezes.frame(arrived);
        self.track.rhythm.packet(packet.timestamp, place == Place::Next);
        self.count(packet, is_frame, is_freeze, arrived);
        if self.track.first_frame.is_none() && self.completes_keyframe(packet) {
            self.track.first_frame = Some(arrived);
        }
        if let Some(made) = mark::read(&packet.payload) {
            self.track.marks.arrived(made);
            let step = Step { intended: made, started: made, ended: arrived };
            self.recorder.answered(Kind::of_frames(self.track.kind), step);
        }
    }

    fn count(&mut self, packet: &RtpPacket, is_frame: bool, is_freeze: bool, arrived: Instant) {
        let second = arrived.saturating_duration_since(self.recorder.begin).as_secs();
        if second != self.recent.0 {
            self.flush();
            self.recent.0 = second;
        }
        let counts = StreamCounts {
            received: 1,
            bytes: packet.payload.len() as u64,
            frames: is_frame.into(),
            freezes: is_freeze.into(),
        };
        self.track.counts += counts;
        self.recent.1 += counts;
    }

    fn flush(&mut self) {
        let (second, counts) = (self.recent.0, std::mem::take(&mut self.recent.1));
        self.recorder.streams(self.track.kind, second, counts);
    }

    /// Whether a keyframe of which nothing is missing ends with this packet.
    fn completes_keyframe(&mut self, packet: &RtpPacket) -> bool {
        let number = packet.sequence_number;
        if self.codec.is_none_or(|codec| packet.begins_keyframe(codec)) {
            self.keyframe = Some(number);
        }
        if self.keyframe != Some(number) {
            return false;
        }
        self.keyframe = Some(number.wrapping_add(1));
        self.track.kind == StreamKind::Audio || packet.marker
    }

    /// Whether packets are expected. A screen share may end at any time.
    fn is_expected(&self) -> bool {
        !self.is_over && self.track.kind != StreamKind::Screen
    }

    fn media(&self) -> Lost {
        Lost::Media(self.track.kind, self.track.from)
    }
}

/// A track without packets for this long is lost. Sound comes 50 times a second.
const SILENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence_number: u16, timestamp: u32, marker: bool, is_key: bool) -> RtpPacket {
        // A payload descriptor of VP8 and the first byte of a picture (RFC 7741).
        let payload = vec![0x10, u8::from(!is_key), 0];
        let (payload_type, level) = (96, None);
        RtpPacket {
            sequence_number,
            timestamp,
            marker,
            payload_type,
            level,
            payload: payload.into(),
        }
    }

    fn meter(begin: Instant) -> (Meter, Arc<Recorder>) {
        let recorder = Arc::new(Recorder::new(begin, begin));
        let from = "p_00000003".parse().unwrap();
        let state = State::new(from, StreamKind::Video, Some(Codec::Vp8), Arc::clone(&recorder));
        (Meter(Arc::new(Mutex::new(state))), recorder)
    }

    #[test]
    fn the_first_frame_is_the_first_keyframe_that_is_whole() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let (meter, _) = meter(begin);
        // The beginning of the first keyframe is missing, and the end of the second.
        meter.take(&packet(65_534, 0, true, false), at(1));
        meter.take(&packet(65_535, 3000, false, true), at(2));
        meter.take(&packet(1, 6000, true, false), at(3));
        meter.take(&packet(2, 9000, false, true), at(4));
        meter.take(&packet(3, 9000, true, false), at(5));
        let seen = meter.finish(at(10));
        assert_eq!((seen.first_packet, seen.first_frame), (Some(at(1)), Some(at(5))));
        assert_eq!((seen.counts.received, seen.lost), (5, 1));
    }

    #[test]
    fn what_comes_in_a_second_is_in_its_window_and_nothing_counts_after_the_end() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let (meter, recorder) = meter(begin);
        for number in 0..30 {
            meter.take(
                &packet(number, u32::from(number) * 9000, true, true),
                at(u64::from(number) * 100),
            );
        }
        let seen = meter.finish(at(3000));
        meter.take(&packet(30, 0, true, true), at(3000));
        meter.ended(at(3001));
        assert_eq!((seen.counts.received, meter.finish(at(4000)).counts.received), (30, 30));
        assert_eq!(seen.silences.before(at(9000)).count(), 0, "it had not ended");
        let windows = recorder.stream_windows(StreamKind::Video);
        let frames = (0..4).map(|second| Some(windows.get(second)?.frames));
        assert_eq!(frames.collect::<Vec<_>>(), [Some(10), Some(10), Some(10), None]);
    }

    #[test]
    fn a_track_that_falls_silent_is_lost_until_it_is_heard_again() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let (meter, _) = meter(begin);
        meter.watch(at(9));
        meter.take(&packet(0, 0, true, true), at(10));
        meter.watch(at(14));
        meter.watch(at(15));
        meter.take(&packet(1, 3000, true, true), at(20));
        meter.ended(at(21));
        let silences = meter.finish(at(22)).silences;
        let told: Vec<_> = silences.before(at(30)).map(|loss| (loss.at, loss.back_at)).collect();
        assert_eq!(told, [(at(15), Some(at(20))), (at(21), None)]);
    }
}
