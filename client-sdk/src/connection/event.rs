//! The events of a connection's task, for the participant's task.

use bytes::Bytes;
use signal_core::ParticipantId;
use tokio::sync::{mpsc, watch};

use crate::channel::{ByteBudget, ByteShare, ChannelWriter, DataChannel};
use crate::session::Report;
use crate::track::RemoteTrack;
use crate::wanted::{Taken, Wanted};

/// Something that happened on a connection.
#[derive(Debug)]
pub(crate) enum ConnectionEvent {
    /// Data arrived over a default channel.
    Data {
        data: Bytes,
        /// Held while the data waits for the application.
        share: ByteShare,
    },
    /// The other side opened a named channel.
    DataChannel(DataChannel),
    /// A default channel is open.
    DefaultChannelOpen(ChannelWriter),
    /// Something for the session to decide about.
    Report(Report),
    /// A track began to arrive.
    Track(RemoteTrack),
}

/// An event and the connection that it comes from.
#[derive(Debug)]
pub(crate) struct ConnectionMessage {
    pub(crate) peer: ParticipantId,
    /// Distinguishes the connection from earlier ones to the same participant.
    pub(crate) connection: u32,
    pub(crate) event: ConnectionEvent,
}

/// Sends the events of one connection.
#[derive(Clone, Debug)]
pub(super) struct EventSender {
    pub(super) peer: ParticipantId,
    pub(super) connection: u32,
    pub(super) messages: mpsc::Sender<ConnectionMessage>,
    /// The budget for data of this participant, over all its connections.
    pub(super) data_budget: ByteBudget,
    /// What is taken from this participant.
    pub(super) takes: watch::Receiver<Taken>,
}

impl EventSender {
    pub(super) async fn send(&self, event: ConnectionEvent) {
        let Self { peer, connection, ref messages, .. } = *self;
        // If the receiver is gone, the room is over, and this connection is about to be closed.
        let _ = messages.send(ConnectionMessage { peer, connection, event }).await;
    }

    /// The media to receive from the next negotiation on.
    pub(super) fn wanted(&self) -> Wanted {
        self.takes.borrow().media
    }

    /// Whether data of the other side is delivered. If the other side may not publish, it is
    /// dropped.
    pub(super) fn takes_data(&self) -> bool {
        self.takes.borrow().data
    }

    pub(super) async fn report(&self, report: Report) {
        self.send(ConnectionEvent::Report(report)).await;
    }
}
