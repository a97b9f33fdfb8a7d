//! Data over the channels of one connection, and the channel for what names none.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::{Bytes, BytesMut};
use rtc::shared::error::Error;
use webrtc::data_channel::{DataChannel as Channel, DataChannelEvent};

use super::{Out, Told};
use crate::error::SendError;

/// The name of the channel that whoever offers creates.
pub(super) const LABEL: &str = "data";
/// Bytes that may wait to be sent over one channel.
pub(super) const MOST_UNSENT: usize = 1024 * 1024;

/// The way out over a channel, for as long as that stands.
#[derive(Clone)]
pub(crate) struct Outlet(Weak<dyn Channel>);

impl Outlet {
    pub(super) fn of(channel: &Arc<dyn Channel>) -> Self {
        Self(Arc::downgrade(channel))
    }

    pub(crate) async fn send(&self, data: Bytes) -> Result<(), SendError> {
        let channel = self.with_room().await?;
        channel.send(BytesMut::from(data)).await.map_err(|error| refused(&error))
    }

    pub(crate) async fn send_text(&self, text: &str) -> Result<(), SendError> {
        let channel = self.with_room().await?;
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

    async fn with_room(&self) -> Result<Arc<dyn Channel>, SendError> {
        let channel = self.channel()?;
        let unsent = channel.outstanding_bytes().await.map_err(|error| refused(&error))?;
        if unsent < MOST_UNSENT { Ok(channel) } else { Err(SendError::Busy) }
    }

    fn channel(&self) -> Result<Arc<dyn Channel>, SendError> {
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

/// The channel that data goes out over unless another one is named: the first that opened of those that may be it.
#[derive(Clone, Default)]
pub(super) struct DefaultChannel(Arc<Mutex<Option<Outlet>>>);

impl DefaultChannel {
    pub(super) fn outlet(&self) -> Option<Outlet> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the channel has become the default one.
    fn opened(&self, channel: &Arc<dyn Channel>) -> bool {
        let mut outlet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if outlet.as_ref().is_some_and(|outlet| outlet.channel().is_ok()) {
            return false;
        }
        *outlet = Some(Outlet::of(channel));
        true
    }
}

/// Whether a channel of the other side is for data that names no channel: the one of that name, or the first of a page,
/// which may call it what it likes. There are `known` already. Channels that this crate opens by name say so.
pub(super) async fn is_default(channel: &dyn Channel, known: u8) -> Result<bool, Error> {
    let is_named = channel.protocol().await? == NAMED;
    Ok(!is_named && (known == 0 || (known < MOST_DEFAULT && channel.label().await? == LABEL)))
}

/// Carries data that names no channel until the channel closes.
///
/// Two stand where both sides offered at once; data goes out over the first and comes in over either.
pub(super) async fn carry(channel: Arc<dyn Channel>, default: DefaultChannel, out: Out) {
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen if default.opened(&channel) => {
                out.tell(Told::DataChannelOpen).await
            }
            DataChannelEvent::OnMessage(message) => {
                out.tell(Told::Data(message.data.freeze())).await
            }
            DataChannelEvent::OnClose => return,
            _ => {}
        }
    }
}

/// One that each side has opened. Further ones count as named, of which only so many may be open.
const MOST_DEFAULT: u8 = 2;
/// The subprotocol (RFC 8832 section 5.1) of channels that were opened by name.
pub(super) const NAMED: &str = "named";
