//! The connection to one other participant: a task that owns the peer connection and does what the session says.

mod channels;
mod data;
mod handler;
mod interceptors;
mod keyframe;
mod observer;
mod receiver;
mod receivers;
mod reception;
mod report;
mod rtcp_tap;
mod sender;
mod senders;
mod setup;

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use signal_core::ParticipantId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use webrtc::data_channel::DataChannel as DataChannelApi;
use webrtc::error::Result;
use webrtc::peer_connection::{
    PeerConnection, RTCIceCandidateInit, RTCPeerConnectionState, RTCSessionDescription,
};

use self::channels::Channels;
pub(crate) use self::channels::NewChannel;
use self::data::DefaultChannel;
pub(crate) use self::data::Outlet;
use self::handler::Note;
use self::observer::Observer;
use self::receivers::Receivers;
use self::senders::Senders;
pub(crate) use self::setup::Setup;
use crate::channel::DataChannel;
use crate::event::ConnectionState;
use crate::ice::IceCandidate;
use crate::session::{Command, Report};
use crate::stats::PeerStats;
use crate::track::RemoteTrack;
use crate::track_source::TrackLabel;

/// What a connection has to tell: to the session or to the application.
#[derive(Debug)]
pub(crate) enum Told {
    Data(Bytes),
    DataChannel(DataChannel),
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

/// Something that the application wants of a connection, past the session.
pub(crate) enum Errand {
    OpenChannel(NewChannel),
    Stats { reply: oneshot::Sender<PeerStats> },
}

/// The way to a connection's task; dropping it closes the connection.
pub(crate) struct Connection {
    number: u32,
    commands: mpsc::Sender<Command>,
    setup: watch::Sender<Arc<Setup>>,
    errands: mpsc::Sender<Errand>,
    default_channel: DefaultChannel,
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
        let (errands, wanted) = mpsc::channel(QUEUE_ERRANDS);
        let default_channel = DefaultChannel::default();
        let (setup, current) = watch::channel(setup);
        let out = Out { peer, number, messages };
        tasks.spawn(run(current, offers, queue, wanted, default_channel.clone(), out));
        Self { number, commands, setup, errands, default_channel }
    }

    /// Has the connection do something; one that has fallen far behind is reported failed.
    #[must_use]
    pub(crate) fn command(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// Uses other ICE servers from the next start of ICE on.
    pub(crate) fn set_up(&self, setup: Arc<Setup>) {
        self.setup.send_replace(setup);
    }

    /// Has the connection see to it; an errand whose reply is dropped came too late, or there were too many.
    pub(crate) fn run_errand(&self, errand: Errand) {
        let _ = self.errands.try_send(errand);
    }

    /// The way out over the default data channel, once it is open.
    pub(crate) fn default_channel(&self) -> Option<Outlet> {
        self.default_channel.outlet()
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
    mut current: watch::Receiver<Arc<Setup>>,
    offers: bool,
    mut commands: mpsc::Receiver<Command>,
    mut errands: mpsc::Receiver<Errand>,
    default_channel: DefaultChannel,
    out: Out,
) {
    let setup = Arc::clone(&current.borrow_and_update());
    let (handler, mut notes) = handler::channel();
    let observer = Observer::new(handler.reports.clone());
    let (pc, senders) = match setup.build(handler, offers).await {
        Ok(built) => built,
        Err(error) => return fail(&out, &error).await,
    };
    let channels = Channels::new(Arc::clone(&pc), out.clone());
    let mut connection = Running {
        pc,
        senders,
        needs_candidate: setup.needs_relay(),
        settling: 0,
        receivers: Receivers::default(),
        tasks: JoinSet::new(),
        default_channel,
        default_channels: u8::from(offers),
        channels,
        observer,
        out,
    };
    if offers {
        match connection.pc.create_data_channel(data::LABEL, None).await {
            Ok(channel) => connection.carry_data(channel),
            Err(error) => fail(&connection.out, &error).await,
        }
    }
    loop {
        tokio::select! {
            // What is to be used is known before it is to be used.
            biased;
            Ok(()) = current.changed() => {
                let configuration = current.borrow_and_update().configuration();
                if let Err(error) = connection.pc.set_configuration(configuration).await {
                    tracing::warn!(peer = %connection.out.peer, %error, "the new ICE servers are not taken");
                }
            }
            command = commands.recv() => {
                let Some(command) = command else { break };
                connection.execute(command).await;
            }
            Some(errand) = errands.recv() => connection.run_errand(errand).await,
            Some(note) = notes.recv() => connection.note(note).await,
            Some(_) = connection.tasks.join_next() => {}
            () = connection.senders.changed() => connection.update_senders().await,
        }
    }
    setup::close(connection.pc.as_ref()).await;
}

/// A connection within its task.
struct Running {
    pc: Arc<dyn PeerConnection>,
    senders: Senders,
    /// Whether it cannot connect unless it finds a candidate, and has found none so far.
    needs_candidate: bool,
    /// Negotiations that are over, but not told to be so yet.
    settling: usize,
    receivers: Receivers,
    tasks: JoinSet<()>,
    default_channel: DefaultChannel,
    /// How many channels stand, or are to, for data that names none.
    default_channels: u8,
    channels: Channels,
    observer: Observer,
    out: Out,
}

impl Running {
    async fn execute(&mut self, command: Command) {
        let done = match command {
            Command::Accept { sdp } => self.accept(sdp).await,
            Command::Answer { negotiation, sdp, tracks } => {
                self.answer(negotiation, sdp, tracks).await
            }
            Command::Candidate(candidate) => return self.add_candidate(candidate).await,
            Command::Offer { negotiation, restart_ice } => {
                self.offer(negotiation, restart_ice).await
            }
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
        let tracks = self.senders.labels(self.pc.as_ref()).await?;
        self.out.report(Report::Offer { negotiation, sdp: offer.sdp, tracks }).await;
        Ok(())
    }

    async fn rollback(&mut self) -> Result<()> {
        self.pc.set_local_description(RTCSessionDescription::rollback(None)?).await?;
        self.settling += 1;
        Ok(())
    }

    async fn answer(
        &mut self,
        negotiation: u32,
        sdp: String,
        tracks: Vec<TrackLabel>,
    ) -> Result<()> {
        self.pc.set_remote_description(RTCSessionDescription::offer(sdp)?).await?;
        let answer = self.pc.create_answer(None).await?;
        self.pc.set_local_description(answer.clone()).await?;
        self.settling += 1;
        self.receivers.label(tracks);
        self.out.report(Report::Answer { negotiation, sdp: answer.sdp }).await;
        self.senders.start(self.pc.as_ref()).await?;
        self.receivers.update(self.pc.as_ref()).await
    }

    async fn accept(&mut self, sdp: String) -> Result<()> {
        self.pc.set_remote_description(RTCSessionDescription::answer(sdp)?).await?;
        self.settling += 1;
        self.senders.start(self.pc.as_ref()).await?;
        self.receivers.update(self.pc.as_ref()).await
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
            Note::Candidate(candidate) => {
                self.needs_candidate = false;
                self.out.report(Report::Candidate(candidate)).await;
            }
            Note::DataChannel(channel) => self.channel_opened(channel).await,
            // webrtc-rs does not tell why a TURN server gave nothing, and would go on connecting for half a minute.
            Note::Gathered if self.needs_candidate => {
                let reason = "no TURN server can be reached over UDP and accepts the credential, and nothing else may be used";
                fail(&self.out, reason).await;
            }
            Note::Gathered => {}
            Note::IceConnected => self.out.report(Report::IceConnected).await,
            // What it speaks of is in the description that has been made meanwhile, or will be told again.
            Note::NegotiationNeeded if self.settling > 0 => {}
            Note::NegotiationNeeded => self.out.report(Report::NegotiationNeeded).await,
            // One that fails at its very end has not been counted.
            Note::Settled => self.settling = self.settling.saturating_sub(1),
            Note::State(state) => self.state_changed(state).await,
            Note::Track(track) => {
                let negotiated = match self.receivers.add(self.pc.as_ref(), &track).await {
                    Ok(negotiated) => negotiated,
                    Err(error) => return fail(&self.out, &error).await,
                };
                let receptions = self.observer.receptions.clone();
                self.tasks.spawn(receiver::receive(
                    track,
                    negotiated,
                    receptions,
                    self.out.clone(),
                ));
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
        if state == ConnectionState::Connected
            && let Err(error) = self.senders.connected(self.pc.as_ref()).await
        {
            return fail(&self.out, &error).await;
        }
        self.out.report(Report::State(state)).await;
    }

    async fn update_senders(&mut self) {
        if let Err(error) = self.senders.update(self.pc.as_ref()).await {
            fail(&self.out, &error).await;
        }
    }

    async fn run_errand(&mut self, errand: Errand) {
        match errand {
            Errand::OpenChannel(new) => {
                self.tasks.spawn(self.channels.clone().carry_new(new));
            }
            Errand::Stats { reply } => {
                // Whoever does not wait for them does not want them.
                let _ = reply.send(self.observer.observe(self.pc.as_ref()).await);
            }
        }
    }

    /// The other side has opened a channel.
    async fn channel_opened(&mut self, channel: Arc<dyn DataChannelApi>) {
        match data::is_default(channel.as_ref(), self.default_channels).await {
            Ok(true) => {
                self.default_channels += 1;
                self.carry_data(channel);
            }
            Ok(false) => {
                self.tasks.spawn(self.channels.clone().carry_received(channel));
            }
            // Closed again already.
            Err(_) => {}
        }
    }

    fn carry_data(&mut self, channel: Arc<dyn DataChannelApi>) {
        self.tasks.spawn(data::carry(channel, self.default_channel.clone(), self.out.clone()));
    }
}

async fn fail(out: &Out, error: &(impl Display + Sync + ?Sized)) {
    tracing::warn!(peer = %out.peer, connection = out.number, %error, "the connection cannot go on");
    out.report(Report::Broken).await;
}

/// More than the candidates of a machine with many interfaces.
const QUEUE_COMMANDS: usize = 256;
const QUEUE_ERRANDS: usize = 64;

#[cfg(test)]
mod tests;
