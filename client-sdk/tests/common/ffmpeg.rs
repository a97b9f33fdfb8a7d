//! Files as ffmpeg reads them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

pub fn probe(path: &Path) -> Value {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_streams", "-show_format", "-show_packets", "-of", "json"])
        .arg(path)
        .output()
        .expect("ffprobe");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a decoder finds wrong with a file.
pub fn complaints(path: &Path) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_frames", "-of", "compact"])
        .arg(path)
        .output()
        .expect("ffprobe");
    assert!(output.status.success() && !output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// The sound of a file: one channel at 48 kHz.
pub fn samples(path: &Path) -> Vec<f64> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-vn", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"])
        .output()
        .expect("ffmpeg");
    let pairs = output.stdout.chunks_exact(2);
    pairs.map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]]))).collect()
}

/// How much of a pitch is in the sound, by its second second.
pub fn energy(samples: &[f64], pitch: f64) -> f64 {
    let second = &samples[48_000..96_000];
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in second.iter().enumerate() {
        let angle = std::f64::consts::TAU * pitch * n as f64 / 48_000.0;
        sine += sample * angle.sin();
        cosine += sample * angle.cos();
    }
    sine.hypot(cosine) / second.len() as f64
}
