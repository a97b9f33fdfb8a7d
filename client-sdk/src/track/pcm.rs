//! The sound of a track as samples.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{RemoteFrame, RemoteFrames, RemoteTrack, RtpTime};
use crate::media::Codec;
use crate::opus::{Decoder, SHORTEST};
use crate::pcm::{self, PcmFormat};

impl RemoteTrack {
    /// Converts an Opus track to samples of that format, independent of the format that its sender
    /// has encoded.
    ///
    /// # Errors
    ///
    /// Returns the track itself if it has another [`codec`](Self::codec).
    pub fn into_pcm(self, format: PcmFormat) -> Result<PcmReceiver, Self> {
        if self.codec() != Some(Codec::Opus) {
            return Err(self);
        }
        let frames = self.into_frames()?;
        Ok(PcmReceiver { frames, concealer: Concealer::new(format) })
    }
}

/// The audio of a track, as samples.
///
/// A lost packet is replaced by its copy in the next packet, if there is one
/// ([`OpusOptions::fec`]), or concealed by the sound before it. Pauses are silence of up to a
/// second. A packet that cannot be decoded counts as lost.
///
/// [`OpusOptions::fec`]: crate::OpusOptions::fec
pub struct PcmReceiver {
    frames: RemoteFrames,
    concealer: Concealer,
}

/// Consecutive samples of a track.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PcmChunk {
    /// The samples, from -1 to 1 or a little beyond. In stereo, left and right alternate.
    pub samples: Vec<f32>,
    /// How many samples of each channel replace lost ones.
    pub concealed: usize,
    /// When they begin, counted from the beginning of the track by its sender. If they begin later
    /// than the previous ones have ended, nothing was sent for longer than a second.
    pub at: Duration,
    /// The capture time by the sender's clock; see [`RemoteFrame::wall_clock`].
    pub wall_clock: Option<SystemTime>,
}

impl PcmReceiver {
    /// Waits for the next samples; `None` when the track has ended. While nothing is sent, nothing
    /// is returned. Safe to cancel.
    pub async fn recv(&mut self) -> Option<PcmChunk> {
        let frame = self.frames.recv().await?;
        Some(self.concealer.decode(&frame))
    }

    /// The underlying track. Its packets are read already.
    pub fn track(&self) -> &RemoteTrack {
        self.frames.track()
    }
}

impl PcmChunk {
    /// The samples as 16-bit numbers, which most speech recognizers accept.
    #[must_use]
    pub fn to_i16(&self) -> Vec<i16> {
        pcm::to_i16(&self.samples)
    }
}

impl fmt::Debug for PcmReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcmReceiver").field("track", self.track()).finish_non_exhaustive()
    }
}

/// Decodes the packets of a track without a gap. Times are in samples at 48 kHz.
struct Concealer {
    decoder: Decoder,
    channels: usize,
    time: RtpTime,
    /// The end of the decoded sound.
    end: u64,
    /// The duration of the last packet.
    usual: u64,
}

impl Concealer {
    fn new(format: PcmFormat) -> Self {
        Self {
            decoder: Decoder::new(format),
            channels: format.channels.count(),
            time: RtpTime::default(),
            end: 0,
            usual: 960,
        }
    }

    fn decode(&mut self, frame: &RemoteFrame) -> PcmChunk {
        let length = frame.duration.map_or(self.usual, |duration| (duration * RATE).as_secs());
        let begin = self.time.at(frame.timestamp).max(self.end);
        let gap = begin - self.end;
        let mut samples = Vec::new();
        let (filled, mut concealed) = if frame.lost > 0 {
            let filled = gap.min(MOST_FILLED);
            (filled, self.conceal(frame, filled, length, &mut samples))
        } else {
            let filled = if gap > MOST_FILLED { 0 } else { gap };
            self.decoder.silence(filled, &mut samples);
            (filled, 0)
        };
        let before = samples.len();
        if !self.decoder.decode(&frame.data, length, &mut samples) {
            concealed += samples.len() - before;
        }
        self.end = begin + length;
        self.usual = length;
        let lead = duration(filled);
        PcmChunk {
            samples,
            concealed: concealed / self.channels,
            at: duration(begin - filled),
            wall_clock: frame.wall_clock.and_then(|time| time.checked_sub(lead)),
        }
    }

    /// Fills a gap before a frame, and returns how many samples are concealed; the others are
    /// silence.
    fn conceal(
        &mut self,
        frame: &RemoteFrame,
        gap: u64,
        length: u64,
        samples: &mut Vec<f32>,
    ) -> usize {
        // The copy of the previous frame is as long as the frame itself.
        let recovered = if length <= gap && length.is_multiple_of(SHORTEST) { length } else { 0 };
        let concealed = (gap - recovered).min(MOST_CONCEALED);
        self.decoder.conceal(concealed, samples);
        let made_up = samples.len();
        self.decoder.silence(gap - recovered - concealed, samples);
        let silent = samples.len() - made_up;
        if recovered > 0 {
            self.decoder.recover(&frame.data, recovered, samples);
        }
        samples.len() - silent
    }
}

fn duration(samples: u64) -> Duration {
    Duration::from_secs(samples) / RATE
}

const RATE: u32 = 48_000;
/// A second.
const MOST_FILLED: u64 = 48_000;
/// 200 ms, since a longer concealment of a voice is noise.
const MOST_CONCEALED: u64 = 9_600;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::opus::{Encoder, OpusOptions};
    use crate::pcm::SampleRate;

    const FORMAT: PcmFormat = PcmFormat::mono(SampleRate::Hz16000);

    /// Packets of a tone, and when they are sent.
    fn tone(count: usize, options: OpusOptions) -> Vec<RemoteFrame> {
        let mut encoder = Encoder::new(FORMAT, options);
        let frame = |number: usize| {
            let at = |n: usize| std::f32::consts::TAU * 440.0 * n as f32 / 16_000.0;
            let samples: Vec<f32> = (0..320).map(|n| at(number * 320 + n).sin() * 0.3).collect();
            RemoteFrame {
                data: encoder.encode(&samples).unwrap(),
                timestamp: (number as u32 * 960).wrapping_sub(5000),
                is_key: true,
                duration: Some(Duration::from_millis(20)),
                lost: 0,
                follows_loss: false,
                wall_clock: None,
                level: None,
            }
        };
        (0..count).map(frame).collect()
    }

    /// How loud the middle half of the samples is.
    fn level(samples: &[f32]) -> f32 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        (middle.iter().map(|sample| sample * sample).sum::<f32>() / middle.len() as f32).sqrt()
    }

    #[test]
    fn what_is_lost_is_made_up_and_counted() {
        for options in [OpusOptions::speech(), OpusOptions::music()] {
            let mut packets = tone(30, options);
            let mut concealer = Concealer::new(FORMAT);
            let after = packets.split_off(20);
            packets.iter().for_each(|packet| drop(concealer.decode(packet)));
            let chunk = concealer.decode(&RemoteFrame { lost: 2, ..after[2].clone() });
            assert_eq!((chunk.samples.len(), chunk.concealed), (3 * 320, 2 * 320));
            assert_eq!(chunk.at, Duration::from_millis(400));
            for made_up in chunk.samples.chunks(320) {
                assert!((0.15..0.25).contains(&level(made_up)), "{}", level(made_up));
            }
        }
    }

    #[test]
    fn a_pause_is_silence_up_to_a_second() {
        let packets = tone(20, OpusOptions::speech());
        let mut concealer = Concealer::new(FORMAT);
        packets.iter().for_each(|packet| drop(concealer.decode(packet)));
        let later = |millis: u32| RemoteFrame {
            timestamp: packets[19].timestamp.wrapping_add(960 + millis * 48),
            ..packets[19].clone()
        };
        let chunk = concealer.decode(&later(500));
        assert_eq!((chunk.samples.len(), chunk.concealed), (25 * 320 + 320, 0));
        assert!(chunk.samples[..8000].iter().all(|sample| *sample == 0.0));
        assert_eq!(chunk.at, Duration::from_millis(400));
        let chunk = concealer.decode(&later(3000));
        assert_eq!((chunk.samples.len(), chunk.at), (320, Duration::from_millis(3400)));
    }

    #[test]
    fn a_long_loss_ends_in_silence() {
        let packets = tone(80, OpusOptions::speech());
        let mut concealer = Concealer::new(FORMAT);
        packets[..20].iter().for_each(|packet| drop(concealer.decode(packet)));
        let chunk = concealer.decode(&RemoteFrame { lost: 45, ..packets[65].clone() });
        assert_eq!((chunk.samples.len(), chunk.concealed), (46 * 320, 11 * 320));
        assert!(chunk.samples[3200..44 * 320].iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn a_packet_that_is_none_is_concealed() {
        let packets = tone(20, OpusOptions::speech());
        let mut concealer = Concealer::new(FORMAT);
        packets[..19].iter().for_each(|packet| drop(concealer.decode(packet)));
        let broken = vec![0xff, 0xff].into();
        let chunk =
            concealer.decode(&RemoteFrame { data: broken, duration: None, ..packets[19].clone() });
        assert_eq!((chunk.samples.len(), chunk.concealed), (320, 320));
    }

    proptest! {
        #[test]
        fn whatever_a_sender_sends_the_sound_goes_on_and_is_bounded(
            frames in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..40), any::<u32>(), 0..5_u32, 0..4_u32), 1..40
            ),
            is_stereo: bool,
        ) {
            let format = if is_stereo { PcmFormat::stereo(FORMAT.rate) } else { FORMAT };
            let mut concealer = Concealer::new(format);
            let mut timestamp = 0_u32;
            let mut end = Duration::ZERO;
            for (data, step, lost, kind) in frames {
                timestamp = timestamp.wrapping_add(if kind == 0 { step } else { 960 * kind });
                let duration = crate::opus::duration(&data);
                let chunk = concealer.decode(&RemoteFrame {
                    data: data.into(),
                    timestamp,
                    is_key: true,
                    duration,
                    lost,
                    follows_loss: lost > 0,
                    wall_clock: None,
                    level: None,
                });
                let count = chunk.samples.len() / format.channels.count();
                prop_assert!(count <= 16_000 + 1920, "{count} samples");
                prop_assert!(chunk.concealed <= count);
                prop_assert!(chunk.samples.iter().all(|sample| sample.is_finite()));
                prop_assert!(chunk.at >= end, "{:?} after {end:?}", chunk.at);
                end = chunk.at;
            }
        }
    }
}
