//! The files that are played.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::media::{MediaError, MediaKind, Playback, Source};

/// The sources that are sent from the files.
#[derive(Debug, Default)]
pub(super) struct Film {
    pub(super) audio: Option<Source>,
    pub(super) video: Option<Source>,
}

impl Film {
    /// Reads the files, and finds out what each contains. A track that cannot be played is left out
    /// with a message if the file has another one that can.
    pub(super) async fn of(
        files: &[PathBuf],
        frame_rate: f64,
        playback: &Playback,
    ) -> Result<Self, Failure> {
        let mut film = Self::default();
        for file in files {
            let source = source(file, frame_rate);
            let mut problems = Vec::new();
            let mut is_playable = false;
            for kind in [MediaKind::Audio, MediaKind::Video] {
                let slot = match kind {
                    MediaKind::Audio => &mut film.audio,
                    MediaKind::Video => &mut film.video,
                };
                match source.clone().load(kind).await {
                    Ok(_) if slot.is_some() => {
                        let file = file.display();
                        return Err(Failure::usage(format!(
                            "{file} has {kind} too: play one of them"
                        )));
                    }
                    Ok(loaded) => {
                        *slot = Some(loaded.played_by(playback));
                        is_playable = true;
                    }
                    Err(MediaError::Kind { .. } | MediaError::Missing { .. }) => {}
                    Err(error) => problems.push(error.to_string()),
                }
            }
            problems.dedup();
            if !is_playable && problems.is_empty() {
                let file = file.display();
                return Err(Failure::failed(format!("{file} has neither sound nor pictures")));
            }
            if !is_playable {
                return Err(Failure::failed(problems.join("\n")));
            }
            problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
        }
        Ok(film)
    }
}

/// The source for a file, by its extension.
fn source(file: &Path, frame_rate: f64) -> Source {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "h264" | "264" => Source::AnnexB { path: file.to_owned(), frame_rate },
        _ => Source::File(file.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn each_file_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let [pictures, sound] = ["film.ivf", "film.wav"].map(|name| folder.path().join(name));
        fs::copy("media/clip.ivf", &pictures).unwrap();
        // A tenth of a second at 8 kHz, mono and of 16 bits.
        let format = b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0";
        let file = [b"RIFF\0\0\0\0WAVE", &format[..], b"data\x40\x06\0\0", &[0; 1600]].concat();
        fs::write(&sound, file).unwrap();
        let film = Film::of(&[pictures, sound], 30.0, &Playback::looped()).await.unwrap();
        drop(folder);
        for (source, kind) in [(film.video, MediaKind::Video), (film.audio, MediaKind::Audio)] {
            source.unwrap().open(kind).await.unwrap();
        }
    }
}
