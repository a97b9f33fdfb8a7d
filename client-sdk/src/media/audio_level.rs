//! The level of sound.

use std::fmt;

/// The level of an audio packet in decibels, from -127 for silence to 0 for the loudest (RFC 6464).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AudioLevel(i8);

impl AudioLevel {
    /// Silence.
    pub const SILENCE: Self = Self(-127);
    /// Louder than the background of most rooms, and quieter than most speech.
    pub(crate) const SPEECH: Self = Self(-50);

    /// Creates a level from decibels, clamped to the range.
    #[must_use]
    pub const fn from_decibels(decibels: i8) -> Self {
        if decibels > 0 {
            Self(0)
        } else if decibels < Self::SILENCE.0 {
            Self::SILENCE
        } else {
            Self(decibels)
        }
    }

    /// The level of samples: their root mean square (RFC 6464 section 3).
    #[must_use]
    pub fn of(samples: &[i16]) -> Self {
        let squares = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
        let mean = squares / samples.len().max(1) as f64 / f64::from(i16::MIN).powi(2);
        // The logarithm of silence is infinite, which the conversion clamps.
        Self::from_decibels((10.0 * mean.log10()).round() as i8)
    }

    /// The level in decibels, from -127 to 0.
    #[must_use]
    pub fn decibels(self) -> i8 {
        self.0
    }
}

impl fmt::Display for AudioLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dB", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_samples_is_their_root_mean_square() {
        let square = |height: i16| AudioLevel::of(&[height, -height, height, -height]).decibels();
        assert_eq!((square(i16::MAX), square(3277), square(33)), (0, -20, -60));
        assert_eq!(AudioLevel::of(&[i16::MIN; 4]).decibels(), 0);
        for silence in [&[][..], &[0, 0]] {
            assert_eq!(AudioLevel::of(silence), AudioLevel::SILENCE);
        }
    }

    #[test]
    fn no_level_is_out_of_range() {
        for (decibels, level) in [(i8::MIN, -127), (-127, -127), (-1, -1), (0, 0), (3, 0)] {
            assert_eq!(AudioLevel::from_decibels(decibels).decibels(), level);
        }
    }
}
