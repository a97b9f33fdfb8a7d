//! Data channels to other participants.

mod byte_budget;
mod default_channels;
mod file;
mod mailbox;
mod rpc;
mod writer;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use signal_core::ParticipantId;

pub(crate) use self::byte_budget::{ByteBudget, ByteShare};
pub(crate) use self::default_channels::DefaultChannels;
pub use self::file::{FileError, FileOffer, FileProgress};
use self::mailbox::MailboxReceiver;
pub(crate) use self::mailbox::MailboxSender;
pub use self::rpc::{Rpc, RpcError, RpcRequest, RpcRequests};
pub(crate) use self::writer::ChannelWriter;
use crate::error::SendError;

/// How a data channel delivers messages (RFC 8831 section 6.1). The default is ordered and
/// reliable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// Whether messages arrive in the order in which they were sent. A late message then delays the
    /// following ones.
    pub ordered: bool,
    /// How often a lost message is sent again.
    pub reliability: Reliability,
}

/// How often a lost message is sent again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reliability {
    /// Until it arrives.
    Reliable,
    /// At most this many times.
    Retransmits(u16),
    /// For this long, in whole milliseconds up to 65 535.
    Lifetime(Duration),
}

impl Delivery {
    /// Neither ordered nor reliable, for data that is useless when it is late.
    #[must_use]
    pub fn unreliable() -> Self {
        Self { ordered: false, reliability: Reliability::Retransmits(0) }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self { ordered: true, reliability: Reliability::Reliable }
    }
}

/// A message that arrived over a named data channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DataMessage {
    /// The message; the UTF-8 bytes of text.
    pub data: Bytes,
    /// Whether the other side sent it as text.
    pub is_text: bool,
}

/// A named data channel to another participant, opened by either side, in addition to the default
/// channel of [`send_data`](crate::Participant::send_data).
///
/// It ends with the connection: after a connection was rebuilt, the side that opened the channel
/// has to open it again. Dropping it closes it, and data that waits to be sent may be lost.
///
/// Up to 1 MiB waits for [`recv`](Self::recv). Beyond that the other side cannot send anything more
/// to this participant over any data channel, so read every channel, or drop it.
pub struct DataChannel {
    participant: ParticipantId,
    label: String,
    ordered: bool,
    writer: ChannelWriter,
    mailbox: MailboxReceiver,
}

impl DataChannel {
    /// Creates a channel, and the sender for the messages that arrive.
    pub(crate) fn new(
        participant: ParticipantId,
        label: String,
        ordered: bool,
        writer: ChannelWriter,
    ) -> (Self, MailboxSender) {
        let (sender, mailbox) = mailbox::open();
        (Self { participant, label, ordered, writer, mailbox }, sender)
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// [`SendError::Busy`] if 1 MiB or more waits to be sent, see [`writable`](Self::writable);
    /// [`SendError::TooLarge`] if the other side accepts no message of that size;
    /// [`SendError::NoChannel`] if the channel is closed.
    pub async fn send(&self, data: impl Into<Bytes>) -> Result<(), SendError> {
        self.writer.send(data.into()).await
    }

    /// Sends text, which a page receives as a string.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub async fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.writer.send_text(text).await
    }

    /// Waits until there is room for another message. Safe to cancel.
    ///
    /// # Errors
    ///
    /// [`SendError::NoChannel`] if the channel is closed.
    pub async fn writable(&self) -> Result<(), SendError> {
        self.writer.writable().await
    }

    /// The bytes that are neither delivered nor given up; 0 once the channel is closed.
    pub async fn unsent_bytes(&self) -> usize {
        self.writer.unsent_bytes().await
    }

    /// Waits for the next message; `None` once the channel is closed. Safe to cancel.
    pub async fn recv(&mut self) -> Option<DataMessage> {
        self.mailbox.recv().await
    }

    /// The other participant.
    pub fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// The label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether messages arrive in the order in which they were sent, in both directions. Only the
    /// side that opened the channel knows its [`Reliability`].
    pub fn is_ordered(&self) -> bool {
        self.ordered
    }
}

impl fmt::Debug for DataChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataChannel")
            .field("participant", &self.participant)
            .field("label", &self.label)
            .field("ordered", &self.ordered)
            .finish_non_exhaustive()
    }
}
