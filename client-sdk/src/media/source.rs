//! The sources that a participant can send.

use std::fmt;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task;

use bytes::Bytes;

use super::error::FileProblem;
use super::media_source::MediaSource;
use super::muted::Muted;
use super::playback::Playback;
use super::recording::Recording;
#[cfg(feature = "opus")]
use super::wav;
use super::{Codec, MediaError, MediaKind, annex_b, conversion, ivf, matroska, ogg};
#[cfg(feature = "opus")]
use crate::opus::OpusOptions;
use crate::session::TrackSource;

/// A source of audio or video; cheap to clone.
#[derive(Clone)]
#[non_exhaustive]
pub enum Source {
    /// An H.264 file in Annex-B format (ITU-T H.264 annex B), which does not contain its frame
    /// rate. It plays in a loop or by a [`Playback`], and is held in memory.
    ///
    /// ```sh
    /// ffmpeg -i film.mp4 -an -c:v libx264 -profile:v baseline -bf 0 \
    ///     -force_key_frames "expr:gte(t,n_forced)" -pix_fmt yuv420p film.h264
    /// ```
    AnnexB {
        /// The path of the file.
        path: PathBuf,
        /// Frames a second, above 0 and up to 240.
        frame_rate: f64,
    },
    /// The clip that comes with this crate: a test picture in VP8, or a tone of 440 Hz in Opus.
    Clip,
    /// A custom source; see [`Source::custom`].
    Custom(CustomSource),
    /// A file recognized by its first bytes: WebM or Matroska, of which the first audio or video
    /// track is sent, Opus in Ogg, or VP8, VP9 or AV1 in IVF. Audio is Opus; video is VP8, VP9, AV1
    /// or H.264 without B-frames. It plays in a loop or by a [`Playback`], and is held in
    /// memory. What a [`Recorder`](crate::Recorder) has written can be played.
    ///
    /// ```sh
    /// ffmpeg -i film.mp4 -an -c:v libvpx -b:v 1M -auto-alt-ref 0 \
    ///     -force_key_frames "expr:gte(t,n_forced)" -pix_fmt yuv420p film.ivf
    /// ffmpeg -i film.mp4 -vn -c:a libopus -b:a 64k -frame_duration 20 film.ogg
    /// ```
    ///
    /// [The guide](crate::guide::files) explains the command. The error about a file of another
    /// format contains the command for that file.
    File(PathBuf),
    /// A source that has been read; see [`Source::load`].
    Loaded(LoadedSource),
    /// A source that plays by a clock; see [`Source::played_by`].
    Played(PlayedSource),
    /// A WAV file of up to five minutes: one or two channels of 16, 24 or 32 bits or of 32-bit
    /// floating-point numbers, at any of the usual rates. It is encoded when it is opened, which
    /// takes about a fiftieth of its length, and then plays like a [`File`](Self::File), which may
    /// be WAV as well.
    #[cfg(feature = "opus")]
    Wav {
        /// The path of the file.
        path: PathBuf,
        /// How it is encoded.
        options: OpusOptions,
    },
}

/// A custom source, which one participant can send.
#[derive(Clone)]
pub struct CustomSource(Arc<Mutex<Option<Box<dyn MediaSource>>>>);

/// A source that has been read.
#[derive(Clone)]
pub struct LoadedSource(Recording);

/// A source and the clock by which it plays.
#[derive(Clone, Debug)]
pub struct PlayedSource {
    source: Box<Source>,
    playback: Playback,
}

/// A source that is about to play.
pub(crate) enum OpenSource {
    Custom(Box<dyn MediaSource>),
    Recording(Recording, Playback),
}

impl OpenSource {
    /// The replacement for a muted source of that codec.
    pub(crate) fn muted(codec: Codec) -> Self {
        Self::Custom(Box::new(Muted::new(codec)))
    }

    pub(crate) fn codec(&self) -> Codec {
        match self {
            Self::Custom(source) => source.codec(),
            Self::Recording(recording, _) => recording.codec(),
        }
    }
}

impl Source {
    /// Creates a source that the application implements. One participant can send it, once, even if
    /// this value is cloned.
    pub fn custom(source: impl MediaSource) -> Self {
        Self::Custom(CustomSource(Arc::new(Mutex::new(Some(Box::new(source))))))
    }

    /// Plays the source by a clock that other sources can share, and that pauses, seeks and ends.
    /// Without one, a file plays in a loop.
    ///
    /// A custom source ignores the clock.
    #[must_use]
    pub fn played_by(self, playback: &Playback) -> Self {
        Self::Played(PlayedSource { source: Box::new(self), playback: playback.clone() })
    }

    /// Reads the source now, to be sent as `kind`, and encodes it if necessary. It can then be sent
    /// any number of times, by all participants of the process, and is held in memory once.
    ///
    /// A custom source is returned unchanged.
    ///
    /// # Errors
    ///
    /// The source cannot be opened.
    pub async fn load(self, kind: MediaKind) -> Result<Self, MediaError> {
        off_the_runtime(move || self.load_blocking(kind)).await
    }

    fn load_blocking(self, kind: MediaKind) -> Result<Self, MediaError> {
        if let Self::Played(PlayedSource { source, playback }) = self {
            return Ok(source.load_blocking(kind)?.played_by(&playback));
        }
        if let Self::Custom(_) = self {
            return Ok(self);
        }
        match self.open_blocking(kind)? {
            OpenSource::Custom(_) => Ok(self),
            OpenSource::Recording(recording, _) => Ok(Self::Loaded(LoadedSource(recording))),
        }
    }

    /// Opens the source, to be sent as `kind`. Files are read on a blocking thread.
    pub(crate) async fn open(&self, kind: MediaKind) -> Result<OpenSource, MediaError> {
        let source = self.clone();
        off_the_runtime(move || source.open_blocking(kind)).await
    }

    pub(crate) fn open_blocking(&self, kind: MediaKind) -> Result<OpenSource, MediaError> {
        let source = self.open_by(kind, &Playback::looped())?;
        let codec = source.codec();
        if codec.kind() == kind { Ok(source) } else { Err(MediaError::Kind { codec, kind }) }
    }

    fn open_by(&self, kind: MediaKind, playback: &Playback) -> Result<OpenSource, MediaError> {
        let recording = match self {
            Self::AnnexB { path, frame_rate } => {
                read(path, kind, |file| Ok(annex_b::read(file, *frame_rate)?))?
            }
            Self::Clip => clip(kind),
            Self::Custom(source) => return source.take().map(OpenSource::Custom),
            Self::File(path) => read(path, kind, |file| recognize(file, path, kind))?,
            Self::Loaded(LoadedSource(recording)) => recording.clone(),
            Self::Played(played) => return played.source.open_by(kind, &played.playback),
            #[cfg(feature = "opus")]
            Self::Wav { path, options } => read(path, kind, |file| wav::read(file, *options))?,
        };
        Ok(OpenSource::Recording(recording, playback.clone()))
    }

    /// The kind of source that is announced to the others, when it is sent as `kind`.
    pub(crate) fn label(&self, kind: MediaKind) -> TrackSource {
        match (self, kind) {
            (Self::AnnexB { .. } | Self::Clip | Self::File(_) | Self::Loaded(_), _) => {
                TrackSource::File
            }
            #[cfg(feature = "opus")]
            (Self::Wav { .. }, _) => TrackSource::File,
            (Self::Custom(_), MediaKind::Audio) => TrackSource::Microphone,
            (Self::Custom(_), MediaKind::Video) => TrackSource::Camera,
            (Self::Played(played), kind) => played.source.label(kind),
        }
    }
}

impl CustomSource {
    fn take(&self) -> Result<Box<dyn MediaSource>, MediaError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(MediaError::Taken)
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
            Self::Loaded(source) => source.fmt(f),
            Self::Played(played) => played.fmt(f),
            #[cfg(feature = "opus")]
            Self::Wav { path, options } => {
                f.debug_struct("Wav").field("path", path).field("options", options).finish()
            }
        }
    }
}

impl fmt::Debug for CustomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomSource").finish_non_exhaustive()
    }
}

impl fmt::Debug for LoadedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedSource").field("codec", &self.0.codec()).finish_non_exhaustive()
    }
}

/// Runs a long computation on a blocking thread.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MediaError> + Send + 'static,
) -> Result<T, MediaError> {
    match task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends.
            Err(_) => Err(MediaError::RoomClosed),
        },
    }
}

fn read(
    path: &Path,
    kind: MediaKind,
    read: impl FnOnce(&Bytes) -> Result<Recording, FileProblem>,
) -> Result<Recording, MediaError> {
    let file = fs::read(path).map_err(|error| MediaError::File { path: path.to_owned(), error })?;
    read(&file.into()).map_err(|refused| {
        let path = path.to_owned();
        match refused {
            FileProblem::Damaged(reason) => MediaError::Format { path, reason },
            FileProblem::Missing => MediaError::Missing { path, kind },
            FileProblem::Unsuitable(reason) => {
                let reason = format!("{reason}; {}", conversion::command(&path, kind));
                MediaError::Format { path, reason }
            }
        }
    })
}

fn recognize(file: &Bytes, path: &Path, kind: MediaKind) -> Result<Recording, FileProblem> {
    #[cfg(feature = "opus")]
    if wav::is_wav(file) {
        return match kind {
            MediaKind::Audio => wav::read(file, OpusOptions::default()),
            MediaKind::Video => Err(FileProblem::Missing),
        };
    }
    if file.starts_with(ivf::MAGIC) {
        Ok(ivf::read(file)?)
    } else if file.starts_with(ogg::MAGIC) {
        Ok(ogg::read(file)?)
    } else if file.starts_with(matroska::MAGIC) {
        matroska::read(file, kind)
    } else {
        Err(FileProblem::Damaged(conversion::advise(file, path, kind)))
    }
}

fn clip(kind: MediaKind) -> Recording {
    let clip = match kind {
        MediaKind::Audio => ogg::read(&Bytes::from_static(include_bytes!("../../media/clip.ogg"))),
        MediaKind::Video => ivf::read(&Bytes::from_static(include_bytes!("../../media/clip.ivf"))),
    };
    // Both halves are equally long, so that they stay together over all rounds.
    clip.expect("a test reads the clip that comes with the crate").cut(CLIP_LENGTH)
}

const CLIP_LENGTH: Duration = Duration::from_secs(4);

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
        let error =
            |source: Source, kind| source.open_blocking(kind).map(drop).unwrap_err().to_string();
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
        let error = source.open_blocking(MediaKind::Audio).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "VP8 cannot be sent as audio");
    }
}
