//! A participant in a room: the handle that the application holds.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde::Serialize;
use signal_core::{Audience, ClientMessage, ParticipantId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::channel::{DataChannel, Delivery};
use crate::command;
use crate::connection::{Errand, NewChannel, Setup};
use crate::door::Door;
use crate::driver::{Driver, Wish};
use crate::error::{ChannelError, CommandError, EnterError, MediaError, SendError};
use crate::event::Event;
use crate::ice::IceServer;
use crate::media::{MediaKind, Outgoing, SharePlace, Source};
use crate::options::Options;
use crate::session::Session;
use crate::stats::PeerStats;

/// A participant that is in a room.
///
/// It takes part in a task of its own until [`leave`](Self::leave); dropping it leaves as well, in the background.
///
/// Up to 1024 events wait for [`next_event`](Self::next_event). Beyond that new ones are dropped and told as
/// [`Event::Lagged`], so take events even if you do not need them.
#[derive(Debug)]
pub struct Participant {
    id: watch::Receiver<ParticipantId>,
    wishes: mpsc::Sender<Wish>,
    events: mpsc::Receiver<Event>,
    driver: JoinHandle<()>,
}

impl Participant {
    pub(crate) async fn enter(
        door: Door,
        ice_servers: Vec<IceServer>,
        options: &Options,
    ) -> Result<Self, EnterError> {
        let mut outgoing = Outgoing::new(options);
        let mut failed = outgoing.publish_all([
            (MediaKind::Audio, options.audio.as_ref()),
            (MediaKind::Video, options.video.as_ref()),
        ]);
        if options.require_media && !failed.is_empty() {
            return Err(failed.swap_remove(0).1.into());
        }
        let entered = door.enter().await?;
        let ice_servers = entered.ice_servers().unwrap_or(ice_servers);
        let setup = Setup::new(options, &ice_servers, outgoing.watch());
        if options.relay_only && !setup.has_relay() {
            entered.signaling.close().await;
            return Err(EnterError::NoRelay);
        }
        let mut session = Session::new();
        session.handle_message(entered.first, Instant::now());
        let id =
            session.id().ok_or_else(|| EnterError::Signaling("expected `joined` first".into()))?;

        let (wishes, wished) = mpsc::channel(QUEUE_WISHES);
        let (told, events) = mpsc::channel(QUEUE_EVENTS + 1);
        let (id_changed, id) = watch::channel(id);
        let setup = Arc::new(setup);
        let mut driver =
            Driver::new(session, entered.signaling, door, setup, outgoing, told, id_changed);
        for (kind, reason) in failed {
            driver.degraded(kind, reason);
        }
        Ok(Self { id, wishes, events, driver: tokio::spawn(driver.run(wished)) })
    }

    /// Waits for the next event; `None` after [`Event::Closed`]. Safe to cancel.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Sends data to another participant, in order and reliably, after [`Event::DataChannelOpen`] for it.
    ///
    /// # Errors
    ///
    /// There is no open data channel to it, 1 MiB or more waits already, or the data is larger than the other side takes:
    /// 64 KiB for this crate.
    pub async fn send_data(
        &self,
        to: ParticipantId,
        data: impl Into<Bytes>,
    ) -> Result<(), SendError> {
        let (reply, outlet) = oneshot::channel();
        let wish = Wish::DefaultChannel { to, reply };
        self.wishes.send(wish).await.map_err(|_| SendError::Closed)?;
        outlet.await.map_err(|_| SendError::Closed)??.send(data.into()).await
    }

    /// Opens a data channel of that name, at most 1024 bytes, to another participant, which learns of it by
    /// [`Event::DataChannel`]; a page by `ondatachannel`. Names need not be unique.
    ///
    /// It waits until the channel is open, and so until the connection stands. Cancelling it gives the channel up.
    ///
    /// # Errors
    ///
    /// There is no connection to that participant, or it was given up before the channel was open.
    pub async fn open_channel(
        &self,
        with: ParticipantId,
        label: &str,
        delivery: Delivery,
    ) -> Result<DataChannel, ChannelError> {
        if label.len() > MOST_LABEL {
            return Err(ChannelError::Label);
        }
        let (reply, opened) = oneshot::channel();
        let errand = Errand::OpenChannel(NewChannel { label: label.to_owned(), delivery, reply });
        let wish = Wish::Errand { of: with, errand };
        self.wishes.send(wish).await.map_err(|_| ChannelError::Closed)?;
        opened.await.map_err(|_| ChannelError::NoConnection)
    }

    /// Sends a source to everybody, from now on and to whoever comes later. One of the same kind that was sent before is
    /// replaced; the others notice nothing of it but the new picture or sound if the codec is the same.
    ///
    /// # Errors
    ///
    /// The source cannot be opened, in which case what was sent before goes on, or the room is closed.
    pub async fn publish(&self, kind: MediaKind, source: &Source) -> Result<(), MediaError> {
        let (source, label) = (source.open(kind)?, source.label(kind));
        self.wishes
            .send(Wish::Publish { kind, source, label })
            .await
            .map_err(|_| MediaError::RoomClosed)
    }

    /// Sends no more audio or video, until it is published again.
    pub async fn unpublish(&self, kind: MediaKind) {
        // After the end of the room nothing is sent anyway.
        let _ = self.wishes.send(Wish::Unpublish { kind }).await;
    }

    /// Shows a screen, or what else is to be seen for a while, until [`stop_sharing`](Self::stop_sharing). One that was
    /// shown before is replaced. In the video's place it is seen without a negotiation if it has the video's codec;
    /// the video itself goes on unseen.
    ///
    /// If it ends by itself, [`Event::ShareEnded`] tells so.
    ///
    /// # Errors
    ///
    /// The source cannot be opened or the room is closed; what was seen before goes on.
    pub async fn share(&self, source: &Source, place: SharePlace) -> Result<(), MediaError> {
        let source = source.open(MediaKind::Video)?;
        self.wishes.send(Wish::Share { source, place }).await.map_err(|_| MediaError::RoomClosed)
    }

    /// Stops to show what was shared; the video is back in its place.
    pub async fn stop_sharing(&self) {
        // After the end of the room nothing is shown anyway.
        let _ = self.wishes.send(Wish::StopSharing).await;
    }

    /// How the connection to another participant does; `None` without a connection.
    pub async fn stats(&self, of: ParticipantId) -> Option<PeerStats> {
        let (reply, stats) = oneshot::channel();
        self.wishes.send(Wish::Errand { of, errand: Errand::Stats { reply } }).await.ok()?;
        stats.await.ok()
    }

    /// Sends a message to one participant or to everybody, by way of the server; they get it as [`Event::Message`]. The
    /// topic has 1 to 64 characters, the data at most 16 KiB as JSON. Participants that speak the first version of the
    /// protocol get none.
    ///
    /// It waits until the server has taken the message, also while the signaling connection is being opened again.
    /// Cancelling it does not take the message back.
    ///
    /// # Errors
    ///
    /// The topic or the data is too long or cannot be written as JSON, the server refuses, like `peer_not_found` or
    /// `rate_limited`, too much waits for it already, or it is not known whether it has taken the message. Of one that is
    /// on its way to another node of the server a refusal may come later, as [`Event::SignalingError`].
    pub async fn send_message<T: Serialize + ?Sized>(
        &self,
        to: Audience,
        topic: &str,
        data: &T,
    ) -> Result<(), CommandError> {
        self.command(command::message(to, topic, data)?).await
    }

    /// Changes what this participant says of itself, at most 4 KiB as JSON. The others get it as
    /// [`Event::ParticipantUpdated`], and whoever comes later in [`ParticipantInfo::state`](crate::ParticipantInfo::state). It is kept when the
    /// room is entered anew.
    ///
    /// # Errors
    ///
    /// As [`send_message`](Self::send_message).
    pub async fn set_state<T: Serialize + ?Sized>(&self, state: &T) -> Result<(), CommandError> {
        self.command(command::state(state)?).await
    }

    /// Changes the name that the others see, as [`set_state`](Self::set_state) does the state.
    ///
    /// # Errors
    ///
    /// As [`send_message`](Self::send_message), and where the name cannot be shown.
    pub async fn set_name(&self, name: &str) -> Result<(), CommandError> {
        self.command(command::name(name)?).await
    }

    async fn command(&self, message: ClientMessage) -> Result<(), CommandError> {
        let (reply, outcome) = oneshot::channel();
        self.wishes
            .send(Wish::Command { message, reply })
            .await
            .map_err(|_| CommandError::Closed)?;
        outcome.await.map_err(|_| CommandError::Closed)?
    }

    /// Starts ICE anew with another participant, for example after the network has changed.
    pub async fn restart_ice(&self, with: ParticipantId) {
        // After the end of the room there is nothing to restart.
        let _ = self.wishes.send(Wish::RestartIce { with }).await;
    }

    /// Leaves the room and waits until every connection is closed.
    ///
    /// If this participant created the room, that closes it for everybody.
    pub async fn leave(self) {
        let Self { wishes, events, driver, .. } = self;
        // Both go unanswered if the room has ended by itself.
        let _ = wishes.send(Wish::Leave).await;
        drop((wishes, events));
        let _ = driver.await;
    }

    /// The id that the others know this participant by; [`Event::Rejoined`] tells when it changes.
    pub fn id(&self) -> ParticipantId {
        *self.id.borrow()
    }
}

const MOST_LABEL: usize = 1024;
/// Besides the last one.
const QUEUE_EVENTS: usize = 1024;
const QUEUE_WISHES: usize = 64;
