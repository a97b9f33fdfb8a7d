//! The SCTP streams of the data channels that this side has opened.
//!
//! webrtc-rs gives a new channel the lowest stream that is free on this side, even if the other
//! side has not closed the old channel yet, which RFC 8831 section 6.7 forbids. A late or repeated
//! stream reset of the other side then ends the new channel. Therefore no stream is used twice:
//! once its channel is gone, a placeholder, which the other side does not know of, occupies it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rtc::shared::error::Error;
use rtc::statistics::StatsSelector;
use rtc::statistics::report::RTCStatsReportEntry;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};
use webrtc::peer_connection::PeerConnection;

/// The occupant of each stream: its channel, or a placeholder.
pub(super) struct Streams {
    pc: Arc<dyn PeerConnection>,
    holders: BTreeMap<u16, Arc<dyn DataChannel>>,
    /// New placeholders, which have to be watched.
    placeholders: mpsc::UnboundedSender<Placeholder>,
    /// When the other side has had time to close the channels that this side has closed.
    settled: Instant,
}

/// A channel that the other side does not know of.
pub(super) struct Placeholder {
    stream: u16,
    channel: Arc<dyn DataChannel>,
}

impl Streams {
    pub(super) fn new(pc: Arc<dyn PeerConnection>) -> (Self, mpsc::UnboundedReceiver<Placeholder>) {
        let (placeholders, placed) = mpsc::unbounded_channel();
        let settled = Instant::now();
        (Self { pc, holders: BTreeMap::new(), placeholders, settled }, placed)
    }

    /// Opens a channel on a stream that was never used. A channel that is created at the moment in
    /// which the other side closes an old one would take its stream, so this waits until that is
    /// unlikely.
    pub(super) async fn create(
        &mut self,
        label: &str,
        init: RTCDataChannelInit,
    ) -> Result<Arc<dyn DataChannel>, Error> {
        sleep_until(self.settled).await;
        let held: Vec<_> = self.holders.iter().map(|(at, it)| (*at, it.clone())).collect();
        for (stream, holder) in held {
            self.renew(stream, holder.as_ref()).await?;
        }
        self.pc.create_data_channel(label, Some(init)).await
    }

    /// Records the stream of an opened channel; `None` if another channel had that stream before,
    /// and it became free while this one was created.
    pub(super) async fn keep(&mut self, channel: &Arc<dyn DataChannel>) -> Option<u16> {
        let stream = self.stream(channel.as_ref()).await?;
        match self.holders.entry(stream) {
            Entry::Occupied(_) => None,
            Entry::Vacant(entry) => {
                entry.insert(Arc::clone(channel));
                Some(stream)
            }
        }
    }

    /// Closes the channel of a recorded stream, and occupies the stream.
    pub(super) async fn close(
        &mut self,
        stream: u16,
        channel: &dyn DataChannel,
    ) -> Result<(), Error> {
        self.give_up(channel).await;
        self.renew(stream, channel).await
    }

    /// Closes a channel, whatever stream it has.
    pub(super) async fn give_up(&mut self, channel: &dyn DataChannel) {
        // The other side may have closed it.
        let _ = channel.close().await;
        let _ = timeout(CLOSING, gone(channel)).await;
        self.settled = Instant::now() + SETTLING;
    }

    /// Occupies the stream with a placeholder if its occupant is gone.
    async fn renew(&mut self, stream: u16, holder: &dyn DataChannel) -> Result<(), Error> {
        if !self.is_held_by(stream, holder) || holder.ready_state().await.is_ok() {
            return Ok(());
        }
        let init = RTCDataChannelInit { negotiated: Some(stream), ..RTCDataChannelInit::default() };
        let channel = self.pc.create_data_channel("", Some(init)).await?;
        self.holders.insert(stream, Arc::clone(&channel));
        // Nobody watches once the connection is over.
        let _ = self.placeholders.send(Placeholder { stream, channel });
        Ok(())
    }

    fn is_held_by(&self, stream: u16, channel: &dyn DataChannel) -> bool {
        self.holders.get(&stream).is_some_and(|holder| holder.id() == channel.id())
    }

    /// The stream of an open channel, which webrtc-rs reports only in its statistics.
    async fn stream(&self, channel: &dyn DataChannel) -> Option<u16> {
        let report = self.pc.get_stats(std::time::Instant::now(), StatsSelector::None).await;
        let id = format!("RTCDataChannel_{}", channel.id());
        report.iter().find_map(|entry| match entry {
            RTCStatsReportEntry::DataChannel(stats) if stats.stats.id == id => {
                Some(stats.data_channel_identifier)
            }
            _ => None,
        })
    }
}

/// Discards messages on the streams of placeholders, and replaces placeholders that the other side
/// ends, for as long as the connection lasts.
pub(super) async fn watch(
    streams: &Mutex<Streams>,
    placed: &mut mpsc::UnboundedReceiver<Placeholder>,
) {
    let mut watched = FuturesUnordered::new();
    loop {
        // Nothing else may be awaited here: the locks of webrtc-rs are fair, and a suspended branch
        // could hold one.
        tokio::select! {
            Some(placeholder) = placed.recv() => watched.push(replace(streams, placeholder)),
            Some(()) = watched.next() => {}
            else => return,
        }
    }
}

async fn replace(streams: &Mutex<Streams>, Placeholder { stream, channel }: Placeholder) {
    if !gone(channel.as_ref()).await {
        return;
    }
    let renewed = streams.lock().await.renew(stream, channel.as_ref()).await;
    if let Err(error) = renewed {
        tracing::debug!(stream, %error, "cannot reserve an SCTP stream");
    }
}

/// Waits until webrtc-rs has forgotten a channel, and discards its messages; `false` if the
/// connection is over.
async fn gone(channel: &dyn DataChannel) -> bool {
    while channel.ready_state().await.is_ok() {
        if channel.poll().await.is_none() {
            return false;
        }
    }
    true
}

/// How long this side waits for its own close.
const CLOSING: Duration = Duration::from_secs(1);
const SETTLING: Duration = Duration::from_millis(100);
