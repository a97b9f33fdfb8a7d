//! Makes tones and measures them.

use std::f64::consts::TAU;

/// One channel of a tone at half of the full volume.
pub fn tone(pitch: f64, rate: u32, seconds: f64) -> Vec<f32> {
    let at = |n: usize| (TAU * pitch * n as f64 / f64::from(rate)).sin();
    (0..(f64::from(rate) * seconds) as usize).map(|n| at(n) as f32 / 2.0).collect()
}

/// How loud a pitch is in one channel: its amplitude, from 0 to 1.
pub fn amplitude(samples: &[f32], pitch: f64, rate: u32) -> f64 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = TAU * pitch * n as f64 / f64::from(rate);
        sine += f64::from(*sample) * angle.sin();
        cosine += f64::from(*sample) * angle.cos();
    }
    2.0 * sine.hypot(cosine) / samples.len() as f64
}
