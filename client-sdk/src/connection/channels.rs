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

use super::data::{NAMED, Outlet};
use super::{Out, Told};
use crate::channel::{DataChannel, DataMessage, Delivery, Inlet, Reliability};

/// A named channel that the application wants to open.
#[derive(Debug)]
pub(crate) struct NewChannel {
    pub(crate) label: String,
    pub(crate) delivery: Delivery,
    /// Dropped if the channel cannot be opened.
    pub(crate) reply: oneshot::Sender<DataChannel>,
}

/// Opens, carries and closes them.
#[derive(Clone)]
pub(super) struct Channels {
    pc: Arc<dyn PeerConnection>,
    /// Held while streams are given out or given back.
    streams: Arc<Mutex<()>>,
    /// For channels that the other side opens.
    places: Arc<Semaphore>,
    out: Out,
}

impl Channels {
    pub(super) fn new(pc: Arc<dyn PeerConnection>, out: Out) -> Self {
        Self { pc, streams: Arc::default(), places: Arc::new(Semaphore::new(MOST_CHANNELS)), out }
    }

    /// Opens a channel, gives it to whoever wants it, and feeds it until either side closes it.
    pub(super) async fn carry_new(self, new: NewChannel) {
        let NewChannel { label, delivery, reply } = new;
        let mut attempts = 0;
        let (channel, handle, inlet) = loop {
            let channel = match self.create(&label, delivery).await {
                Ok(channel) => channel,
                Err(error) => {
                    tracing::debug!(peer = %self.out.peer, %error, "a data channel cannot be created");
                    return;
                }
            };
            if let Some((handle, inlet)) = self.opened(&channel).await {
                break (channel, handle, inlet);
            }
            // It may have got the stream of one that the other side had closed a moment before, and ended with it.
            attempts += 1;
            if attempts == MOST_ATTEMPTS {
                return;
            }
            sleep(SETTLING).await;
        };
        let stream = self.stream(channel.as_ref()).await;
        if reply.send(handle).is_ok() {
            feed(channel.as_ref(), &inlet).await;
        }
        drop(inlet);
        self.retire(channel, stream).await;
    }

    /// Hands a channel of the other side to the application, and feeds it until either side closes it.
    pub(super) async fn carry_received(self, channel: Arc<dyn Channel>) {
        if let Ok(_place) = self.places.try_acquire() {
            if let Some((handle, inlet)) = self.opened(&channel).await {
                self.out.tell(Told::DataChannel(handle)).await;
                feed(channel.as_ref(), &inlet).await;
            }
        } else {
            tracing::warn!(peer = %self.out.peer, "the other side opens too many data channels");
        }
        // Its stream is the other side's to use again.
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
        let _streams = self.streams.lock().await;
        self.pc.create_data_channel(label, Some(init)).await
    }

    /// Waits until a channel is open.
    async fn opened(&self, channel: &Arc<dyn Channel>) -> Option<(DataChannel, Inlet)> {
        loop {
            match channel.poll().await? {
                DataChannelEvent::OnOpen => break,
                DataChannelEvent::OnClose => return None,
                _ => {}
            }
        }
        let (label, ordered) = (channel.label().await.ok()?, channel.ordered().await.ok()?);
        Some(DataChannel::new(self.out.peer, label, ordered, Outlet::of(channel)))
    }

    /// Closes a channel of this side and sees to it that its stream is not used again: webrtc-rs would give it to the next
    /// channel before the other side has closed it as well, which RFC 8831 section 6.7 forbids, and then take the end of
    /// the old one for that of the new one.
    async fn retire(&self, channel: Arc<dyn Channel>, stream: Option<u16>) {
        let mut streams = Some(self.streams.lock().await);
        let is_first = close(channel.as_ref()).await;
        // It is this side alone that is waited for.
        let _ = timeout(CLOSING, closed(channel.as_ref())).await;
        drop(channel);
        let mut settling = pin!(sleep(SETTLING));
        let Some(stream) = stream.filter(|_| is_first) else {
            // The stream is free, and perhaps another channel's by now. What both sides have to say to each other about its
            // end takes a moment.
            return settling.await;
        };
        // What the other side has still to say about the old channel closes the placeholder.
        for _ in 0..MOST_PLACEHOLDERS {
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

    /// Opens a channel on that stream without telling the other side.
    async fn occupy(&self, stream: u16) -> Result<Arc<dyn Channel>, Error> {
        let init = RTCDataChannelInit { negotiated: Some(stream), ..RTCDataChannelInit::default() };
        self.pc.create_data_channel("", Some(init)).await
    }

    /// The SCTP stream of an open channel, which only the statistics tell.
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

/// `false` if the other side has closed it already.
async fn close(channel: &dyn Channel) -> bool {
    channel.close().await.is_ok()
}

async fn closed(channel: &dyn Channel) {
    while !matches!(channel.poll().await, Some(DataChannelEvent::OnClose) | None) {}
}

async fn feed(channel: &dyn Channel, inlet: &Inlet) {
    loop {
        let message = tokio::select! {
            event = channel.poll() => match event {
                Some(DataChannelEvent::OnMessage(message)) => message,
                Some(DataChannelEvent::OnClose) | None => return,
                Some(_) => continue,
            },
            () = inlet.abandoned() => return,
        };
        let message = DataMessage { data: message.data.freeze(), is_text: message.is_string };
        if !inlet.push(message).await {
            return;
        }
    }
}

/// Channels of the other side that stand at once, besides the default one.
const MOST_CHANNELS: usize = 64;
const CLOSING: Duration = Duration::from_secs(1);
const SETTLING: Duration = Duration::from_millis(100);
const MOST_ATTEMPTS: u32 = 3;
const MOST_PLACEHOLDERS: usize = 16;
