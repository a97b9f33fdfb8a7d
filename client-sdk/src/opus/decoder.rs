//! Decodes sound, and conceals losses.

use opus_pure::{MAX_PACKET_SAMPLES, OpusDecoder};

use crate::pcm::PcmFormat;

/// Decodes the packets of one stream. Lengths are in samples at 48 kHz, in every format.
pub(crate) struct Decoder {
    decoder: OpusDecoder,
    format: PcmFormat,
    decoded: Vec<f32>,
}

impl Decoder {
    pub(crate) fn new(format: PcmFormat) -> Self {
        let channels = format.channels.count();
        let decoder = OpusDecoder::new(format.rate.hertz() as i32, channels)
            .expect("Opus knows each rate and number of channels");
        Self { decoder, format, decoded: vec![0.0; MAX_PACKET_SAMPLES * channels] }
    }

    /// Decodes a packet of that length. If it cannot be decoded, it is concealed and this returns
    /// `false`.
    pub(crate) fn decode(&mut self, packet: &[u8], length: u64, samples: &mut Vec<f32>) -> bool {
        let frame = self.count(length);
        let decoded = self.decoder.decode(packet, frame, &mut self.decoded);
        let is_whole = decoded.is_ok_and(|count| count == frame);
        if is_whole {
            samples.extend_from_slice(&self.decoded[..frame * self.format.channels.count()]);
        } else {
            self.conceal(length, samples);
        }
        is_whole
    }

    /// Replaces a loss before this packet, from the redundancy in the packet if it has any.
    pub(crate) fn recover(&mut self, packet: &[u8], length: u64, samples: &mut Vec<f32>) {
        let frame = self.count(length);
        let recovered = self.decoder.decode_fec(packet, frame, &mut self.decoded);
        self.take(recovered.unwrap_or(0), frame, samples);
    }

    /// Conceals a loss by the sound before it.
    pub(crate) fn conceal(&mut self, mut length: u64, samples: &mut Vec<f32>) {
        while length > 0 {
            let piece = length.min(MAX_PACKET_SAMPLES as u64);
            let frame = self.count(piece);
            // Only multiples of the shortest frame can be concealed.
            let whole = self.count(piece / SHORTEST * SHORTEST);
            let concealed = match whole {
                0 => 0,
                _ => self.decoder.decode(&[], whole, &mut self.decoded).unwrap_or(0),
            };
            self.take(concealed, frame, samples);
            length -= piece;
        }
    }

    pub(crate) fn silence(&mut self, length: u64, samples: &mut Vec<f32>) {
        self.take(0, self.count(length), samples);
    }

    /// Appends the decoded samples, and silence up to the length of the frame.
    fn take(&self, decoded: usize, frame: usize, samples: &mut Vec<f32>) {
        let channels = self.format.channels.count();
        samples.extend_from_slice(&self.decoded[..decoded.min(frame) * channels]);
        let rest = frame.saturating_sub(decoded) * channels;
        samples.extend(std::iter::repeat_n(0.0, rest));
    }

    /// The number of samples of each channel.
    fn count(&self, length: u64) -> usize {
        (length * u64::from(self.format.rate.hertz()) / 48_000) as usize
    }
}

/// 2.5 ms: the shortest frame of Opus.
pub(crate) const SHORTEST: u64 = 120;
