//! Carries out what the session decides: between the signaling connection, the connections and the application.

mod replies;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use signal_core::wire::{Problem, decode_server, encode_client};
use signal_core::{ClientMessage, ParticipantId, Request, RequestId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep_until;

use self::replies::Replies;
pub(crate) use self::replies::Reply;
use crate::connection::{Connection, Errand, Message, Outlet, Setup, Told};
use crate::door::{Door, Entered};
use crate::error::{MediaError, RATE_LIMITED, SendError};
use crate::event::Event;
use crate::ice::IceServer;
use crate::media::{MediaKind, MediaSource, Outgoing, SharePlace};
use crate::session::{Action, Report, Session, Setback};
use crate::signaling::{Ended, Signaling};
use crate::track_source::TrackSource;

/// Something that the application wants.
pub(crate) enum Wish {
    /// The reply comes once the server has taken it or refused.
    Command {
        message: ClientMessage,
        reply: Reply,
    },
    Leave,
    DefaultChannel {
        to: ParticipantId,
        reply: oneshot::Sender<Result<Outlet, SendError>>,
    },
    Publish {
        kind: MediaKind,
        source: Box<dyn MediaSource>,
        label: TrackSource,
    },
    /// Of the connection to that participant; without one, the reply is dropped.
    Errand {
        of: ParticipantId,
        errand: Errand,
    },
    RestartIce {
        with: ParticipantId,
    },
    Share {
        source: Box<dyn MediaSource>,
        place: SharePlace,
    },
    StopSharing,
    Unpublish {
        kind: MediaKind,
    },
}

/// A participant's task.
pub(crate) struct Driver {
    session: Session,
    /// `None` while it is being opened again.
    signaling: Option<Signaling>,
    door: Door,
    /// At most one attempt to open it again.
    entering: JoinSet<Result<Entered, Setback>>,
    setup: Arc<Setup>,
    outgoing: Outgoing,
    connections: HashMap<ParticipantId, Connection>,
    /// The tasks of the connections, also of those that are still closing.
    tasks: JoinSet<()>,
    messages: mpsc::Receiver<Message>,
    /// Cloned for each connection.
    messages_in: mpsc::Sender<Message>,
    events: Events,
    replies: Replies,
    id: watch::Sender<ParticipantId>,
    /// Whether the room is over.
    ended: bool,
}

impl Driver {
    pub(crate) fn new(
        session: Session,
        signaling: Signaling,
        door: Door,
        setup: Arc<Setup>,
        outgoing: Outgoing,
        events: mpsc::Sender<Event>,
        id: watch::Sender<ParticipantId>,
    ) -> Self {
        signaling.keep_seat();
        let (messages_in, messages) = mpsc::channel(QUEUE_MESSAGES);
        Self {
            session,
            signaling: Some(signaling),
            door,
            entering: JoinSet::new(),
            setup,
            outgoing,
            connections: HashMap::new(),
            tasks: JoinSet::new(),
            messages,
            messages_in,
            events: Events::new(events),
            replies: Replies::default(),
            id,
            ended: false,
        }
    }

    /// Takes part until the room is over, then waits until the server has been told and every connection is closed.
    pub(crate) async fn run(mut self, mut wishes: mpsc::Receiver<Wish>) {
        self.act();
        while !self.ended {
            tokio::select! {
                frame = next_frame(&mut self.signaling) => match frame {
                    Ok(frame) => self.frame(&frame),
                    Err(Ended { code, reason }) => self.set_back(Setback::Lost { code, reason }),
                },
                Some(entered) = self.entering.join_next() => self.entered(entered),
                Some(message) = self.messages.recv() => self.message(message),
                // A handle that was dropped wants what one that leaves wants.
                wish = wishes.recv() => self.wish(wish.unwrap_or(Wish::Leave)),
                ended = self.outgoing.ended() => self.events.emit(ended),
                Some(_) = self.tasks.join_next() => {}
                () = until(self.session.poll_timeout()) => self.session.handle_timeout(Instant::now()),
            }
            self.act();
        }
        let Self { signaling, entering, connections, messages, mut tasks, .. } = self;
        drop((entering, connections, messages));
        if let Some(signaling) = signaling {
            signaling.close().await;
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Something is not sent any more, for a reason of its own.
    pub(crate) fn degraded(&mut self, kind: MediaKind, reason: MediaError) {
        self.events.emit(Event::Degraded { kind, reason });
    }

    fn frame(&mut self, frame: &Bytes) {
        match decode_server(frame) {
            Ok(message) => self.session.handle_message(message, Instant::now()),
            Err(error) => {
                match error.problem {
                    Problem::UnknownType | Problem::UnknownErrorCode(_) => {
                        tracing::debug!(%error, "a message of a newer server is passed over");
                    }
                    _ => tracing::warn!(%error, "a message of the server is not understood"),
                }
                self.session.handle_unknown(&error);
            }
        }
    }

    fn entered(&mut self, entered: Result<Result<Entered, Setback>, JoinError>) {
        match entered {
            Ok(Ok(Entered { signaling, first, token })) => {
                self.signaling = Some(signaling);
                self.door.token = token;
                self.session.handle_message(first, Instant::now());
                if let Some(id) = self.session.id() {
                    self.id.send_replace(id);
                }
            }
            Ok(Err(setback)) => self.set_back(setback),
            Err(error) => self.set_back(Setback::Unreachable { reason: error.to_string() }),
        }
    }

    fn set_back(&mut self, setback: Setback) {
        self.signaling = None;
        self.session.handle_setback(setback, rand::random(), Instant::now());
    }

    fn message(&mut self, message: Message) {
        let Message { peer: participant, connection, told } = message;
        let is_current = self
            .connections
            .get(&participant)
            .is_some_and(|current| current.number() == connection);
        match told {
            Told::Session(report) => {
                self.session.handle_report(participant, connection, report, Instant::now());
            }
            Told::Data(data) if is_current => self.events.emit(Event::Data { participant, data }),
            Told::DataChannel(channel) if is_current => {
                self.events.emit(Event::DataChannel(channel))
            }
            Told::DataChannelOpen if is_current => {
                self.events.emit(Event::DataChannelOpen { participant })
            }
            Told::Track(track) if is_current => self.events.emit(Event::Track(track)),
            // From a connection that is being closed.
            Told::Data(_) | Told::DataChannel(_) | Told::DataChannelOpen | Told::Track(_) => {}
        }
    }

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::Command { message, reply } => {
                if let Some(reply) = self.replies.admit(reply) {
                    self.replies.expect(self.session.handle_command(message), reply);
                }
            }
            Wish::Leave => self.session.leave(),
            Wish::Publish { kind, source, label } => self.outgoing.publish(kind, source, label),
            Wish::RestartIce { with } => self.session.restart_ice(with),
            Wish::Share { source, place } => self.outgoing.share(source, place),
            Wish::StopSharing => self.outgoing.stop_sharing(),
            Wish::Unpublish { kind } => self.outgoing.unpublish(kind),
            Wish::DefaultChannel { to, reply } => {
                let outlet = self.connections.get(&to).and_then(Connection::default_channel);
                // Whoever does not wait for the outcome does not want it.
                let _ = reply.send(outlet.ok_or(SendError::NoChannel));
            }
            Wish::Errand { of, errand } => {
                if let Some(connection) = self.connections.get(&of) {
                    connection.run_errand(errand);
                }
            }
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Close { peer } => drop(self.connections.remove(&peer)),
                Action::Connection { peer, command } => {
                    let Some(connection) = self.connections.get(&peer) else { continue };
                    if !connection.command(command) {
                        tracing::warn!(%peer, "a connection does not keep up and is given up");
                        let number = connection.number();
                        self.session.handle_report(peer, number, Report::Broken, Instant::now());
                    }
                }
                Action::Event(event) => {
                    if matches!(&event, Event::SignalingError { code, .. } if code == RATE_LIMITED)
                    {
                        self.replies.keep_quiet();
                    }
                    self.ended |= matches!(event, Event::Closed(_));
                    self.events.emit(event);
                }
                Action::HangUp => {
                    let reason = "the server gives no sign of life".into();
                    self.set_back(Setback::Lost { code: None, reason });
                }
                Action::Open { peer, connection, offers } => {
                    let (setup, messages) = (Arc::clone(&self.setup), self.messages_in.clone());
                    let opened = Connection::open(
                        setup,
                        peer,
                        connection,
                        offers,
                        messages,
                        &mut self.tasks,
                    );
                    self.connections.insert(peer, opened);
                }
                Action::Reconnect { way, after } => {
                    self.entering.spawn(self.door.clone().enter_again(way, after));
                }
                Action::Request(Request { message, req }) => self.send(&message, req.as_ref()),
                Action::Send(message) => self.send(&message, None),
                Action::UseIceServers(ice) => {
                    if let Some(servers) = IceServer::list(&ice) {
                        self.setup = Arc::new(self.setup.with_ice_servers(&servers));
                        for connection in self.connections.values() {
                            connection.set_up(Arc::clone(&self.setup));
                        }
                        self.events.emit(Event::IceServers(servers));
                    }
                }
            }
        }
        for event in self.outgoing.weigh(self.connections.len()) {
            self.events.emit(event);
        }
        while let Some((number, outcome)) = self.session.poll_outcome() {
            self.replies.settle(number, outcome);
        }
    }

    fn send(&mut self, message: &ClientMessage, req: Option<&RequestId>) {
        let Some(signaling) = &self.signaling else { return };
        if !signaling.send(encode_client(message, req)) && !self.ended {
            let reason = "the server does not take what is sent".into();
            self.set_back(Setback::Lost { code: None, reason });
        }
    }
}

/// The way to the application, which may not be reading.
struct Events {
    queue: mpsc::Sender<Event>,
    /// A place for the end of the room, which must not be missed.
    last: Option<mpsc::OwnedPermit<Event>>,
    /// Since the last event that found room.
    dropped: u64,
}

impl Events {
    fn new(queue: mpsc::Sender<Event>) -> Self {
        let last = queue.clone().try_reserve_owned().ok();
        Self { queue, last, dropped: 0 }
    }

    fn emit(&mut self, event: Event) {
        if self.dropped > 0 && self.queue.try_send(Event::Lagged { dropped: self.dropped }).is_ok()
        {
            self.dropped = 0;
        }
        if matches!(event, Event::Closed(_))
            && let Some(place) = self.last.take()
        {
            place.send(event);
        } else if self.queue.try_send(event).is_err() {
            self.dropped += 1;
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

const QUEUE_MESSAGES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::CloseReason;

    #[tokio::test]
    async fn the_end_of_the_room_is_told_even_to_whoever_takes_no_events() {
        let (queue, mut events) = mpsc::channel(3);
        let mut sender = Events::new(queue);
        let id = |n: u8| format!("p_{n}").parse().unwrap();
        for n in 0..5 {
            sender.emit(Event::ParticipantLeft(id(n)));
        }
        assert!(matches!(events.recv().await, Some(Event::ParticipantLeft(_))));
        sender.emit(Event::ParticipantLeft(id(5)));
        sender.emit(Event::Closed(CloseReason::Left));
        drop(sender);
        assert!(matches!(events.recv().await, Some(Event::ParticipantLeft(_))));
        assert!(matches!(events.recv().await, Some(Event::Lagged { dropped: 3 })));
        assert!(matches!(events.recv().await, Some(Event::Closed(CloseReason::Left))));
        assert!(events.recv().await.is_none());
    }
}
