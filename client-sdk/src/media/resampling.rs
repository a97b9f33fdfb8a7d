//! Converts sound to another sample rate.

use std::f64::consts::{PI, TAU};

/// Resamples one channel with a windowed sinc.
///
/// The rates have a large common divisor, as the usual ones do: see [`can_resample`].
pub(super) fn resample(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    let (up, down) = ratio(from, to);
    let filters = filters(up, down);
    let half = filters[0].len() / 2;
    let count = (samples.len() * up).div_ceil(down);
    let sample = |index: usize| index.checked_sub(half).and_then(|index| samples.get(index));
    let resampled = (0..count).map(|n| {
        let (at, phase) = (n * down / up, n * down % up);
        let taps = filters[phase].iter().zip(at + 1..);
        taps.map(|(tap, index)| tap * sample(index).unwrap_or(&0.0)).sum()
    });
    resampled.collect()
}

/// Whether the conversion needs few enough filters.
pub(super) fn can_resample(from: u32, to: u32) -> bool {
    (LOWEST..=HIGHEST).contains(&from) && ratio(from, to).0 <= MOST_FILTERS
}

fn ratio(from: u32, to: u32) -> (usize, usize) {
    let divisor = common_divisor(from, to);
    ((to / divisor) as usize, (from / divisor) as usize)
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// A filter for each position that an output sample may have between two input samples.
fn filters(up: usize, down: usize) -> Vec<Vec<f32>> {
    // The highest frequency that both the input and the output can have.
    let cutoff = 0.95 * (up as f64 / down as f64).min(1.0);
    let half = (HALF_TAPS / cutoff).ceil();
    let filter = |phase: usize| {
        let fraction = phase as f64 / up as f64;
        let tap = |k: usize| {
            let x = k as f64 + 1.0 - half - fraction;
            let sinc = if x == 0.0 { 1.0 } else { (PI * cutoff * x).sin() / (PI * cutoff * x) };
            sinc * blackman((x / half + 1.0) / 2.0)
        };
        let taps: Vec<f64> = (0..2 * half as usize).map(tap).collect();
        let sum: f64 = taps.iter().sum();
        taps.iter().map(|tap| (tap / sum) as f32).collect()
    };
    (0..up).map(filter).collect()
}

/// The window, from 0 to 1.
fn blackman(x: f64) -> f64 {
    if (0.0..=1.0).contains(&x) {
        0.42 - 0.5 * (TAU * x).cos() + 0.08 * (2.0 * TAU * x).cos()
    } else {
        0.0
    }
}

/// The taps on either side, if the rate does not decrease.
const HALF_TAPS: f64 = 24.0;
const MOST_FILTERS: usize = 4096;
const LOWEST: u32 = 4_000;
const HIGHEST: u32 = 192_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(pitch: f64, rate: u32, seconds: f64) -> Vec<f32> {
        let count = (f64::from(rate) * seconds) as usize;
        (0..count).map(|n| (TAU * pitch * n as f64 / f64::from(rate)).sin() as f32).collect()
    }

    #[test]
    fn a_tone_is_the_same_at_every_rate() {
        for from in [8_000, 11_025, 22_050, 32_000, 44_100, 88_200, 96_000, 192_000] {
            assert!(can_resample(from, 48_000));
            let (had, wanted) = (tone(1000.0, from, 0.5), tone(1000.0, 48_000, 0.5));
            let got = resample(&had, from, 48_000);
            assert!(got.len().abs_diff(wanted.len()) < 10, "{} at {from}", got.len());
            let middle = 2000..22_000;
            let pairs = got[middle.clone()].iter().zip(&wanted[middle]);
            let error = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < 0.001, "{error} at {from}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_have_is_not_heard() {
        let got = resample(&tone(30_000.0, 96_000, 0.2), 96_000, 48_000);
        let loudest = got[1000..8000].iter().fold(0.0, |loudest: f32, sample| loudest.max(*sample));
        assert!(loudest < 0.001, "{loudest}");
    }

    #[test]
    fn rates_that_would_need_a_filter_for_each_sample_are_refused() {
        assert!(!can_resample(44_101, 48_000) && !can_resample(0, 48_000));
        assert!(!can_resample(u32::MAX, 48_000) && !can_resample(1_000_000, 48_000));
    }
}
