//! Uncompressed sound.

/// The format of samples.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PcmFormat {
    /// The sample rate of each channel.
    pub rate: SampleRate,
    /// The channels. In stereo, left and right samples alternate.
    pub channels: Channels,
}

/// A sample rate that Opus supports, so that nothing is resampled.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SampleRate {
    /// 8 kHz, as on the telephone.
    Hz8000,
    /// 12 kHz.
    Hz12000,
    /// 16 kHz, which most speech recognizers accept.
    Hz16000,
    /// 24 kHz, which many speech synthesizers produce.
    Hz24000,
    /// 48 kHz, the full audible range.
    Hz48000,
}

/// One channel or two.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Channels {
    /// One.
    Mono,
    /// Left and right.
    Stereo,
}

impl PcmFormat {
    /// One channel.
    #[must_use]
    pub const fn mono(rate: SampleRate) -> Self {
        Self { rate, channels: Channels::Mono }
    }

    /// Two channels.
    #[must_use]
    pub const fn stereo(rate: SampleRate) -> Self {
        Self { rate, channels: Channels::Stereo }
    }

    /// How many samples of all channels there are in a second.
    pub(crate) fn samples_per_second(self) -> usize {
        self.rate.hertz() as usize * self.channels.count()
    }
}

impl SampleRate {
    const ALL: [Self; 5] =
        [Self::Hz8000, Self::Hz12000, Self::Hz16000, Self::Hz24000, Self::Hz48000];

    /// Returns the rate with that many samples a second, if Opus supports it.
    #[must_use]
    pub fn of_hertz(hertz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.hertz() == hertz)
    }

    /// Samples a second.
    #[must_use]
    pub fn hertz(self) -> u32 {
        match self {
            Self::Hz8000 => 8_000,
            Self::Hz12000 => 12_000,
            Self::Hz16000 => 16_000,
            Self::Hz24000 => 24_000,
            Self::Hz48000 => 48_000,
        }
    }
}

impl Channels {
    /// How many there are.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Mono => 1,
            Self::Stereo => 2,
        }
    }
}

/// Converts samples to 16 bits, with clipping.
pub(crate) fn to_i16(samples: &[f32]) -> Vec<i16> {
    samples.iter().map(|sample| (sample * 32_768.0).round() as i16).collect()
}

/// A sample type: `i16`, or `f32` from -1 to 1.
pub trait Sample: Copy + Send + Sync {
    /// The sample from -1 to 1, with clipping.
    fn to_f32(self) -> f32;
}

impl Sample for f32 {
    fn to_f32(self) -> f32 {
        self
    }
}

impl Sample for i16 {
    fn to_f32(self) -> f32 {
        f32::from(self) / 32_768.0
    }
}
