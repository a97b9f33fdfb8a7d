//! The participant's task: carries out what the session decides, between the server, the
//! connections and the application.

mod command;
mod goodbye;
mod replies;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use signal_core::ParticipantId;
use signal_core::ice::IceServers;
use signal_core::message::{ClientMessage, Request, RequestId};
use signal_core::wire::{Problem, decode_server, encode_client};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep_until;

pub(crate) use self::command::Command;
use self::replies::Replies;
pub(crate) use self::replies::Reply;
use crate::channel::DefaultChannels;
use crate::connection::{
    AddressChange, AddressWatch, Connection, ConnectionEvent, ConnectionMessage, Setup,
};
use crate::connector::{Connected, SignalingConnector};
use crate::event::{Event, EventQueue};
use crate::ice::ice_servers;
use crate::media::MediaError;
use crate::outgoing::Outgoing;
use crate::roster::Roster;
use crate::session::{
    Action, CloseReason, ConnectionFailure, Report, Session, SessionEvent, SignalingLoss,
};
use crate::signaling::{Ended, Signaling};
use crate::slot::Slot;
use crate::speakers::Speakers;
use crate::wanted::Wants;

pub(crate) struct Driver {
    session: Session,
    /// `None` while it is being opened again.
    signaling: Option<Signaling>,
    connector: SignalingConnector,
    /// The attempt to open the signaling connection again; at most one.
    reconnecting: JoinSet<Result<Connected, SignalingLoss>>,
    /// Ends the pause before that attempt.
    hurry: Arc<Notify>,
    setup: Arc<Setup>,
    outgoing: Outgoing,
    speakers: Speakers,
    wants: Wants,
    connections: HashMap<ParticipantId, Connection>,
    default_channels: DefaultChannels,
    /// The tasks of the connections, including those that are closing.
    tasks: JoinSet<()>,
    messages: mpsc::Receiver<ConnectionMessage>,
    /// Cloned for each connection.
    message_sender: mpsc::Sender<ConnectionMessage>,
    events: EventQueue,
    replies: Replies,
    roster: Roster,
    id: watch::Sender<ParticipantId>,
    /// Whether the room is over.
    is_closed: bool,
}

impl Driver {
    pub(crate) fn new(
        session: Session,
        signaling: Signaling,
        connector: SignalingConnector,
        setup: Arc<Setup>,
        outgoing: Outgoing,
        events: EventQueue,
        id: watch::Sender<ParticipantId>,
    ) -> Self {
        signaling.keep_seat();
        let (speakers, wants) = (setup.speakers(), Wants::new(setup.wanted));
        let roster = Roster::new(session.room().cloned(), session.permissions());
        let (message_sender, messages) = mpsc::channel(MAX_MESSAGES);
        Self {
            session,
            signaling: Some(signaling),
            connector,
            reconnecting: JoinSet::new(),
            hurry: Arc::default(),
            setup,
            outgoing,
            speakers,
            wants,
            connections: HashMap::new(),
            default_channels: DefaultChannels::default(),
            tasks: JoinSet::new(),
            messages,
            message_sender,
            events,
            replies: Replies::default(),
            roster,
            id,
            is_closed: false,
        }
    }

    /// Runs until the room is over, then waits until the server knows, if it can be reached, and
    /// every connection is closed.
    pub(crate) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut addresses: AddressWatch,
    ) {
        while !self.is_closed {
            tokio::select! {
                frame = next_frame(&mut self.signaling) => match frame {
                    Ok(frame) => self.handle_frame(&frame),
                    Err(Ended { code, reason }) => {
                        self.handle_loss(SignalingLoss::Lost { code, reason });
                    }
                },
                Some(attempt) = self.reconnecting.join_next() => self.handle_attempt(attempt),
                Some(message) = self.messages.recv() => self.handle_message(message),
                command = commands.recv() => match command {
                    Some(command) => self.execute(command),
                    // The handle was dropped. A `leave` of the creator would close the room; the
                    // close frame does not.
                    None => self.session.end(CloseReason::Left),
                },
                event = self.outgoing.ended() => self.events.push(event),
                participant = self.speakers.changed() => {
                    self.events.push(Event::ActiveSpeaker { participant });
                }
                Some(_) = self.tasks.join_next() => {}
                change = addresses.changed() => self.handle_addresses(&change),
                () = until(self.session.poll_timeout()) => {
                    self.session.handle_timeout(Instant::now());
                }
            }
            self.act();
        }
        self.connections.clear();
        self.messages.close();
        self.say_goodbye().await;
        while self.tasks.join_next().await.is_some() {}
    }

    /// Tells the application that a source is not sent.
    pub(crate) fn degraded(&mut self, slot: Slot, reason: MediaError) {
        self.events.push(Event::Degraded { slot, reason });
    }

    /// The room and who is in it, kept up to date while the task runs.
    pub(crate) fn roster(&self) -> Roster {
        self.roster.clone()
    }

    /// The default data channels, kept up to date while the task runs.
    pub(crate) fn default_channels(&self) -> DefaultChannels {
        self.default_channels.clone()
    }

    fn handle_frame(&mut self, frame: &Bytes) {
        match decode_server(frame) {
            Ok(message) => self.session.handle_message(message, Instant::now()),
            Err(error) => {
                match error.problem {
                    Problem::UnknownType | Problem::UnknownErrorCode(_) => {
                        tracing::debug!(%error, "a message of a newer server is ignored");
                    }
                    _ => {
                        let url = self.signaling.as_ref().map(Signaling::url);
                        tracing::warn!(url, %error, "cannot decode a message of the server");
                    }
                }
                self.session.handle_unknown(&error);
            }
        }
    }

    fn handle_attempt(&mut self, attempt: Result<Result<Connected, SignalingLoss>, JoinError>) {
        match attempt {
            Ok(Ok(Connected { signaling, first, token })) => {
                self.signaling = Some(signaling);
                self.connector.token = token;
                self.session.handle_message(first, Instant::now());
                if let Some(id) = self.session.id() {
                    self.id.send_replace(id);
                }
            }
            Ok(Err(loss)) => self.handle_loss(loss),
            Err(error) => {
                self.handle_loss(SignalingLoss::Unreachable { reason: error.to_string() });
            }
        }
    }

    fn handle_loss(&mut self, loss: SignalingLoss) {
        self.signaling = None;
        self.session.handle_signaling_loss(loss, rand::random(), Instant::now());
    }

    /// Handles changed addresses. Connections handle the loss of their own addresses themselves.
    fn handle_addresses(&mut self, change: &AddressChange) {
        let AddressChange { now, has_new } = change;
        let local = self.signaling.as_ref().and_then(Signaling::local_address);
        if local.is_some_and(|local| !now.contains(local)) {
            let reason = "the address that the server was reached from is gone".into();
            self.handle_loss(SignalingLoss::Lost { code: None, reason });
        }
        if *has_new {
            self.session.handle_new_address(Instant::now());
        }
    }

    fn handle_message(&mut self, message: ConnectionMessage) {
        let ConnectionMessage { peer, connection, event } = message;
        let current = self.connections.get(&peer).map(Connection::number);
        if current != Some(connection) {
            // The connection is being closed.
            return;
        }
        match event {
            ConnectionEvent::Data { data, share } => self.events.push_data(peer, data, share),
            ConnectionEvent::DataChannel(channel) => self.events.push(Event::DataChannel(channel)),
            ConnectionEvent::DefaultChannelOpen(channel) => {
                if self.default_channels.opened(peer, channel) {
                    self.events.push(Event::DataChannelOpen { participant: peer });
                }
            }
            ConnectionEvent::Report(report) => {
                self.session.handle_report(peer, connection, report, Instant::now());
            }
            ConnectionEvent::Track(track) => self.events.push(Event::Track(track)),
        }
    }

    /// Carries out everything that the session decides.
    pub(crate) fn act(&mut self) {
        loop {
            // The connections see the new media before they are commanded to offer it.
            if self.outgoing.take_needs_negotiation() {
                self.session.handle_media_changed();
            }
            while let Some(action) = self.session.poll_action() {
                self.carry_out(action);
            }
            // Video that is given up for the budget has to be negotiated in turn.
            let events = self.outgoing.weigh(self.connections.len());
            if events.is_empty() {
                break;
            }
            events.into_iter().for_each(|event| self.events.push(event));
        }
        while let Some((number, outcome)) = self.session.poll_outcome() {
            self.replies.settle(number, outcome);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Close { peer } => {
                self.default_channels.closed(peer);
                self.connections.remove(&peer);
            }
            Action::CloseSignaling => {
                let reason = "the server does not respond".into();
                self.handle_loss(SignalingLoss::Lost { code: None, reason });
            }
            Action::Connection { peer, command } => {
                let Some(connection) = self.connections.get(&peer) else { return };
                if !connection.command(command) {
                    tracing::warn!(%peer, "a connection does not keep up and is given up");
                    let number = connection.number();
                    let report = Report::Broken(ConnectionFailure::Broken);
                    self.session.handle_report(peer, number, report, Instant::now());
                }
            }
            Action::Event(event) => {
                match &event {
                    SessionEvent::Closed(_) => self.is_closed = true,
                    // Its connection is opened with what is taken from it.
                    SessionEvent::ParticipantJoined(other) => {
                        self.wants.permit(other.id, other.publish);
                    }
                    SessionEvent::ParticipantLeft(id) => self.wants.forget(*id),
                    SessionEvent::ParticipantUpdated {
                        participant,
                        publish: Some(publish),
                        ..
                    } => self.permit(*participant, *publish),
                    _ => {}
                }
                self.roster.learn(&event);
                self.events.push(event.into());
            }
            Action::Open { peer, connection, offers } => {
                let opened = Connection::open(
                    Arc::clone(&self.setup),
                    peer,
                    connection,
                    offers,
                    self.message_sender.clone(),
                    self.events.data_budget(peer),
                    &mut self.tasks,
                );
                opened.take(self.wants.of(peer));
                self.connections.insert(peer, opened);
            }
            Action::Reconnect { how, after } => {
                let (connector, hurry) = (self.connector.clone(), Arc::clone(&self.hurry));
                self.reconnecting.spawn(connector.reconnect(how, after, hurry));
            }
            Action::Request(Request { message, req }) => self.send(&message, req.as_ref()),
            Action::Send(message) => self.send(&message, None),
            Action::UseIceServers(ice) => self.use_ice_servers(&ice),
        }
    }

    /// Takes nothing from a participant that may not publish.
    fn permit(&mut self, participant: ParticipantId, publish: bool) {
        if self.wants.permit(participant, publish) {
            self.take_wanted(participant);
        }
    }

    /// Takes from a participant what is wanted now.
    fn take_wanted(&mut self, participant: ParticipantId) {
        if let Some(connection) = self.connections.get(&participant) {
            connection.take(self.wants.of(participant));
        }
        self.session.handle_wanted_changed(participant);
    }

    fn use_ice_servers(&mut self, ice: &IceServers) {
        let Some(servers) = ice_servers(ice) else { return };
        self.setup = Arc::new(self.setup.with_ice_servers(&servers));
        for connection in self.connections.values() {
            connection.set_up(Arc::clone(&self.setup));
        }
        self.events.push(Event::IceServers(servers));
    }

    fn send(&mut self, message: &ClientMessage, req: Option<&RequestId>) {
        let Some(signaling) = &self.signaling else { return };
        if !signaling.send(encode_client(message, req)) && !self.is_closed {
            let reason = "the server does not accept messages".into();
            self.handle_loss(SignalingLoss::Lost { code: None, reason });
        }
    }
}

async fn next_frame(signaling: &mut Option<Signaling>) -> Result<Bytes, Ended> {
    match signaling {
        Some(signaling) => signaling.next().await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

const MAX_MESSAGES: usize = 1024;
