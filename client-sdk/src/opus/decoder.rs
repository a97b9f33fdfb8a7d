//! Decodes sound, and makes up what is missing.

use opus_pure::{MAX_PACKET_SAMPLES, OpusDecoder};

use crate::pcm::PcmFormat;

/// Decodes the packets of one stream. Lengths are in samples at 48 kHz, whatever the format is.
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

    /// Decodes a packet of that length. What cannot be decoded is concealed, and this is false.
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

    /// Makes up what was lost before this packet, from what the packet says of it if it does.
    pub(crate) fn recover(&mut self, packet: &[u8], length: u64, samples: &mut Vec<f32>) {
        let frame = self.count(length);
        let recovered = self.decoder.decode_fec(packet, frame, &mut self.decoded);
        self.take(recovered.unwrap_or(0), frame, samples);
    }

    /// Makes up what was lost, from what came before.
    pub(crate) fn conceal(&mut self, mut length: u64, samples: &mut Vec<f32>) {
        while length > 0 {
            let piece = length.min(MAX_PACKET_SAMPLES as u64);
            let frame = self.count(piece);
            // Only whole units can be made up.
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

    /// Takes what was decoded, and silence up to the length of the frame.
    fn take(&self, decoded: usize, frame: usize, samples: &mut Vec<f32>) {
        let channels = self.format.channels.count();
        samples.extend_from_slice(&self.decoded[..decoded.min(frame) * channels]);
        let rest = frame.saturating_sub(decoded) * channels;
        samples.extend(std::iter::repeat_n(0.0, rest));
    }

    /// Samples of each channel.
    fn count(&self, length: u64) -> usize {
        (length * u64::from(self.format.rate.hertz()) / 48_000) as usize
    }
}

/// 2.5 ms: the shortest frame of Opus.
pub(crate) const SHORTEST: u64 = 120;
