//! Encodes sound.

use std::time::Duration;

use bytes::Bytes;
use opus_pure::{Application, MAX_PACKET_BYTES, OpusEncoder};

use crate::pcm::{Channels, PcmFormat};

/// The settings of the Opus encoder.
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
    /// Settings for voices: 32 kbit/s, or 48 kbit/s for stereo, with [`fec`](Self::fec). The
    /// default.
    #[must_use]
    pub fn speech() -> Self {
        Self { is_speech: true, bitrate: None, has_fec: true, has_dtx: false }
    }

    /// Settings for music: 96 kbit/s, or 128 kbit/s for stereo.
    #[must_use]
    pub fn music() -> Self {
        Self { is_speech: false, bitrate: None, has_fec: false, has_dtx: false }
    }

    /// Sets the bit rate in bits a second, clamped to 6000 to 510 000.
    #[must_use]
    pub fn bitrate(mut self, bitrate: u32) -> Self {
        self.bitrate = Some(bitrate.clamp(6_000, 510_000));
        self
    }

    /// Sets whether each packet repeats the sound of the previous one in lower quality, to replace
    /// it if it is lost. The copy uses a part of the bit rate, and is omitted when the encoder
    /// classifies the sound as music.
    #[must_use]
    pub fn fec(mut self, on: bool) -> Self {
        self.has_fec = on;
        self
    }

    /// Sets whether nothing is sent during long silence. The others then hear silence, without the
    /// noise of the room.
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

/// Encodes frames of the length [`FRAME`].
pub(crate) struct Encoder {
    encoder: OpusEncoder,
    /// The number of samples of each channel in a frame.
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

    /// The delay of the encoder, in samples of each channel.
    pub(crate) fn delay(&self) -> usize {
        self.encoder.lookahead()
    }
}

/// Whether a packet has no frame after its first byte. With DTX that is silence, and need not be
/// sent.
pub(crate) fn is_silence(packet: &[u8]) -> bool {
    packet.len() <= 1
}

/// The duration of a packet.
pub(crate) const FRAME: Duration = Duration::from_millis(20);
const EXPECTED_LOSS_PERCENT: i32 = 10;
