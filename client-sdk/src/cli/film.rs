//! The files that are played.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::media::{MediaError, MediaKind, Playback, Source};

/// What is sent of the files.
#[derive(Debug, Default)]
pub(super) struct Film {
    pub(super) audio: Option<Source>,
    pub(super) video: Option<Source>,
}

impl Film {
    /// Finds out what each file contains. A track that cannot be played beside one that can is
    /// left out, with a word about it.
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
                match source.open(kind).await {
                    Ok(_) if slot.is_some() => {
                        let file = file.display();
                        return Err(Failure::usage(format!(
                            "{file} has {kind} too: play one of them"
                        )));
                    }
                    Ok(_) => {
                        *slot = Some(source.clone().played_by(playback));
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

/// A file as its name says.
pub(super) fn source(file: &Path, frame_rate: f64) -> Source {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "h264" | "264" => Source::AnnexB { path: file.to_owned(), frame_rate },
        _ => Source::File(file.to_owned()),
    }
}
