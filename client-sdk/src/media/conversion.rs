//! Advice for files in formats that calls do not support.

use std::path::Path;

use super::MediaKind;

/// Explains why a file is not played, and how to convert it.
pub(super) fn advise(file: &[u8], path: &Path, kind: MediaKind) -> String {
    if file.starts_with(&[0, 0, 1]) || file.starts_with(&[0, 0, 0, 1]) {
        return "it begins like H.264, which is Source::AnnexB with its frame rate".into();
    }
    let Some(format) = format(file) else {
        return "expected WebM, Matroska, Ogg or IVF, and it begins like none of them".into();
    };
    format!("it is {format}; {}", command(path, kind))
}

/// The ffmpeg command that converts a file.
pub(super) fn command(path: &Path, kind: MediaKind) -> String {
    let (arguments, extension) = match kind {
        MediaKind::Audio => (TO_OPUS, "ogg"),
        MediaKind::Video => (TO_VP8, "ivf"),
    };
    let (input, output) = (path.display(), path.with_extension(extension));
    let output = output.display();
    format!("convert it: ffmpeg -i \"{input}\" {arguments} \"{output}\"")
}

/// The name of the format, if ffmpeg reads it.
fn format(file: &[u8]) -> Option<&'static str> {
    let has = |at: usize, magic: &[u8]| file.get(at..).is_some_and(|rest| rest.starts_with(magic));
    // An MPEG audio frame: eleven bits set, then a version and a layer, which is not reserved.
    let is_mpeg_audio =
        matches!(file, [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0b110 != 0);
    let known = [
        (has(4, b"ftyp"), "MP4"),
        (has(0, b"RIFF") && has(8, b"WAVE"), "WAV"),
        (has(0, b"ID3") || is_mpeg_audio, "MP3"),
        (has(0, b"fLaC"), "FLAC"),
    ];
    known.iter().find(|(is_it, _)| *is_it).map(|(_, name)| *name)
}

const TO_OPUS: &str = "-vn -c:a libopus -b:a 64k -frame_duration 20";
const TO_VP8: &str = "-an -c:v libvpx -b:v 1M -auto-alt-ref 0 \
    -force_key_frames \"expr:gte(t,n_forced)\" -pix_fmt yuv420p";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_have_is_named_with_the_command_that_converts_it() {
        let cases: [(&str, &[u8], &str); 5] = [
            ("a.mp4", b"\0\0\0\x1cftypisom", "MP4"),
            ("a.wav", b"RIFF\x46\xc0\x06\0WAVEfmt ", "WAV"),
            ("a.mp3", b"ID3\x04\0", "MP3"),
            ("a.mp3", b"\xff\xfb\x90\x64", "MP3"),
            ("a.flac", b"fLaC\0\0\0\x22", "FLAC"),
        ];
        for (name, file, format) in cases {
            let advice = |kind| advise(file, Path::new(name), kind);
            let audio = format!(
                "it is {format}; convert it: ffmpeg -i \"{name}\" -vn -c:a libopus -b:a 64k \
                 -frame_duration 20 \"a.ogg\""
            );
            assert_eq!(advice(MediaKind::Audio), audio);
            let video = format!("ffmpeg -i \"{name}\" {TO_VP8} \"a.ivf\"");
            assert!(advice(MediaKind::Video).ends_with(&video));
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for file in [&b""[..], b"text", b"\xff\xf1\x50", b"RIFF\0\0\0\0AVI "] {
            let advice = advise(file, Path::new("a"), MediaKind::Video);
            assert!(advice.starts_with("expected WebM, Matroska, Ogg or IVF"), "{advice}");
        }
    }

    #[test]
    fn the_guide_and_the_advice_have_the_same_commands() {
        let guide = include_str!("../guide/files.md");
        assert!(guide.contains(&format!("ffmpeg -i film.mp4 {TO_OPUS} film.ogg\n")));
        assert!(guide.contains(&format!("ffmpeg -i film.mp4 {TO_VP8} film.ivf\n")));
    }
}
