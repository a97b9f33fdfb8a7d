//! The connection to one other participant: the handle of the task that owns the peer connection.
//!
//! Only this module uses webrtc-rs, except `channel/writer.rs`, which sends over a data channel,
//! and `cli/doctor/stun.rs`, which uses its STUN messages.

mod addresses;
mod channels;
mod default_channel;
mod directions;
mod event;
mod formats;
mod handler;
mod inbound;
mod interceptors;
mod keyframe;
mod level_extension;
mod outlet;
mod packetizer;
mod receive_counters;
mod receiver;
mod receivers;
mod relays;
mod rtcp_reports;
mod rtp_clock;
mod runtime;
mod sctp_init;
mod section;
mod sender;
mod sender_reports;
mod senders;
mod setup;
mod socket;
mod sockets;
mod stats;
mod stream_ids;
mod streams;
mod tap;
mod task;
mod timer;

use std::sync::Arc;

use signal_core::ParticipantId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

pub(crate) use self::addresses::{AddressChange, AddressWatch};
pub(crate) use self::channels::NewChannel;
use self::event::EventSender;
pub(crate) use self::event::{ConnectionEvent, ConnectionMessage};
pub(crate) use self::setup::Setup;
use crate::channel::ByteBudget;
use crate::session::ConnectionCommand;
use crate::stats::PeerStats;
use crate::wanted::Taken;

/// A request of the application to a connection, without the session.
pub(crate) enum ConnectionRequest {
    OpenChannel(NewChannel),
    Stats { reply: oneshot::Sender<PeerStats> },
}

/// A connection's task, which closes the connection when this handle is dropped.
pub(crate) struct Connection {
    number: u32,
    commands: mpsc::Sender<ConnectionCommand>,
    requests: mpsc::Sender<ConnectionRequest>,
    setup: watch::Sender<Arc<Setup>>,
    taken: watch::Sender<Taken>,
}

impl Connection {
    /// Opens connection number `number` to `peer`, in a task that `tasks` waits for.
    pub(crate) fn open(
        setup: Arc<Setup>,
        peer: ParticipantId,
        number: u32,
        offers: bool,
        messages: mpsc::Sender<ConnectionMessage>,
        data_budget: ByteBudget,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (commands, commanded) = mpsc::channel(MAX_COMMANDS);
        let (requests, requested) = mpsc::channel(MAX_REQUESTS);
        let (setup, current) = watch::channel(setup);
        let (taken, takes) = watch::channel(Taken::EVERYTHING);
        let events = EventSender { peer, connection: number, messages, data_budget, takes };
        tasks.spawn(task::run(current, offers, commanded, requested, events));
        Self { number, commands, requests, setup, taken }
    }

    /// Queues a command; `false` if the connection has fallen so far behind that it has to be given
    /// up.
    #[must_use]
    pub(crate) fn command(&self, command: ConnectionCommand) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// Uses other ICE servers from the next ICE restart on.
    pub(crate) fn set_up(&self, setup: Arc<Setup>) {
        self.setup.send_replace(setup);
    }

    /// Takes only this: media from the next negotiation on, data from now on. At first everything
    /// is taken.
    pub(crate) fn take(&self, taken: Taken) {
        self.taken.send_replace(taken);
    }

    /// Queues a request. Its reply is dropped if the connection ends first, or if too many wait.
    pub(crate) fn request(&self, request: ConnectionRequest) {
        let _ = self.requests.try_send(request);
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }
}

/// More commands than a machine with many interfaces has candidates.
const MAX_COMMANDS: usize = 256;
const MAX_REQUESTS: usize = 64;

#[cfg(test)]
mod tests;
