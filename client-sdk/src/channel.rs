//! Named data channels.

mod mailbox;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use signal_core::ParticipantId;

pub(crate) use self::mailbox::Inlet;
use self::mailbox::Mailbox;
use crate::connection::Outlet;
use crate::error::SendError;

/// How a data channel carries messages (RFC 8831 section 6.1); by default in order and reliably.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// Whether messages arrive in the order in which they were sent. A message that is late holds up those behind it.
    pub ordered: bool,
    /// How hard a message is tried.
    pub reliability: Reliability,
}

/// How hard a message is tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reliability {
    /// Until it has arrived.
    Reliable,
    /// It is sent again at most this often.
    Retransmits(u16),
    /// It is sent again for this long: whole milliseconds, and 65 535 of them for anything longer.
    Lifetime(Duration),
}

impl Delivery {
    /// Neither in order nor sent again: what is late is of no use.
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

/// A message that came over a named data channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DataMessage {
    /// What it says; for text its UTF-8.
    pub data: Bytes,
    /// Whether the other side sent it as text.
    pub is_text: bool,
}

/// A named data channel to another participant, opened by either side; it is there beside the one that
/// [`send_data`](crate::Participant::send_data) uses.
///
/// It ends with the connection: after one that failed was rebuilt, whoever opened it opens it again. Dropping it closes it,
/// and what still waits to be sent may be lost.
///
/// Messages that wait for [`recv`](Self::recv) may have 1 MiB in all. Beyond that the other side is held up, and with it
/// everything it sends over data channels to this participant: read every channel, or drop it.
pub struct DataChannel {
    participant: ParticipantId,
    label: String,
    ordered: bool,
    outlet: Outlet,
    mailbox: Mailbox,
}

impl DataChannel {
    /// The channel, and the way of messages to it.
    pub(crate) fn new(
        participant: ParticipantId,
        label: String,
        ordered: bool,
        outlet: Outlet,
    ) -> (Self, Inlet) {
        let (inlet, mailbox) = mailbox::open();
        (Self { participant, label, ordered, outlet, mailbox }, inlet)
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// [`SendError::Busy`]: 1 MiB or more waits already; see [`writable`](Self::writable). [`SendError::TooLarge`]: the
    /// other side takes no message of that size. [`SendError::NoChannel`]: the channel is closed.
    pub async fn send(&self, data: impl Into<Bytes>) -> Result<(), SendError> {
        self.outlet.send(data.into()).await
    }

    /// Sends text, which a page receives as a string.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.outlet.send_text(text).await
    }

    /// Waits until there is room for a message. Safe to cancel.
    ///
    /// # Errors
    ///
    /// [`SendError::NoChannel`]: the channel is closed.
    pub async fn writable(&self) -> Result<(), SendError> {
        self.outlet.writable().await
    }

    /// How many bytes were sent and have not arrived yet, or been given up; 0 once the channel is closed.
    pub async fn unsent_bytes(&self) -> usize {
        self.outlet.unsent_bytes().await
    }

    /// Waits for the next message; `None` once the channel is closed. Safe to cancel.
    pub async fn recv(&mut self) -> Option<DataMessage> {
        self.mailbox.recv().await
    }

    /// To whom it is.
    pub fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// What it is called.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether messages arrive in the order in which they were sent, both ways. How hard they are tried is known to whoever
    /// opened the channel.
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
