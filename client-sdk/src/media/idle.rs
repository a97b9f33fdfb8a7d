//! A source without frames.

use async_trait::async_trait;

use super::{Codec, Frame, MediaError, MediaSource};

/// Sends nothing.
pub(super) struct Idle(pub(super) Codec);

#[async_trait]
impl MediaSource for Idle {
    fn codec(&self) -> Codec {
        self.0
    }

    async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
        std::future::pending().await
    }
}
