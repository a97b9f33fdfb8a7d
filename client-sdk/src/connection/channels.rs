//! The named data channels of one connection.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::shared::error::Error;
use rtc::statistics::StatsSelector;
use rtc::statistics::report::RTCStatsReportEntry;
use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use webrtc::data_channel::{DataChannel as Channel, DataChannelEvent, RTCDataChannelInit};
use webrtc::peer_connection::PeerConnection;

use super::event::{ConnectionEvent, EventSender};
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
    /// Held while an SCTP stream is taken or given back.
    streams: Arc<Mutex<()>>,
    /// One permit for each channel that the other side may have open.
    places: Arc<Semaphore>,
    events: EventSender,
}

impl Channels {
    pub(super) fn new(pc: Arc<dyn PeerConnection>, events: EventSender) -> Self {
        Self { pc, streams: Arc::default(), places: Arc::new(Semaphore::new(MAX_CHANNELS)), events }
    }

    /// Opens a channel, hands it to the application, and feeds it until either side closes it.
    pub(super) async fn open(self, new: NewChannel) {
        let NewChannel { label, delivery, reply } = new;
        let mut attempts = 0;
        let (channel, handle, mailbox) = loop {
            let channel = match self.create(&label, delivery).await {
                Ok(channel) => channel,
                Err(error) => {
                    let peer = self.events.peer;
                    tracing::debug!(%peer, %error, "a data channel cannot be created");
                    return;
                }
            };
            if let Some((handle, mailbox)) = self.opened(&channel).await {
                break (channel, handle, mailbox);
            }
            // It may have taken the stream of a channel that the other side had just closed, and
            // ended with it.
            attempts += 1;
            if attempts == MAX_ATTEMPTS {
                return;
            }
            sleep(SETTLING).await;
        };
        let stream = self.stream(channel.as_ref()).await;
        if reply.send(handle).is_ok() {
            feed(channel.as_ref(), &mailbox).await;
        }
        drop(mailbox);
        self.retire(channel, stream).await;
    }

    /// Hands a channel of the other side to the application, and feeds it until either side closes
    /// it.
    pub(super) async fn receive(self, channel: Arc<dyn Channel>) {
        if let Ok(_place) = self.places.try_acquire() {
            if let Some((handle, mailbox)) = self.opened(&channel).await {
                self.events.send(ConnectionEvent::DataChannel(handle)).await;
                feed(channel.as_ref(), &mailbox).await;
            }
        } else {
            tracing::warn!(peer = %self.events.peer, "the other side opens too many data channels");
        }
        // The stream is for the other side to use again.
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
        let channel = {
            let _streams = self.streams.lock().await;
            self.pc.create_data_channel(label, Some(init)).await?
        };
        if lack_section(self.pc.as_ref()).await {
            self.events.report(Report::NegotiationNeeded).await;
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

    /// Closes a channel of this side and keeps its stream from being used again. webrtc-rs would
    /// give the stream to the next channel before the other side has closed it too, which RFC 8831
    /// section 6.7 forbids, and then take the end of the old channel for that of the new one.
    async fn retire(&self, channel: Arc<dyn Channel>, stream: Option<u16>) {
        let mut streams = Some(self.streams.lock().await);
        let is_first = close(channel.as_ref()).await;
        // This waits for this side alone.
        let _ = timeout(CLOSING, closed(channel.as_ref())).await;
        drop(channel);
        let mut settling = pin!(sleep(SETTLING));
        let Some(stream) = stream.filter(|_| is_first) else {
            // The stream is free, and perhaps that of another channel by now. What the two sides
            // still exchange about its end takes a moment.
            return settling.await;
        };
        // What the other side still sends about the old channel closes the placeholder.
        for _ in 0..MAX_PLACEHOLDERS {
            let Ok(placeholder) = self.occupy(stream).await else { return };
            let mut closed = pin!(closed(placeholder.as_ref()));
            loop {
                tokio::select! {
                    () = &mut closed => break,
                    () = &mut settling, if streams.is_some() => streams = None,
                }
            }
        }
    }

    /// Opens a channel on a stream without telling the other side.
    async fn occupy(&self, stream: u16) -> Result<Arc<dyn Channel>, Error> {
        let init = RTCDataChannelInit { negotiated: Some(stream), ..RTCDataChannelInit::default() };
        self.pc.create_data_channel("", Some(init)).await
    }

    /// The SCTP stream of an open channel, which only the statistics contain.
    async fn stream(&self, channel: &dyn Channel) -> Option<u16> {
        let report = self.pc.get_stats(Instant::now(), StatsSelector::None).await;
        let id = format!("RTCDataChannel_{}", channel.id());
        report.iter().find_map(|entry| match entry {
            RTCStatsReportEntry::DataChannel(stats) if stats.stats.id == id => {
                Some(stats.data_channel_identifier)
            }
            _ => None,
        })
    }
}

/// Whether the descriptions lack a section for data channels, as after the offer of a page that has
/// none. Before the first negotiation nothing is known to lack.
pub(super) async fn lack_section(pc: &dyn PeerConnection) -> bool {
    let description = pc.current_local_description().await;
    description.is_some_and(|description| !description.sdp.contains("m=application"))
}

/// `false` if the other side has closed it already.
async fn close(channel: &dyn Channel) -> bool {
    channel.close().await.is_ok()
}

async fn closed(channel: &dyn Channel) {
    while !matches!(channel.poll().await, Some(DataChannelEvent::OnClose) | None) {}
}

async fn feed(channel: &dyn Channel, mailbox: &MailboxSender) {
    loop {
        let message = tokio::select! {
            event = channel.poll() => match event {
                Some(DataChannelEvent::OnMessage(message)) => message,
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
/// The open channels of the other side, besides the default one.
const MAX_CHANNELS: usize = 64;
const CLOSING: Duration = Duration::from_secs(1);
const SETTLING: Duration = Duration::from_millis(100);
const MAX_ATTEMPTS: u32 = 3;
const MAX_PLACEHOLDERS: usize = 16;
