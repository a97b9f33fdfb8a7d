//! The connection to one other participant: a task that owns the peer connection and does what the session says.

mod data;
mod handler;
mod keyframe;
mod receiver;
mod sender;
mod setup;

use std::sync::Arc;

use bytes::Bytes;
use signal_core::ParticipantId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use webrtc::error::Result;
use webrtc::peer_connection::{
    PeerConnection, RTCIceCandidateInit, RTCPeerConnectionState, RTCSessionDescription,
};

use self::data::DataSender;
use self::handler::Note;
use self::sender::Sender;
pub(crate) use self::setup::Setup;
use crate::error::SendError;
use crate::event::ConnectionState;
use crate::ice::IceCandidate;
use crate::session::{Command, Report};
use crate::track::RemoteTrack;

/// What a connection has to tell: to the session or to the application.
#[derive(Debug)]
pub(crate) enum Told {
    Data(Bytes),
    DataChannelOpen,
    Session(Report),
    Track(RemoteTrack),
}

/// Something told, and by which connection.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) peer: ParticipantId,
    pub(crate) connection: u32,
    pub(crate) told: Told,
}

/// The way to a connection's task; dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    number: u32,
    commands: mpsc::Sender<Command>,
    data: DataSender,
}

impl Connection {
    /// Opens a connection in a task of its own, which `tasks` waits for.
    pub(crate) fn open(
        setup: Arc<Setup>,
        peer: ParticipantId,
        number: u32,
        offers: bool,
        messages: mpsc::Sender<Message>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (commands, queue) = mpsc::channel(QUEUE_COMMANDS);
        let (data, outgoing) = data::channel();
        let out = Out { peer, number, messages };
        tasks.spawn(run(setup, offers, queue, outgoing, out));
        Self { number, commands, data }
    }

    /// Has the connection do something; one that has fallen far behind is reported failed.
    #[must_use]
    pub(crate) fn command(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    pub(crate) fn send(&self, data: Bytes) -> std::result::Result<(), SendError> {
        self.data.send(data)
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }
}

/// Where a connection's messages go.
#[derive(Clone, Debug)]
struct Out {
    peer: ParticipantId,
    number: u32,
    messages: mpsc::Sender<Message>,
}

impl Out {
    async fn tell(&self, told: Told) {
        let message = Message { peer: self.peer, connection: self.number, told };
        // The room is over if nobody listens, and this task ends soon.
        let _ = self.messages.send(message).await;
    }

    async fn report(&self, report: Report) {
        self.tell(Told::Session(report)).await;
    }
}

async fn run(
    setup: Arc<Setup>,
    offers: bool,
    mut commands: mpsc::Receiver<Command>,
    outgoing: data::Outgoing,
    out: Out,
) {
    let (handler, mut notes) = handler::channel();
    let (pc, senders) = match setup.build(handler, offers).await {
        Ok(built) => built,
        Err(error) => return fail(&out, &error).await,
    };
    let mut connection = Running { pc, senders, tasks: JoinSet::new(), outgoing, out };
    if offers {
        match connection.pc.create_data_channel(data::LABEL, None).await {
            Ok(channel) => connection.carry_data(channel),
            Err(error) => fail(&connection.out, &error).await,
        }
    }
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some(command) = command else { break };
                connection.execute(command).await;
            }
            Some(note) = notes.recv() => connection.note(note).await,
        }
    }
    connection.close().await;
}

/// A connection within its task.
struct Running {
    pc: Arc<dyn PeerConnection>,
    /// What is to be sent once the connection stands.
    senders: Vec<Sender>,
    tasks: JoinSet<()>,
    outgoing: data::Outgoing,
    out: Out,
}

impl Running {
    async fn execute(&mut self, command: Command) {
        let done = match command {
            Command::Accept { sdp } => self.accept(sdp).await,
            Command::Answer { negotiation, sdp } => self.answer(negotiation, sdp).await,
            Command::Candidate(candidate) => return self.add_candidate(candidate).await,
            Command::Offer { negotiation, restart_ice } => self.offer(negotiation, restart_ice).await,
            Command::Rollback => self.rollback().await,
        };
        if let Err(error) = done {
            fail(&self.out, &error).await;
        }
    }

    async fn offer(&self, negotiation: u32, restart_ice: bool) -> Result<()> {
        if restart_ice {
            self.pc.restart_ice().await?;
        }
        let offer = self.pc.create_offer(None).await?;
        self.pc.set_local_description(offer.clone()).await?;
        self.out.report(Report::Offer { negotiation, sdp: offer.sdp }).await;
        Ok(())
    }

    async fn rollback(&self) -> Result<()> {
        self.pc.set_local_description(RTCSessionDescription::rollback(None)?).await
    }

    async fn answer(&self, negotiation: u32, sdp: String) -> Result<()> {
        self.pc.set_remote_description(RTCSessionDescription::offer(sdp)?).await?;
        let answer = self.pc.create_answer(None).await?;
        self.pc.set_local_description(answer.clone()).await?;
        self.out.report(Report::Answer { negotiation, sdp: answer.sdp }).await;
        Ok(())
    }

    async fn accept(&self, sdp: String) -> Result<()> {
        self.pc.set_remote_description(RTCSessionDescription::answer(sdp)?).await
    }

    /// A candidate that cannot be used is one way less, not a failure.
    async fn add_candidate(&self, candidate: IceCandidate) {
        let candidate = RTCIceCandidateInit {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_mline_index,
            username_fragment: candidate.username_fragment,
            url: None,
        };
        if let Err(error) = self.pc.add_ice_candidate(candidate).await {
            tracing::debug!(peer = %self.out.peer, %error, "a candidate is left out");
        }
    }

    async fn note(&mut self, note: Note) {
        match note {
            Note::Candidate(candidate) => self.out.report(Report::Candidate(candidate)).await,
            Note::DataChannel(channel) => self.carry_data(channel),
            Note::NegotiationNeeded => self.out.report(Report::NegotiationNeeded).await,
            Note::State(state) => self.state_changed(state).await,
            Note::Track(track) => {
                self.tasks.spawn(receiver::receive(track, self.out.clone()));
            }
        }
    }

    async fn state_changed(&mut self, state: RTCPeerConnectionState) {
        let state = match state {
            RTCPeerConnectionState::Connected => ConnectionState::Connected,
            RTCPeerConnectionState::Connecting => ConnectionState::Connecting,
            RTCPeerConnectionState::Disconnected => ConnectionState::Disconnected,
            RTCPeerConnectionState::Failed => ConnectionState::Failed,
            // Closed by ourselves, or not begun.
            _ => return,
        };
        if state == ConnectionState::Connected {
            // Packets written earlier would go nowhere.
            for sender in self.senders.drain(..) {
                self.tasks.spawn(sender.run());
            }
        }
        self.out.report(Report::State(state)).await;
    }

    fn carry_data(&mut self, channel: Arc<dyn webrtc::data_channel::DataChannel>) {
        self.tasks.spawn(data::carry(channel, self.outgoing.clone(), self.out.clone()));
    }

    /// Without this the peer connection's driver, socket and handler would live on.
    async fn close(self) {
        if let Err(error) = self.pc.close().await {
            tracing::debug!(peer = %self.out.peer, %error, "closing a connection failed");
        }
    }
}

async fn fail(out: &Out, error: &webrtc::error::Error) {
    tracing::warn!(peer = %out.peer, connection = out.number, %error, "the connection cannot go on");
    out.report(Report::State(ConnectionState::Failed)).await;
}

/// More than the candidates of a machine with many interfaces.
const QUEUE_COMMANDS: usize = 256;
