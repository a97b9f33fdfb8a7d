//! The task of one connection: owns the peer connection and executes the session's commands.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rtc::peer_connection::configuration::RTCConfiguration;
use rtc::peer_connection::transport::RTCIceCandidateType;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use webrtc::data_channel::DataChannel;
use webrtc::error::Result;
use webrtc::peer_connection::{
    PeerConnection, RTCIceCandidateInit, RTCPeerConnectionState, RTCSessionDescription,
};

use super::addresses::Addresses;
use super::channels::Channels;
use super::event::EventSender;
use super::handler::{self, PeerConnectionEvent};
use super::level_extension::LevelExtension;
use super::receiver::{Receiver, Reception};
use super::receivers::Receivers;
use super::relays::Relays;
use super::senders::Senders;
use super::setup::Setup;
use super::sockets::Sockets;
use super::stats::{self, StatsCollector};
use super::{ConnectionRequest, channels, default_channel, directions, setup};
use crate::session::{
    ConnectionCommand, ConnectionFailure, ConnectionState, IceCandidate, Report, TrackLabel,
};

/// Runs until the handle is dropped, then closes the connection.
pub(super) async fn run(
    mut setups: watch::Receiver<Arc<Setup>>,
    offers: bool,
    mut commands: mpsc::Receiver<ConnectionCommand>,
    mut requests: mpsc::Receiver<ConnectionRequest>,
    events: EventSender,
) {
    let setup = Arc::clone(&setups.borrow_and_update());
    let mut addresses = setup.addresses.clone();
    addresses.mark_unchanged();
    let sockets = setup.sockets();
    let (handler, mut pc_events) = handler::channel(sockets.timer.clone());
    let stats = StatsCollector::new(handler.reports.clone(), Arc::clone(&sockets.sent_bytes));
    let levels = LevelExtension::default();
    let reception = Reception {
        tracks: handler.tracks.clone(),
        counters: stats.counters.clone(),
        reports: handler.reports.clone(),
        levels: levels.clone(),
        speakers: setup.speakers.clone(),
        events: events.clone(),
    };
    let Sockets { relays, path_lost, stream_broken, .. } = sockets.clone();
    let (pc, senders) = match setup.build(handler, sockets, levels.clone()).await {
        Ok(built) => built,
        Err(error) => return broken(&events, &error).await,
    };
    let mut task = ConnectionTask {
        channels: Channels::new(Arc::clone(&pc), events.clone()),
        pc,
        senders,
        receivers: Receivers::default(),
        reception,
        levels,
        tasks: JoinSet::new(),
        default_channels: 0,
        has_channels: offers,
        setup: Arc::clone(&setup),
        relays,
        stats,
        events,
    };
    if offers {
        task.create_default_channel().await;
    }
    loop {
        tokio::select! {
            // New ICE servers apply before the commands that use them.
            biased;
            Ok(()) = setups.changed() => {
                task.setup = Arc::clone(&setups.borrow_and_update());
                task.configure(task.setup.configuration()).await;
            }
            command = commands.recv() => match command {
                Some(command) => task.execute(command).await,
                None => break,
            },
            Some(request) = requests.recv() => task.answer_request(request).await,
            Some(event) = pc_events.recv() => task.handle_event(event).await,
            Some(_) = task.tasks.join_next() => {}
            () = task.senders.changed() => task.update_senders().await,
            Ok(()) = addresses.changed() => {
                let addresses = addresses.borrow_and_update().clone();
                task.addresses_changed(&addresses).await;
            }
            () = path_lost.notified() => task.path_lost().await,
            () = stream_broken.notified() => task.stream_broken().await,
        }
    }
    setup::close(task.pc.as_ref()).await;
}

struct ConnectionTask {
    pc: Arc<dyn PeerConnection>,
    senders: Senders,
    receivers: Receivers,
    /// The shared state of its tracks.
    reception: Reception,
    levels: LevelExtension,
    channels: Channels,
    /// The tasks of tracks, and of channels that are read.
    tasks: JoinSet<()>,
    /// The number of default channels, at most one from each side.
    default_channels: u8,
    /// Whether this side opens channels, which need a section in the descriptions.
    has_channels: bool,
    setup: Arc<Setup>,
    relays: Relays,
    stats: StatsCollector,
    events: EventSender,
}

impl ConnectionTask {
    async fn execute(&mut self, command: ConnectionCommand) {
        let done = match command {
            ConnectionCommand::Accept { sdp, tracks } => self.accept(sdp, tracks).await,
            ConnectionCommand::Answer { negotiation, sdp, tracks } => {
                self.answer(negotiation, sdp, tracks).await
            }
            ConnectionCommand::Candidate(candidate) => return self.add_candidate(candidate).await,
            ConnectionCommand::Offer { negotiation, restart_ice } => {
                self.offer(negotiation, restart_ice).await
            }
            ConnectionCommand::Rollback => self.rollback().await,
        };
        if let Err(error) = done {
            broken(&self.events, &error).await;
        }
    }

    async fn offer(&mut self, negotiation: u32, restart_ice: bool) -> Result<()> {
        // The session commands an offer after the media has changed, so apply the change first.
        self.senders.update(self.pc.as_ref()).await?;
        directions::offer(self.pc.as_ref(), &self.senders, self.events.wanted()).await?;
        if restart_ice {
            self.pc.restart_ice().await?;
        }
        let offer = self.pc.create_offer(None).await?;
        self.pc.set_local_description(offer.clone()).await?;
        let tracks = self.senders.labels(self.pc.as_ref()).await?;
        self.events.report(Report::Offer { negotiation, sdp: offer.sdp, tracks }).await;
        Ok(())
    }

    async fn rollback(&mut self) -> Result<()> {
        self.pc.set_local_description(RTCSessionDescription::rollback(None)?).await?;
        Ok(())
    }

    async fn answer(
        &mut self,
        negotiation: u32,
        sdp: String,
        tracks: Vec<TrackLabel>,
    ) -> Result<()> {
        self.levels.learn(&sdp);
        directions::prepare(self.pc.as_ref(), &self.senders, &sdp).await?;
        self.pc.set_remote_description(RTCSessionDescription::offer(sdp.clone())?).await?;
        directions::answer(self.pc.as_ref(), &self.senders, self.events.wanted(), &sdp).await?;
        let answer = self.pc.create_answer(None).await?;
        self.pc.set_local_description(answer.clone()).await?;
        self.receivers.label(tracks);
        let tracks = self.senders.labels(self.pc.as_ref()).await?;
        self.events.report(Report::Answer { negotiation, sdp: answer.sdp, tracks }).await;
        if self.answer_lacks_something().await? {
            self.events.report(Report::SectionMissing).await;
        }
        self.senders.start(self.pc.as_ref()).await?;
        self.receivers.update(self.pc.as_ref()).await
    }

    /// Whether the answer has left out a track or channel of this side. An answer has only the
    /// sections of the offer.
    async fn answer_lacks_something(&self) -> Result<bool> {
        let pc = self.pc.as_ref();
        let lacks_channels = self.has_channels && channels::lack_section(pc).await;
        Ok(lacks_channels || !self.senders.are_negotiated(pc).await?)
    }

    async fn accept(&mut self, sdp: String, tracks: Vec<TrackLabel>) -> Result<()> {
        self.levels.learn(&sdp);
        self.pc.set_remote_description(RTCSessionDescription::answer(sdp)?).await?;
        self.receivers.label(tracks);
        self.senders.start(self.pc.as_ref()).await?;
        self.receivers.update(self.pc.as_ref()).await
    }

    /// Adds a candidate. An unusable one is not a failure: there is one path less.
    async fn add_candidate(&self, candidate: IceCandidate) {
        let candidate = RTCIceCandidateInit {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_mline_index,
            username_fragment: candidate.username_fragment,
            url: None,
        };
        if let Err(error) = self.pc.add_ice_candidate(candidate).await {
            tracing::debug!(peer = %self.events.peer, %error, "a candidate is left out");
        }
    }

    async fn handle_event(&mut self, event: PeerConnectionEvent) {
        match event {
            PeerConnectionEvent::Candidate(candidate) => {
                self.events.report(Report::Candidate(candidate)).await;
            }
            PeerConnectionEvent::DataChannel(channel) => self.channel_opened(channel).await,
            // webrtc-rs does not report a failed allocation; without another candidate it would go
            // on connecting for half a minute.
            PeerConnectionEvent::Gathered if self.lacks_relay() && self.setup.needs_relay() => {
                let failure = ConnectionFailure::NoRelay(self.relays.failure());
                tracing::warn!(peer = %self.events.peer, %failure, "the connection has failed");
                self.events.report(Report::Broken(failure)).await;
            }
            PeerConnectionEvent::Gathered if self.lacks_relay() => {
                self.events.report(Report::NoRelay(self.relays.failure())).await;
            }
            PeerConnectionEvent::Gathered => {}
            PeerConnectionEvent::IceConnected => {
                self.stats.path_found();
                self.events.report(Report::IceConnected).await;
            }
            PeerConnectionEvent::State(state) => self.state_changed(state).await,
            PeerConnectionEvent::Track(track, intake) => {
                let negotiated = match self.receivers.add(self.pc.as_ref(), &track).await {
                    Ok(negotiated) => negotiated,
                    Err(error) => return broken(&self.events, &error).await,
                };
                let shared = self.reception.clone();
                self.tasks.spawn(Receiver { track, intake, negotiated, shared }.run());
            }
        }
    }

    /// Whether there are TURN servers, but no relay.
    fn lacks_relay(&self) -> bool {
        (self.setup.needs_relay() || self.setup.has_relay()) && !self.relays.any()
    }

    async fn state_changed(&mut self, state: RTCPeerConnectionState) {
        let state = match state {
            RTCPeerConnectionState::Connected => ConnectionState::Connected,
            RTCPeerConnectionState::Connecting => ConnectionState::Connecting,
            RTCPeerConnectionState::Disconnected => ConnectionState::Disconnected,
            RTCPeerConnectionState::Failed => ConnectionState::Failed,
            // The connection has not begun, or this side has closed it.
            _ => return,
        };
        if state == ConnectionState::Connected {
            self.stats.connected();
            if let Err(error) = self.senders.connected(self.pc.as_ref()).await {
                return broken(&self.events, &error).await;
            }
        }
        self.events.report(Report::State(state)).await;
    }

    /// Handles changed addresses. A connection over an address that remains is not affected.
    async fn addresses_changed(&self, addresses: &Addresses) {
        let Some(pair) = stats::selected(self.pc.as_ref()).await else { return };
        let local = pair.local();
        let base = match local.typ {
            RTCIceCandidateType::Host => &local.address,
            _ => &local.related_address,
        };
        let base = base.parse().ok().filter(|base: &IpAddr| !base.is_unspecified());
        if base.is_some_and(|base| !addresses.contains(base)) {
            self.path_lost().await;
        }
    }

    async fn stream_broken(&self) {
        let Some(pair) = stats::selected(self.pc.as_ref()).await else { return };
        let local = pair.local();
        if local.typ != RTCIceCandidateType::Relay {
            return;
        }
        let Ok(address) = local.related_address.parse() else { return };
        let socket = SocketAddr::new(address, local.related_port);
        if self.relays.has_broken(socket, local.url.as_deref().unwrap_or_default()) {
            self.path_lost().await;
        }
    }

    async fn path_lost(&self) {
        // Otherwise the connection waits for the next address.
        if self.setup.has_address() {
            self.events.report(Report::PathLost).await;
        }
    }

    async fn update_senders(&mut self) {
        if let Err(error) = self.senders.update(self.pc.as_ref()).await {
            broken(&self.events, &error).await;
        }
    }

    async fn answer_request(&mut self, request: ConnectionRequest) {
        match request {
            ConnectionRequest::OpenChannel(new) => {
                self.has_channels = true;
                self.tasks.spawn(self.channels.clone().open(new));
            }
            ConnectionRequest::Stats { reply } => {
                // If this fails, the caller no longer waits.
                let _ = reply.send(self.stats.collect(self.pc.as_ref()).await);
            }
        }
    }

    /// Handles a channel that the other side has opened.
    async fn channel_opened(&mut self, channel: Arc<dyn DataChannel>) {
        match default_channel::is_default(channel.as_ref(), self.default_channels).await {
            Ok(true) => self.receive_default_channel(channel),
            Ok(false) => {
                self.tasks.spawn(self.channels.clone().receive(channel));
            }
            // The channel is closed again already.
            Err(_) => {}
        }
    }

    async fn create_default_channel(&mut self) {
        match self.pc.create_data_channel(default_channel::LABEL, None).await {
            Ok(channel) => self.receive_default_channel(channel),
            Err(error) => broken(&self.events, &error).await,
        }
    }

    fn receive_default_channel(&mut self, channel: Arc<dyn DataChannel>) {
        self.default_channels += 1;
        let events = self.events.clone();
        if self.setup.default_channel_as_event {
            self.tasks.spawn(default_channel::hand_over(channel, events));
        } else {
            self.tasks.spawn(default_channel::receive(channel, events));
        }
    }

    async fn configure(&self, configuration: RTCConfiguration) {
        if let Err(error) = self.pc.set_configuration(configuration).await {
            tracing::warn!(peer = %self.events.peer, %error, "cannot use the new ICE servers");
        }
    }
}

async fn broken(events: &EventSender, error: &(impl Display + Sync + ?Sized)) {
    let EventSender { peer, connection, .. } = events;
    tracing::warn!(%peer, connection, %error, "the connection has failed");
    events.report(Report::Broken(ConnectionFailure::Broken)).await;
}
