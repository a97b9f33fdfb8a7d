//! The interface of sources: anything that produces encoded frames.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{AudioLevel, Codec, MediaError};

/// An encoded picture or a packet of sound; cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// The encoded data; [`Codec`] describes its form.
    pub data: Bytes,
    /// The time until the next frame.
    pub duration: Duration,
    /// Whether a decoder can start here; true for all audio.
    pub is_key: bool,
    /// How loud it is, which the others are told; `None` for video, and for sound of which that is
    /// not known without decoding it.
    pub level: Option<AudioLevel>,
}

impl Frame {
    /// The longest that a frame plays, whatever a damaged file says.
    pub(super) const MAX_DURATION: Duration = Duration::from_secs(10);
    pub(super) const MIN_DURATION: Duration = Duration::from_millis(1);

    /// Damaged durations must not stop a player, or make it spin.
    pub(super) fn limit_duration(&mut self) {
        self.duration = self.duration.clamp(Self::MIN_DURATION, Self::MAX_DURATION);
    }
}

/// A source of encoded frames: a file, an encoder, a device. It is read once for all connections.
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
    /// The codec of its frames, which never changes.
    fn codec(&self) -> Codec;

    /// The next frame; `None` at the end of the source.
    ///
    /// It has to be safe to cancel: it is dropped and called again whenever a keyframe is
    /// requested.
    ///
    /// # Errors
    ///
    /// The source has failed. It is not asked again.
    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError>;

    /// Requests a keyframe soon, for somebody who cannot decode what arrives; at most about three
    /// times a second.
    ///
    /// The default does nothing, and the next keyframe has to be waited for.
    fn request_keyframe(&mut self) {}

    /// Whether frames are sent as soon as they come. The default is `false`: frames are available
    /// at any time, and each is sent when the one before it has played.
    fn is_live(&self) -> bool {
        false
    }
}
