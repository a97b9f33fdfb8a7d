//! Where a participant's audio or video comes from.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::recording::Recording;
use super::{Codec, MediaKind, annex_b, ivf, ogg};
use crate::error::MediaError;
use crate::track_source::TrackSource;

/// One encoded picture or packet of sound, cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// What the encoder made; see [`Codec`] for its form.
    pub data: Bytes,
    /// The time to the next frame.
    pub duration: Duration,
    /// Whether a decoder can start here; true for all audio.
    pub is_key: bool,
}

/// Something that makes frames: a file, an encoder, a device. It is read once, for all connections.
///
/// ```
/// use client_sdk::{Codec, Frame, MediaError, MediaSource, async_trait};
///
/// /// Sends the same picture over and over.
/// struct Still(Frame);
///
/// #[async_trait]
/// impl MediaSource for Still {
///     fn codec(&self) -> Codec {
///         Codec::Vp8
///     }
///
///     async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
///         Ok(Some(self.0.clone()))
///     }
/// }
/// ```
#[async_trait]
pub trait MediaSource: Send + 'static {
    /// What its frames are encoded with; it never changes.
    fn codec(&self) -> Codec;

    /// The next frame; `None` when there will be no more.
    ///
    /// It has to be safe to cancel: it is dropped and called again whenever a keyframe is asked for.
    ///
    /// # Errors
    ///
    /// The source has failed and is not asked again.
    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError>;

    /// Asks that a keyframe come soon, since somebody cannot decode what it gets. At most about three times a second.
    ///
    /// By default nothing is done, and whoever asked waits for the next keyframe.
    fn request_keyframe(&mut self) {}

    /// Whether frames come when they are made and are sent at once. By default not: they can be had at any time, and
    /// each is sent when the one before it has lasted its duration.
    fn is_live(&self) -> bool {
        false
    }
}

/// Where a participant's audio or video comes from; cheap to clone.
#[derive(Clone)]
#[non_exhaustive]
pub enum Source {
    /// H.264 in Annex-B format (ITU-T H.264 annex B), which does not tell its speed. It plays in a loop and is held in
    /// memory.
    AnnexB {
        /// The file.
        path: PathBuf,
        /// Pictures a second, above 0 and up to 240.
        frame_rate: f64,
    },
    /// The clip that comes with this crate: a test picture in VP8 or a 440 Hz tone.
    Clip,
    /// A source of the application's own: see [`Source::custom`].
    Custom(CustomSource),
    /// A file that is known by its first bytes: Opus in Ogg, or VP8, VP9 or AV1 in IVF. It plays in a loop and is held
    /// in memory.
    File(PathBuf),
}

/// A source of the application's own, which one participant can take.
#[derive(Clone)]
pub struct CustomSource(Arc<Mutex<Option<Box<dyn MediaSource>>>>);

impl Source {
    /// A source of the application's own. It can be sent by one participant, once, however often this is cloned.
    pub fn custom(source: impl MediaSource) -> Self {
        Self::Custom(CustomSource(Arc::new(Mutex::new(Some(Box::new(source))))))
    }

    /// Opens what is to be sent as `kind`.
    pub(crate) fn open(&self, kind: MediaKind) -> Result<Box<dyn MediaSource>, MediaError> {
        let source: Box<dyn MediaSource> = match self {
            Self::AnnexB { path, frame_rate } => {
                Box::new(play(path, |file| annex_b::read(file, *frame_rate))?)
            }
            Self::Clip => Box::new(clip(kind)),
            Self::Custom(source) => source
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
                .ok_or(MediaError::Taken)?,
            Self::File(path) => Box::new(play(path, recognize)?),
        };
        let codec = source.codec();
        if codec.kind() == kind { Ok(source) } else { Err(MediaError::Kind { codec, kind }) }
    }

    /// What the others are told that it is, sent as `kind`.
    pub(crate) fn label(&self, kind: MediaKind) -> TrackSource {
        match (self, kind) {
            (Self::AnnexB { .. } | Self::Clip | Self::File(_), _) => TrackSource::File,
            (Self::Custom(_), MediaKind::Audio) => TrackSource::Microphone,
            (Self::Custom(_), MediaKind::Video) => TrackSource::Camera,
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnnexB { path, frame_rate } => f
                .debug_struct("AnnexB")
                .field("path", path)
                .field("frame_rate", frame_rate)
                .finish(),
            Self::Clip => f.write_str("Clip"),
            Self::Custom(source) => source.fmt(f),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl fmt::Debug for CustomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomSource").finish_non_exhaustive()
    }
}

fn play(
    path: &Path,
    read: impl FnOnce(&Bytes) -> Result<Recording, String>,
) -> Result<Recording, MediaError> {
    let file = fs::read(path).map_err(|error| MediaError::File { path: path.to_owned(), error })?;
    read(&file.into()).map_err(|reason| MediaError::Format { path: path.to_owned(), reason })
}

fn recognize(file: &Bytes) -> Result<Recording, String> {
    if file.starts_with(ivf::MAGIC) {
        ivf::read(file)
    } else if file.starts_with(ogg::MAGIC) {
        ogg::read(file)
    } else {
        Err("expected Ogg or IVF, and it begins like neither".into())
    }
}

fn clip(kind: MediaKind) -> Recording {
    let clip = match kind {
        MediaKind::Audio => ogg::read(&Bytes::from_static(include_bytes!("../../media/clip.ogg"))),
        MediaKind::Video => ivf::read(&Bytes::from_static(include_bytes!("../../media/clip.ivf"))),
    };
    clip.expect("a test reads the clip that comes with the crate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_clip_plays_four_seconds_of_each() {
        for (kind, count) in [(MediaKind::Audio, 200), (MediaKind::Video, 60)] {
            let clip = clip(kind);
            let length: Duration = clip.frames().iter().map(|frame| frame.duration).sum();
            assert!(
                clip.frames().len().abs_diff(count) <= 1,
                "{kind}: {} frames",
                clip.frames().len()
            );
            assert!(
                length.abs_diff(Duration::from_secs(4)) < Duration::from_millis(50),
                "{kind}: {length:?}"
            );
            assert!(clip.frames()[0].is_key);
        }
    }

    #[test]
    fn the_clip_has_a_keyframe_every_second() {
        let clip = clip(MediaKind::Video);
        assert_eq!(clip.frames().iter().filter(|frame| frame.is_key).count(), 4);
    }

    #[test]
    fn a_file_that_cannot_be_played_is_told_with_its_name() {
        let error = |source: Source, kind| source.open(kind).map(drop).unwrap_err().to_string();
        let missing = error(Source::File("no/such/file.ivf".into()), MediaKind::Video);
        assert!(missing.starts_with("cannot read no/such/file.ivf: "), "{missing}");
        for kind in [MediaKind::Audio, MediaKind::Video] {
            for wrong in [
                Source::File("Cargo.toml".into()),
                Source::AnnexB { path: "Cargo.toml".into(), frame_rate: 25.0 },
            ] {
                let error = error(wrong, kind);
                assert!(error.starts_with("cannot play Cargo.toml: "), "{error}");
            }
        }
    }

    #[test]
    fn a_picture_is_not_sent_as_sound() {
        let source = Source::File("media/clip.ivf".into());
        let error = source.open(MediaKind::Audio).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "VP8 cannot be sent as audio");
    }
}
