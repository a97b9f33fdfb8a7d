//! Uncompressed sound in a WAV file: RIFF chunks, one with the format and one with the samples.

use bytes::Bytes;

use super::error::FileProblem;
use super::recording::Recording;
use super::resampling::{can_resample, resample};
use super::{AudioLevel, Codec, Frame};
use crate::opus::{Encoder, FRAME, OpusOptions};
use crate::pcm::{self, Channels, PcmFormat, Sample, SampleRate};

pub(super) fn is_wav(file: &[u8]) -> bool {
    file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WAVE")
}

/// Reads a file, and encodes it.
pub(super) fn read(file: &[u8], options: OpusOptions) -> Result<Recording, FileProblem> {
    let sound = Sound::read(file)?;
    let (format, samples) = sound.at_a_rate_of_opus()?;
    Ok(encode(&samples, format, options)?)
}

fn encode(samples: &[f32], format: PcmFormat, options: OpusOptions) -> Result<Recording, String> {
    let mut encoder = Encoder::new(format, options);
    let channels = format.channels.count();
    let frame = (FRAME * format.samples_per_second() as u32).as_secs() as usize;
    // The delay of the encoder adds frames for the end of the sound.
    let count = (samples.len() + encoder.delay() * channels).div_ceil(frame);
    let frames = (0..count).map(|number| {
        let start = (number * frame).min(samples.len());
        let end = (start + frame).min(samples.len());
        let mut piece = samples[start..end].to_vec();
        piece.resize(frame, 0.0);
        let data: Bytes = encoder.encode(&piece).map_err(|error| error.to_string())?;
        let level = Some(AudioLevel::of(&pcm::to_i16(&piece)));
        Ok(Frame { data, duration: FRAME, is_key: true, level })
    });
    Recording::new(Codec::Opus, frames.collect::<Result<_, String>>()?)
}

/// The contents of a file: interleaved samples of all channels.
#[derive(Debug)]
struct Sound {
    rate: u32,
    channels: Channels,
    samples: Vec<f32>,
}

impl Sound {
    fn read(file: &[u8]) -> Result<Self, FileProblem> {
        if !is_wav(file) {
            return Err(damaged("it does not begin like WAV"));
        }
        let mut layout = None;
        let mut rest = &file[RIFF_HEADER..];
        loop {
            let Some((head, body)) = rest.split_at_checked(CHUNK_HEADER) else {
                return Err(damaged("there are no samples in it"));
            };
            let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            // Programs that write to a pipe do not know the size of the last chunk.
            let (chunk, following) = body.split_at(size.min(body.len()));
            match (&head[..4], &layout) {
                (b"fmt ", _) => layout = Some(Layout::read(chunk)?),
                (b"data", Some(layout)) => return layout.samples(chunk),
                (b"data", None) => {
                    return Err(damaged("its samples come before their format"));
                }
                _ => {}
            }
            // Chunks begin at even places.
            rest = following.get(size % 2..).unwrap_or_default();
        }
    }

    fn at_a_rate_of_opus(self) -> Result<(PcmFormat, Vec<f32>), FileProblem> {
        let known = SampleRate::of_hertz(self.rate);
        let rate = known.unwrap_or(SampleRate::Hz48000);
        if known.is_none() && !can_resample(self.rate, rate.hertz()) {
            return Err(unsuitable(&format!("{} samples a second", self.rate)));
        }
        let count = self.channels.count();
        let length = self.samples.len() / count;
        if length as u64 > u64::from(self.rate) * MAX_SECONDS {
            let minutes = MAX_SECONDS / 60;
            return Err(unsuitable(&format!("more than {minutes} minutes")));
        }
        if known.is_some() {
            return Ok((PcmFormat { rate, channels: self.channels }, self.samples));
        }
        let channel = |channel: usize| {
            let samples: Vec<f32> =
                self.samples.iter().skip(channel).step_by(count).copied().collect();
            resample(&samples, self.rate, rate.hertz())
        };
        let channels: Vec<Vec<f32>> = (0..count).map(channel).collect();
        let length = channels[0].len();
        let samples = (0..length).flat_map(|n| channels.iter().map(move |samples| samples[n]));
        Ok((PcmFormat { rate, channels: self.channels }, samples.collect()))
    }
}

/// The layout of the samples.
#[derive(Clone, Copy, Debug)]
struct Layout {
    rate: u32,
    channels: Channels,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Int16,
    Int24,
    Int32,
    Float,
}

impl Layout {
    fn read(chunk: &[u8]) -> Result<Self, FileProblem> {
        let short = |at: usize| chunk.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        let (Some(tag), Some(channels), Some(bits), Some(&[a, b, c, d])) =
            (short(0), short(2), short(14), chunk.get(4..8).and_then(|rate| rate.first_chunk()))
        else {
            return Err(damaged("its description of the samples is cut off"));
        };
        // In the extensible format, the real tag is at the start of the subformat.
        let tag = if tag == EXTENSIBLE { short(24).unwrap_or(tag) } else { tag };
        let kind = match (tag, bits) {
            (PCM, 16) => Kind::Int16,
            (PCM, 24) => Kind::Int24,
            (PCM, 32) => Kind::Int32,
            (FLOAT, 32) => Kind::Float,
            _ => return Err(unsuitable(&format!("samples of kind {tag} and {bits} bits"))),
        };
        let channels = match channels {
            1 => Channels::Mono,
            2 => Channels::Stereo,
            more => return Err(unsuitable(&format!("{more} channels"))),
        };
        Ok(Self { rate: u32::from_le_bytes([a, b, c, d]), channels, kind })
    }

    fn samples(self, data: &[u8]) -> Result<Sound, FileProblem> {
        let mut samples: Vec<f32> = match self.kind {
            Kind::Int16 => each(data, |bytes| i16::from_le_bytes(bytes).to_f32()),
            Kind::Int24 => {
                each(data, |[a, b, c]| i32::from_le_bytes([0, a, b, c]) as f32 / FULL_SCALE)
            }
            Kind::Int32 => each(data, |bytes| i32::from_le_bytes(bytes) as f32 / FULL_SCALE),
            Kind::Float => each(data, f32::from_le_bytes),
        };
        samples.truncate(samples.len() / self.channels.count() * self.channels.count());
        for sample in &mut samples {
            *sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        }
        if samples.is_empty() {
            return Err(damaged("there are no samples in it"));
        }
        Ok(Sound { rate: self.rate, channels: self.channels, samples })
    }
}

fn damaged(reason: &str) -> FileProblem {
    FileProblem::Damaged(reason.to_owned())
}

/// A property that ffmpeg can convert.
fn unsuitable(property: &str) -> FileProblem {
    FileProblem::Unsuitable(format!("it is WAV with {property}"))
}

fn each<const N: usize>(data: &[u8], sample: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.as_chunks().0.iter().map(|bytes| sample(*bytes)).collect()
}

const RIFF_HEADER: usize = 12;
const CHUNK_HEADER: usize = 8;
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;
const FULL_SCALE: f32 = 2_147_483_648.0;
/// The limit, since the file is encoded when it is opened, and held in memory.
const MAX_SECONDS: u64 = 300;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file with these chunks.
    fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
        for (name, body) in chunks {
            file.extend_from_slice(*name);
            file.extend((body.len() as u32).to_le_bytes());
            file.extend_from_slice(body);
            file.resize(file.len().next_multiple_of(2), 0);
        }
        file
    }

    fn description(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let size = channels * bits / 8;
        let bytes = rate.wrapping_mul(size.into()).to_le_bytes();
        let head = [tag, channels].map(u16::to_le_bytes).concat();
        let tail = [size, bits].map(u16::to_le_bytes).concat();
        [head, rate.to_le_bytes().to_vec(), bytes.to_vec(), tail].concat()
    }

    #[test]
    fn samples_are_read_from_each_kind_of_file() {
        let expected = [0.0, 0.5, -0.5, 0.25];
        let int = |size: usize| -> Vec<u8> {
            let bytes = |s: &f32| ((s * FULL_SCALE) as i32).to_le_bytes()[4 - size..].to_vec();
            expected.iter().flat_map(bytes).collect()
        };
        let float = expected.map(f32::to_le_bytes).concat();
        for (tag, bits, data) in
            [(PCM, 16, int(2)), (PCM, 24, int(3)), (PCM, 32, int(4)), (FLOAT, 32, float)]
        {
            let mut extensible = description(EXTENSIBLE, 2, 44_100, bits);
            extensible.extend([22, 0, bits as u8, 0, 3, 0, 0, 0, tag as u8, 0]);
            extensible.extend([0; 14]);
            for description in [description(tag, 2, 44_100, bits), extensible] {
                let mut file =
                    riff(&[(b"LIST", b"odd"), (b"fmt ", &description), (b"data", &data)]);
                for known in [true, false] {
                    let sound = Sound::read(&file).unwrap();
                    assert_eq!((sound.rate, sound.channels), (44_100, Channels::Stereo));
                    assert_eq!(sound.samples, expected, "{tag} {bits} {known}");
                    // As a program writes it into a pipe.
                    let size = file.len() - data.len() - 4;
                    file[size..size + 4].copy_from_slice(&[0xff; 4]);
                }
            }
        }
    }

    #[test]
    fn a_file_is_as_long_as_its_sound() {
        for (rate, channels) in [(16_000, 1), (44_100, 2), (48_000, 2)] {
            let data = vec![1; rate as usize * 2 * usize::from(channels)];
            let file = riff(&[(b"fmt ", &description(PCM, channels, rate, 16)), (b"data", &data)]);
            let recording = read(&file, OpusOptions::speech()).unwrap();
            // A second, and what the encoder is late.
            assert_eq!(recording.frames().len(), 51, "{rate}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let data = (b"data", &[0; 8][..]);
        let cases = [
            (riff(&[]), "there are no samples in it"),
            (riff(&[data]), "its samples come before their format"),
            (
                riff(&[(b"fmt ", b"\x01\0\x01\0"), data]),
                "its description of the samples is cut off",
            ),
            (
                riff(&[(b"fmt ", &description(PCM, 6, 48_000, 16)), data]),
                "it is WAV with 6 channels",
            ),
            (
                riff(&[(b"fmt ", &description(PCM, 1, 48_000, 8)), data]),
                "it is WAV with samples of kind 1 and 8 bits",
            ),
            (
                riff(&[(b"fmt ", &description(PCM, 1, 44_101, 16)), data]),
                "it is WAV with 44101 samples a second",
            ),
            (
                riff(&[(b"fmt ", &description(PCM, 1, 8_000, 16)), (b"data", &vec![0; 4_800_002])]),
                "it is WAV with more than 5 minutes",
            ),
            (b"RIFF\0\0\0\0AVI ".to_vec(), "it does not begin like WAV"),
        ];
        for (file, reason) in cases {
            let refused = read(&file, OpusOptions::speech()).map(drop).unwrap_err();
            let is_wav = reason.starts_with("it is WAV");
            let expected = if is_wav { FileProblem::Unsuitable } else { FileProblem::Damaged };
            assert_eq!(refused, expected(reason.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn no_file_is_a_panic(
            tag in prop_oneof![Just(PCM), Just(FLOAT), Just(EXTENSIBLE), any::<u16>()],
            channels in 0..4_u16,
            rate in prop_oneof![Just(48_000), Just(44_100), any::<u32>()],
            bits in prop_oneof![Just(16_u16), Just(24), Just(32), any::<u16>()],
            data in prop::collection::vec(any::<u8>(), 0..3000),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            length: prop::sample::Index,
        ) {
            let bits_of_a_byte = bits & !7;
            let description = description(tag, channels, rate, bits_of_a_byte.min(64));
            let mut file = riff(&[(b"fmt ", &description), (b"data", &data)]);
            for (at, byte) in damage {
                let at = at.index(file.len());
                file[at] = byte;
            }
            let _ = read(&file, OpusOptions::speech());
            let _ = read(&file[..length.index(file.len())], OpusOptions::music());
        }
    }
}
