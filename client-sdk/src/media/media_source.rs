//! What can be sent: anything that makes frames.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Codec, MediaError};

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

impl Frame {
    /// The longest that a frame plays: what a damaged file says beyond it is not believed.
    pub(super) const MAX_DURATION: Duration = Duration::from_secs(10);
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
