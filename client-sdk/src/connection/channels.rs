//! The named data channels of one connection.

use std::sync::Arc;
use std::time::Duration;

use rtc::peer_connection::transport::{RTCDtlsTransportState, RTCSctpTransportState};
use rtc::shared::error::Error;
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep};
use webrtc::data_channel::{DataChannel as Channel, DataChannelEvent, RTCDataChannelInit};
use webrtc::peer_connection::PeerConnection;

use super::event::{ConnectionEvent, EventSender};
use super::streams::{Placeholder, Streams, watch};
use crate::channel::{
    ChannelWriter, DataChannel, DataMessage, Delivery, MailboxSender, Reliability,
};
use crate::session::Report;

/// A named channel to be opened.
#[derive(Debug)]
pub(crate) struct NewChannel {
    pub(crate) label: String,
    pub(crate) delivery: Delivery,
    /// Dropped if the channel cannot be opened.
    pub(crate) reply: oneshot::Sender<DataChannel>,
}

/// Opens, feeds and closes channels.
#[derive(Clone)]
pub(super) struct Channels {
    pc: Arc<dyn PeerConnection>,
    streams: Arc<Mutex<Streams>>,
    /// Locked by the task that watches them.
    placed: Arc<Mutex<mpsc::UnboundedReceiver<Placeholder>>>,
    /// A permit for each channel that the other side may have open.
    places: Arc<Semaphore>,
    events: EventSender,
}

impl Channels {
    pub(super) fn new(pc: Arc<dyn PeerConnection>, events: EventSender) -> Self {
        let (streams, placed) = Streams::new(Arc::clone(&pc));
        let (streams, placed) = (Arc::new(Mutex::new(streams)), Arc::new(Mutex::new(placed)));
        Self { pc, streams, placed, places: Arc::new(Semaphore::new(MAX_CHANNELS)), events }
    }

    /// Opens a channel, hands it to the application, and feeds it until either side closes it.
    pub(super) async fn open(self, new: NewChannel) {
        let NewChannel { label, delivery, reply } = new;
        let mut attempts = 0;
        let (channel, stream, handle, mailbox) = loop {
            let channel = match self.create(&label, delivery).await {
                Ok(channel) => channel,
                Err(error) => {
                    let peer = self.events.peer;
                    tracing::debug!(%peer, %error, "a data channel cannot be created");
                    return;
                }
            };
            if let Some((handle, mailbox)) = self.opened(&channel).await
                && let Some(stream) = self.streams.lock().await.keep(&channel).await
            {
                break (channel, stream, handle, mailbox);
            }
            // The channel took the stream of one that the other side closed just then.
            self.streams.lock().await.give_up(channel.as_ref()).await;
            attempts += 1;
            if attempts == MAX_ATTEMPTS {
                return;
            }
        };
        if reply.send(handle).is_ok() {
            feed(channel.as_ref(), &mailbox, &self.events).await;
        }
        drop(mailbox);
        if let Err(error) = self.streams.lock().await.close(stream, channel.as_ref()).await {
            tracing::debug!(peer = %self.events.peer, %error, "cannot reserve an SCTP stream");
        }
        drop(channel);
        // The first task that gets here watches for all.
        if let Ok(mut placed) = self.placed.try_lock() {
            watch(&self.streams, &mut placed).await;
        }
    }

    /// Hands a channel of the other side to the application, and feeds it until either side closes
    /// it.
    pub(super) async fn receive(self, channel: Arc<dyn Channel>) {
        if !self.events.takes_data() {
            tracing::debug!(peer = %self.events.peer, "the other side may not publish");
        } else if let Ok(_place) = self.places.try_acquire() {
            if let Some((handle, mailbox)) = self.opened(&channel).await {
                self.events.send(ConnectionEvent::DataChannel(handle)).await;
                feed(channel.as_ref(), &mailbox, &self.events).await;
            }
        } else {
            tracing::warn!(peer = %self.events.peer, "the other side opens too many data channels");
        }
        // The other side may use the stream again.
        close(channel.as_ref()).await;
    }

    async fn create(&self, label: &str, delivery: Delivery) -> Result<Arc<dyn Channel>, Error> {
        let (max_retransmits, max_packet_life_time) = match delivery.reliability {
            Reliability::Reliable => (None, None),
            Reliability::Retransmits(times) => (Some(times), None),
            Reliability::Lifetime(time) => {
                (None, Some(u16::try_from(time.as_millis()).unwrap_or(u16::MAX)))
            }
        };
        let init = RTCDataChannelInit {
            ordered: delivery.ordered,
            max_retransmits,
            max_packet_life_time,
            protocol: NAMED.to_owned(),
            negotiated: None,
        };
        until_association(self.pc.as_ref()).await?;
        let channel = self.streams.lock().await.create(label, init).await?;
        if lack_section(self.pc.as_ref()).await {
            self.events.report(Report::SectionMissing).await;
        }
        Ok(channel)
    }

    /// Waits until a channel is open.
    async fn opened(&self, channel: &Arc<dyn Channel>) -> Option<(DataChannel, MailboxSender)> {
        loop {
            match channel.poll().await? {
                DataChannelEvent::OnOpen => break,
                DataChannelEvent::OnClose => return None,
                _ => {}
            }
        }
        let (label, ordered) = (channel.label().await.ok()?, channel.ordered().await.ok()?);
        Some(DataChannel::new(self.events.peer, label, ordered, ChannelWriter::new(channel)))
    }
}

/// Waits until the negotiated SCTP association is up, which webrtc-rs does not report. If a channel
/// is created earlier, webrtc-rs opens it as soon as an INIT has arrived; if that is too early, the
/// channel never opens. Before the negotiation a channel may be created, since it then waits by
/// itself.
///
/// An association that has not begun is `Closed`, as is one that the other side has aborted. Nor
/// does webrtc-rs report that the other side does not answer.
async fn until_association(pc: &dyn PeerConnection) -> Result<(), Error> {
    let mut dtls_up = None;
    while let Some(sctp) = pc.sctp().await {
        match (sctp.transport().state().await?, sctp.state().await?) {
            (RTCDtlsTransportState::Connected, RTCSctpTransportState::Connected) => return Ok(()),
            (RTCDtlsTransportState::Connected, _) => {
                let since = dtls_up.get_or_insert_with(Instant::now);
                if since.elapsed() > ASSOCIATION_PATIENCE {
                    return Err(Error::ErrTimeout);
                }
            }
            // If this does not succeed, the connection ends, and its tasks with it.
            _ => {}
        }
        sleep(MOMENT).await;
    }
    Ok(())
}

/// Whether the descriptions have no section for data channels, as after the offer of a page without
/// any. It is `false` before the first negotiation.
pub(super) async fn lack_section(pc: &dyn PeerConnection) -> bool {
    let description = pc.current_local_description().await;
    description.is_some_and(|description| !description.sdp.contains("m=application"))
}

/// Closes a channel, unless the other side has closed it.
async fn close(channel: &dyn Channel) {
    let _ = channel.close().await;
}

async fn feed(channel: &dyn Channel, mailbox: &MailboxSender, events: &EventSender) {
    loop {
        let message = tokio::select! {
            event = channel.poll() => match event {
                Some(DataChannelEvent::OnMessage(message)) if events.takes_data() => message,
                Some(DataChannelEvent::OnClose) | None => return,
                Some(_) => continue,
            },
            () = mailbox.abandoned() => return,
        };
        let message = DataMessage { data: message.data.freeze(), is_text: message.is_string };
        if !mailbox.push(message).await {
            return;
        }
    }
}

/// The subprotocol (RFC 8832 section 5.1) of channels that were opened by name.
pub(super) const NAMED: &str = "named";
/// How many channels the other side may have open, besides the default one.
const MAX_CHANNELS: usize = 64;
const MAX_ATTEMPTS: u32 = 3;
const MOMENT: Duration = Duration::from_millis(10);
const ASSOCIATION_PATIENCE: Duration = Duration::from_secs(15);
