//! A participant in a room: the handle that the application holds.

mod moderation;
mod preparation;
mod requests;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde::Serialize;
use signal_core::ParticipantId;
use signal_core::ice::IceServer;
use signal_core::message::{Audience, ClientMessage, ParticipantInfo, RoomInfo};
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use self::preparation::Preparation;
use crate::channel::{DataChannel, DefaultChannels, Delivery};
use crate::connection::{AddressWatch, ConnectionRequest, NewChannel, Setup};
use crate::connector::SignalingConnector;
use crate::driver::{Command, Driver};
use crate::error::{ChannelError, EnterError, RequestError, SendError};
use crate::event::{Event, EventQueue, Events};
use crate::media::{MediaError, Source};
use crate::outgoing::{Outgoing, SharePlace};
use crate::roster::Roster;
use crate::session::{CommandError, Session};
use crate::slot::Slot;
use crate::stats::PeerStats;
use crate::wanted::Wanted;

/// A participant that is in a room.
///
/// It runs in a task of its own until [`leave`](Self::leave). Clones are handles of the same
/// participant, so that one task can send while another one takes events. Dropping the last of them
/// also gives up the seat, in the background, but never closes the room: if a creator panics, the
/// others stay in their call.
///
/// Events wait for [`next_event`](Self::next_event), so take them even if you do not need them.
/// From the 1024th waiting event on, only the newest event of each kind is kept for each
/// participant, and participants that joined and left in between are omitted. Up to 1 MiB of data
/// and of messages waits for each sender; beyond that, the sender's data is not read, and its
/// messages are dropped and counted by [`Event::Lagged`]. Participants do not share this space.
#[derive(Clone)]
pub struct Participant {
    id: watch::Receiver<ParticipantId>,
    commands: mpsc::Sender<Command>,
    events: Arc<Events>,
    default_channels: DefaultChannels,
    roster: Roster,
}

impl Participant {
    pub(crate) async fn enter(
        connector: SignalingConnector,
        ice_servers: Vec<IceServer>,
        Preparation { options, sources, failed }: Preparation,
    ) -> Result<Self, EnterError> {
        let connected = connector.connect().await?;
        let ice_servers = connected.ice_servers().unwrap_or(ice_servers);
        let (addresses, mut outgoing) = (AddressWatch::start(), Outgoing::new(&options));
        let setup = Setup::new(
            &options,
            &ice_servers,
            outgoing.watch(),
            connector.api.turn_servers(),
            addresses.subscribe(),
        );
        if options.relay_only && !setup.has_relay() {
            connected.signaling.close().await;
            return Err(EnterError::NoRelay);
        }
        let mut session = Session::new();
        session.set_expiry_notice(options.expiry_notice);
        session.set_leave_closes_room(connector.rejoin.leave_closes_room());
        session.handle_message(connected.first, Instant::now());
        session.handle_muted(outgoing.muted());
        let Some(id) = session.id() else {
            let url = connected.signaling.url().to_owned();
            let reason = "the first message is not `joined`".into();
            return Err(RequestError::Protocol { url, reason }.into());
        };

        outgoing.publish_first(sources);
        let (commands, commanded) = mpsc::channel(MAX_COMMANDS);
        let (event_queue, events) = EventQueue::new();
        let (id_sender, id) = watch::channel(id);
        let mut driver = Driver::new(
            session,
            connected.signaling,
            connector,
            Arc::new(setup),
            outgoing,
            event_queue,
            id_sender,
        );
        for (slot, reason) in failed {
            driver.degraded(slot, reason);
        }
        // The handle knows from the start who is in the room.
        driver.act();
        let (default_channels, roster) = (driver.default_channels(), driver.roster());
        tokio::spawn(driver.run(commanded, addresses));
        Ok(Self { id, commands, events: Arc::new(events), default_channels, roster })
    }

    /// Waits for the next event; `None` after [`Event::Closed`]. Safe to cancel. If clones of this
    /// handle wait too, one of them gets it.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Sends data to another participant, ordered and reliably, once [`Event::DataChannelOpen`] has
    /// named it.
    ///
    /// # Errors
    ///
    /// [`SendError::NoChannel`] if no data channel to it is open, [`SendError::Busy`] if 1 MiB or
    /// more waits already, [`SendError::TooLarge`] if the data is larger than the other side
    /// accepts, which is 64 KiB for this crate.
    pub async fn send_data(
        &self,
        to: ParticipantId,
        data: impl Into<Bytes>,
    ) -> Result<(), SendError> {
        if self.commands.is_closed() {
            return Err(SendError::Closed);
        }
        let channel = self.default_channels.get(to).ok_or(SendError::NoChannel)?;
        channel.send(data.into()).await
    }

    /// Opens a named data channel to another participant, which learns of it by
    /// [`Event::DataChannel`]; a page by `ondatachannel`. Labels have at most 1024 bytes and need
    /// not be unique.
    ///
    /// This waits until the channel is open, which requires a connection to that participant.
    /// Cancelling the call gives up the channel.
    ///
    /// Each channel has an SCTP stream of its own, and no stream is used twice. A side thus opens
    /// up to 32,767 channels over the life of a connection; fewer if the other side allows fewer
    /// streams. A closed channel takes about 18 KB of memory until the connection ends.
    ///
    /// # Errors
    ///
    /// [`ChannelError::NoConnection`] if there is no connection to that participant, if it ended
    /// before the channel was open, or if the other side does not answer over it within 15 seconds;
    /// [`ChannelError::Label`] if the label is too long; [`ChannelError::Closed`] after the end of
    /// the room.
    pub async fn open_channel(
        &self,
        with: ParticipantId,
        label: &str,
        delivery: Delivery,
    ) -> Result<DataChannel, ChannelError> {
        if label.len() > MAX_LABEL_BYTES {
            return Err(ChannelError::Label);
        }
        let (reply, opened) = oneshot::channel();
        let new = NewChannel { label: label.to_owned(), delivery, reply };
        let request = ConnectionRequest::OpenChannel(new);
        let command = Command::Connection { peer: with, request };
        self.commands.send(command).await.map_err(|_| ChannelError::Closed)?;
        opened.await.map_err(|_| ChannelError::NoConnection)
    }

    /// Sends a source to everybody, including participants that join later: as this participant's
    /// audio or video, or in a [slot](Slot) of its own. It replaces an earlier source in that slot.
    /// If the codec is the same, this needs no negotiation.
    ///
    /// Up to eight tracks are sent at a time. [`Event::Degraded`] reports a further one.
    ///
    /// ```no_run
    /// # use client_sdk::{Participant, Slot, Source};
    /// # async fn run(bot: Participant) -> Result<(), Box<dyn std::error::Error>> {
    /// bot.publish(Slot::video("desk")?, &Source::File("desk.webm".into())).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The source cannot be opened, in which case the earlier one continues, or the room is closed.
    pub async fn publish(&self, slot: impl Into<Slot>, source: &Source) -> Result<(), MediaError> {
        let slot = slot.into();
        let (source, label) = (source.open(slot.kind()).await?, slot.label(source));
        let command = Command::Publish { slot, source, label };
        self.commands.send(command).await.map_err(|_| MediaError::RoomClosed)
    }

    /// Stops sending in this slot until something is published there again.
    pub async fn unpublish(&self, slot: impl Into<Slot>) {
        // After the end of the room nothing is sent anyway.
        let _ = self.commands.send(Command::Unpublish { slot: slot.into() }).await;
    }

    /// Mutes this slot until [`unmute`](Self::unmute), whether or not something is published there
    /// yet. The others hear silence or see a black frame, which costs next to nothing. The source
    /// plays on unheard and unseen. Nothing is negotiated.
    ///
    /// The others learn of it from this participant's state; see [`is_muted`](Self::is_muted).
    pub async fn mute(&self, slot: impl Into<Slot>) {
        self.set_muted(slot.into(), true).await;
    }

    /// Unmutes this slot. Video begins with a frame that can be decoded.
    pub async fn unmute(&self, slot: impl Into<Slot>) {
        self.set_muted(slot.into(), false).await;
    }

    async fn set_muted(&self, slot: Slot, is_muted: bool) {
        // After the end of the room nothing is sent anyway.
        let _ = self.commands.send(Command::Mute { slot, is_muted }).await;
    }

    /// Shares a screen or another video source until [`stop_sharing`](Self::stop_sharing). It
    /// replaces an earlier shared source. [Publish](Self::publish) its audio as
    /// [`Slot::ScreenAudio`].
    ///
    /// In the video's place the screen needs no negotiation if it has the video's codec; the video
    /// plays on unseen. [`Event::ShareEnded`] reports a screen that ends by itself. It also reports
    /// a screen that is not shown because eight tracks are sent already, as
    /// [`MediaError::TooManyTracks`].
    ///
    /// # Errors
    ///
    /// The source cannot be opened, in which case the earlier video continues, or the room is
    /// closed.
    pub async fn share(&self, source: &Source, place: SharePlace) -> Result<(), MediaError> {
        let source = source.open(Slot::Screen.kind()).await?;
        let command = Command::Share { source, place };
        self.commands.send(command).await.map_err(|_| MediaError::RoomClosed)
    }

    /// Stops sharing, including the audio. The video takes its place again.
    pub async fn stop_sharing(&self) {
        // After the end of the room nothing is shared anyway.
        let _ = self.commands.send(Command::StopSharing).await;
    }

    /// Sets what to receive from a participant. A negotiation asks the other side to send nothing
    /// else. Unwanted tracks end, and [`Event::Track`] announces tracks that are wanted again.
    ///
    /// The setting is forgotten when that participant leaves. It has no effect for a participant
    /// who is not in the room.
    pub async fn receive(&self, from: ParticipantId, wanted: Wanted) {
        // After the end of the room nothing is received anyway.
        let _ = self.commands.send(Command::Receive { from, wanted }).await;
    }

    /// Returns the statistics of the connection to another participant; `None` without a
    /// connection.
    pub async fn stats(&self, of: ParticipantId) -> Option<PeerStats> {
        let (reply, stats) = oneshot::channel();
        let request = ConnectionRequest::Stats { reply };
        self.commands.send(Command::Connection { peer: of, request }).await.ok()?;
        stats.await.ok()
    }

    /// Sends a message through the server: to one participant or to everybody, who receive it as
    /// [`Event::Message`], or to the host application ([`Audience::Host`]), which answers with
    /// [`Event::HostMessage`]. The topic has 1 to 64 characters, the data at most 16 KiB as JSON.
    /// Participants that speak v1 do not receive it.
    ///
    /// This waits until the server has accepted the message, even while the signaling connection is
    /// being reopened. Cancelling the call does not withdraw the message.
    ///
    /// # Errors
    ///
    /// The topic or the data is too long or has no JSON form; the server refuses, for example with
    /// `peer_not_found` (also if no host application takes messages) or `rate_limited`; too much
    /// waits for the server already; or it is unknown whether the server has accepted the message.
    /// Another node of the server, or the host application, may refuse later, which arrives as
    /// [`Event::SignalingError`].
    pub async fn send_message<T: Serialize + ?Sized>(
        &self,
        to: Audience,
        topic: &str,
        data: &T,
    ) -> Result<(), CommandError> {
        self.request(requests::message(to, topic, data)?).await
    }

    /// Replaces this participant's state, at most 4 KiB as JSON. The others receive it as
    /// [`Event::ParticipantUpdated`], and participants that join later find it in
    /// [`ParticipantInfo::state`](crate::ParticipantInfo::state). It is kept when the participant
    /// comes back under another id.
    ///
    /// # Errors
    ///
    /// Those of [`send_message`](Self::send_message).
    pub async fn set_state<T: Serialize + ?Sized>(&self, state: &T) -> Result<(), CommandError> {
        self.request(requests::state(state)?).await
    }

    /// Replaces the name that the others see.
    ///
    /// # Errors
    ///
    /// Those of [`send_message`](Self::send_message), and [`CommandError::Name`] for a name that
    /// cannot be shown.
    pub async fn set_name(&self, name: &str) -> Result<(), CommandError> {
        self.request(requests::name(name)?).await
    }

    async fn request(&self, message: ClientMessage) -> Result<(), CommandError> {
        let (reply, outcome) = oneshot::channel();
        let command = Command::Request { message, reply };
        self.commands.send(command).await.map_err(|_| CommandError::Closed)?;
        outcome.await.map_err(|_| CommandError::Closed)?
    }

    /// Restarts ICE with another participant over new sockets. The participant does this by itself
    /// when the local address of a connection is gone, and when this machine gains an address while
    /// the connection does not work.
    pub async fn restart_ice(&self, with: ParticipantId) {
        // After the end of the room there is nothing to restart.
        let _ = self.commands.send(Command::RestartIce { peer: with }).await;
    }

    /// Drops the signaling connection and opens another one, as after a loss: the seat is resumed,
    /// and media goes on. A participant does this by itself when the server no longer responds, or
    /// when the local address is gone.
    pub async fn reconnect(&self) {
        // After the end of the room there is nothing to reconnect to.
        let _ = self.commands.send(Command::Reconnect).await;
    }

    /// Leaves the room and waits until every connection is closed.
    ///
    /// If this participant created the room, leaving closes it for everybody, unless the room was
    /// created with [`OnCreatorLeave::Keep`](crate::OnCreatorLeave::Keep).
    ///
    /// Without the signaling connection, this tries for 5 s to open it again and tell the server.
    /// If that fails, the server gives up the seat 30 s after the loss, and the room of a creator
    /// stays open until it is closed otherwise or expires.
    pub async fn leave(self) {
        // It fails if the room has ended by itself.
        let _ = self.commands.send(Command::Leave).await;
        // The task ends after everything else.
        self.commands.closed().await;
    }

    /// The current room; `None` if the server speaks v1.
    pub fn room(&self) -> Option<RoomInfo> {
        self.roster.room()
    }

    /// The other participants currently in the room, oldest first. This is ahead of the events that
    /// have not been taken yet.
    pub fn participants(&self) -> Vec<ParticipantInfo> {
        self.roster.participants()
    }

    /// Another participant; `None` if it is not in the room.
    pub fn participant(&self, id: ParticipantId) -> Option<ParticipantInfo> {
        self.roster.participant(id)
    }

    /// Whether another participant has muted this slot. [`Event::ParticipantUpdated`] reports
    /// possible changes.
    ///
    /// Participants announce this in a member of their state: `{"muted": ["audio", "video:desk"]}`,
    /// or `true` for the audio. This crate adds the member to the state of
    /// [`set_state`](Self::set_state), if that is an object without such a member and the result is
    /// within the limit. It is unknown for participants that speak v1.
    pub fn is_muted(&self, of: ParticipantId, slot: impl Into<Slot>) -> bool {
        let name = slot.into().to_string();
        self.roster.muted(of).contains(&name)
    }

    /// The id of this participant. [`Event::Rejoined`] reports a change.
    pub fn id(&self) -> ParticipantId {
        *self.id.borrow()
    }
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant").field("id", &self.id()).finish_non_exhaustive()
    }
}

const MAX_LABEL_BYTES: usize = 1024;
const MAX_COMMANDS: usize = 64;
