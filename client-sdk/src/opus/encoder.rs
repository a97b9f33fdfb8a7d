//! Encodes sound.

use std::time::Duration;

use bytes::Bytes;
use opus_pure::{Application, MAX_PACKET_BYTES, OpusEncoder};

use crate::pcm::{Channels, PcmFormat};

/// How sound is encoded.
///
/// ```
/// use client_sdk::OpusOptions;
///
/// let quiet = OpusOptions::speech().bitrate(16_000);
/// let loud = OpusOptions::music();
/// # let _ = (quiet, loud);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpusOptions {
    is_speech: bool,
    bitrate: Option<u32>,
    has_fec: bool,
    has_dtx: bool,
}

impl OpusOptions {
    /// For voices: 32 kbit/s, or 48 kbit/s of stereo, with [`fec`](Self::fec). The default.
    #[must_use]
    pub fn speech() -> Self {
        Self { is_speech: true, bitrate: None, has_fec: true, has_dtx: false }
    }

    /// For everything: 96 kbit/s, or 128 kbit/s of stereo.
    #[must_use]
    pub fn music() -> Self {
        Self { is_speech: false, bitrate: None, has_fec: false, has_dtx: false }
    }

    /// Bits a second, from 6000 to 510 000; what is outside is the nearest of these.
    #[must_use]
    pub fn bitrate(mut self, bitrate: u32) -> Self {
        self.bitrate = Some(bitrate.clamp(6_000, 510_000));
        self
    }

    /// Whether each packet contains the sound of the one before once more, in a lower quality, from
    /// which a lost packet is replaced. The copy takes bits of the sound itself, and is left out
    /// where the encoder takes the sound for music.
    #[must_use]
    pub fn fec(mut self, on: bool) -> Self {
        self.has_fec = on;
        self
    }

    /// Whether nothing is sent of silence that lasts. The others hear silence then, without the
    /// noise of a room.
    #[must_use]
    pub fn dtx(mut self, on: bool) -> Self {
        self.has_dtx = on;
        self
    }

    fn bitrate_of(self, channels: Channels) -> u32 {
        self.bitrate.unwrap_or(match (self.is_speech, channels) {
            (true, Channels::Mono) => 32_000,
            (true, Channels::Stereo) => 48_000,
            (false, Channels::Mono) => 96_000,
            (false, Channels::Stereo) => 128_000,
        })
    }
}

impl Default for OpusOptions {
    fn default() -> Self {
        Self::speech()
    }
}

/// Encodes frames of [`FRAME`].
pub(crate) struct Encoder {
    encoder: OpusEncoder,
    /// Samples of each channel in a frame.
    frame: usize,
    packet: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new(format: PcmFormat, options: OpusOptions) -> Self {
        let kind = if options.is_speech { Application::Voip } else { Application::Audio };
        let rate = format.rate.hertz();
        let mut encoder = OpusEncoder::new(rate as i32, format.channels.count(), kind)
            .expect("Opus knows each rate and number of channels");
        encoder.bitrate_bps = options.bitrate_of(format.channels) as i32;
        encoder.use_inband_fec = options.has_fec;
        encoder.packet_loss_perc = if options.has_fec { EXPECTED_LOSS_PERCENT } else { 0 };
        encoder.use_dtx = options.has_dtx;
        let frame = (FRAME * rate).as_secs() as usize;
        Self { encoder, frame, packet: vec![0; MAX_PACKET_BYTES] }
    }

    /// Encodes a frame of as many samples as [`FRAME`] has.
    pub(crate) fn encode(&mut self, samples: &[f32]) -> Result<Bytes, opus_pure::Error> {
        let size = self.encoder.encode(samples, self.frame, &mut self.packet)?;
        Ok(Bytes::copy_from_slice(&self.packet[..size]))
    }

    /// How much later sound comes out than it goes in, in samples of each channel.
    pub(crate) fn delay(&self) -> usize {
        self.encoder.lookahead()
    }
}

/// Whether a packet has no frame behind its first byte. With DTX that is silence, and need not be
/// sent.
pub(crate) fn is_silence(packet: &[u8]) -> bool {
    packet.len() <= 1
}

/// What a packet plays.
pub(crate) const FRAME: Duration = Duration::from_millis(20);
const EXPECTED_LOSS_PERCENT: i32 = 10;
