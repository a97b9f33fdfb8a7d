//! The trait for sources of encoded frames.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{AudioLevel, Codec, MediaError};

/// An encoded video frame or audio packet; cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// The encoded data; [`Codec`] describes its form.
    pub data: Bytes,
    /// The time until the next frame.
    pub duration: Duration,
    /// Whether a decoder can start here; true for all audio.
    pub is_key: bool,
    /// The audio level, which is sent to the others; `None` for video, and for sound whose level is
    /// unknown.
    pub level: Option<AudioLevel>,
}

impl Frame {
    /// The longest duration of a frame, even in a damaged file.
    pub(super) const MAX_DURATION: Duration = Duration::from_secs(10);
    pub(super) const MIN_DURATION: Duration = Duration::from_millis(1);

    /// Limits a damaged duration, so that it neither stops a player nor makes it spin.
    pub(super) fn limit_duration(&mut self) {
        self.duration = self.duration.clamp(Self::MIN_DURATION, Self::MAX_DURATION);
    }
}

/// A source of encoded frames, such as an encoder or a device. It is read once for all connections.
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

    /// Waits for the next frame; `None` at the end of the source.
    ///
    /// The future has to be safe to cancel: it is dropped and created again whenever a keyframe is
    /// requested.
    ///
    /// # Errors
    ///
    /// The source has failed. This is not called again.
    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError>;

    /// Requests a keyframe for a viewer that cannot decode the current frames. Called at most about
    /// three times a second.
    ///
    /// The default does nothing; viewers then wait for the next keyframe.
    fn request_keyframe(&mut self) {}

    /// Whether frames are sent as soon as they arrive. The default is `false`: frames are available
    /// at any time, and each is sent when the previous one has played.
    fn is_live(&self) -> bool {
        false
    }
}
