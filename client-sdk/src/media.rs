//! What a participant sends: frames of a file or of the built-in clip.

mod ivf;
mod ogg;
mod player;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(crate) use self::player::Player;
use crate::error::MediaError;

/// Where a participant's audio or video comes from. It plays in a loop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// The clip that comes with this crate: a test picture or a 440 Hz tone.
    Clip,
    /// A file: Opus in Ogg for audio, VP8 in IVF for video. It is held in memory while it plays.
    File(PathBuf),
}

/// Audio or video.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MediaKind {
    /// Sound: Opus.
    Audio,
    /// Pictures: VP8.
    Video,
}

/// One encoded picture or 20 ms of sound, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) data: Bytes,
    pub(crate) duration: Duration,
    /// Whether a decoder can start here; true for all audio.
    pub(crate) is_key: bool,
}

impl Source {
    /// Reads all frames; at least one, and the first is a keyframe.
    pub(crate) fn load(&self, kind: MediaKind) -> Result<Arc<[Frame]>, MediaError> {
        let (path, bytes) = match self {
            Self::Clip => (Path::new("the built-in clip"), Bytes::from_static(clip(kind))),
            Self::File(path) => {
                let read = fs::read(path).map_err(|error| MediaError::File { path: path.clone(), error })?;
                (path.as_path(), Bytes::from(read))
            }
        };
        let frames = match kind {
            MediaKind::Audio => ogg::frames(&bytes),
            MediaKind::Video => ivf::frames(&bytes),
        };
        let format = |reason: String| MediaError::Format { path: path.to_owned(), reason };
        let frames = frames.map_err(format)?;
        match frames.iter().position(|frame| frame.is_key) {
            Some(first) => Ok(frames[first..].into()),
            None => Err(format("there is no frame to start with".into())),
        }
    }
}

fn clip(kind: MediaKind) -> &'static [u8] {
    match kind {
        MediaKind::Audio => include_bytes!("../media/clip.ogg"),
        MediaKind::Video => include_bytes!("../media/clip.ivf"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_clip_plays_four_seconds_of_each() {
        for (kind, count) in [(MediaKind::Audio, 200), (MediaKind::Video, 60)] {
            let frames = Source::Clip.load(kind).unwrap();
            let length: Duration = frames.iter().map(|frame| frame.duration).sum();
            assert!(frames.len().abs_diff(count) <= 1, "{kind:?}: {} frames", frames.len());
            assert!(
                length.abs_diff(Duration::from_secs(4)) < Duration::from_millis(50),
                "{kind:?}: {length:?}"
            );
            assert!(frames[0].is_key);
        }
    }

    #[test]
    fn the_clip_has_a_keyframe_every_second() {
        let frames = Source::Clip.load(MediaKind::Video).unwrap();
        assert_eq!(frames.iter().filter(|frame| frame.is_key).count(), 4);
    }

    #[test]
    fn a_file_that_cannot_be_played_is_told_with_its_name() {
        let missing = Source::File("no/such/file.ivf".into()).load(MediaKind::Video).unwrap_err();
        assert!(missing.to_string().starts_with("cannot read no/such/file.ivf: "), "{missing}");
        let wrong = Source::File("Cargo.toml".into());
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let error = wrong.load(kind).unwrap_err().to_string();
            assert!(error.starts_with("cannot play Cargo.toml: "), "{error}");
        }
    }
}
