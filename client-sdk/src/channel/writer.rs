//! Sends over one data channel.

use std::sync::{Arc, Weak};

use bytes::{Bytes, BytesMut};
use rtc::shared::error::Error;
use webrtc::data_channel::DataChannel;

use crate::error::SendError;

/// Sends over a data channel for as long as its connection keeps the channel.
///
/// The reference is weak, so that a closed channel does not keep its connection alive.
#[derive(Clone, Debug)]
pub(crate) struct ChannelWriter(Weak<dyn DataChannel>);

impl ChannelWriter {
    /// The bytes that may wait to be sent over one channel.
    pub(crate) const MAX_UNSENT_BYTES: usize = 1024 * 1024;

    pub(crate) fn new(channel: &Arc<dyn DataChannel>) -> Self {
        Self(Arc::downgrade(channel))
    }

    pub(crate) async fn send(&self, data: Bytes) -> Result<(), SendError> {
        let channel = self.channel_with_room().await?;
        channel.send(BytesMut::from(data)).await.map_err(|error| refused(&error))
    }

    pub(crate) async fn send_text(&self, text: &str) -> Result<(), SendError> {
        let channel = self.channel_with_room().await?;
        channel.send_text(text).await.map_err(|error| refused(&error))
    }

    pub(crate) async fn writable(&self) -> Result<(), SendError> {
        self.channel()?.writable().await.map_err(|error| refused(&error))
    }

    pub(crate) async fn unsent_bytes(&self) -> usize {
        match self.channel() {
            Ok(channel) => channel.outstanding_bytes().await.unwrap_or(0),
            Err(_) => 0,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.strong_count() == 0
    }

    async fn channel_with_room(&self) -> Result<Arc<dyn DataChannel>, SendError> {
        let channel = self.channel()?;
        let unsent = channel.outstanding_bytes().await.map_err(|error| refused(&error))?;
        if unsent < Self::MAX_UNSENT_BYTES { Ok(channel) } else { Err(SendError::Busy) }
    }

    fn channel(&self) -> Result<Arc<dyn DataChannel>, SendError> {
        self.0.upgrade().ok_or(SendError::NoChannel)
    }
}

fn refused(error: &Error) -> SendError {
    match error {
        Error::ErrOutboundPacketTooLarge => SendError::TooLarge,
        Error::ErrSendBufferFull => SendError::Busy,
        _ => SendError::NoChannel,
    }
}
