//! The SCTP streams of the data channels that this side has opened.
//!
//! webrtc-rs gives a new channel the lowest stream that is free on this side, before the other side
//! has closed the old channel too, which RFC 8831 section 6.7 forbids. A late or repeated request of
//! the other side to reset the stream then ends the new channel. So no stream is used twice: once
//! its channel is gone, a placeholder that the other side knows nothing of holds it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use rtc::shared::error::Error;
use rtc::statistics::StatsSelector;
use rtc::statistics::report::RTCStatsReportEntry;
use tokio::time::{Instant, sleep_until, timeout};
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};
use webrtc::peer_connection::PeerConnection;

/// What holds each stream: its channel, or a placeholder.
pub(super) struct Streams {
    pc: Arc<dyn PeerConnection>,
    holders: BTreeMap<u16, Arc<dyn DataChannel>>,
    /// When the other side has had the time to close what this side has closed.
    settled: Instant,
}

impl Streams {
    pub(super) fn new(pc: Arc<dyn PeerConnection>) -> Self {
        Self { pc, holders: BTreeMap::new(), settled: Instant::now() }
    }

    /// Opens a channel on a stream that no channel before it had. A channel that is created at the
    /// very moment in which the other side closes an old one would take its stream, so this waits
    /// until that is unlikely.
    pub(super) async fn create(
        &mut self,
        label: &str,
        init: RTCDataChannelInit,
    ) -> Result<Arc<dyn DataChannel>, Error> {
        sleep_until(self.settled).await;
        let taken: Vec<_> = self.holders.keys().copied().collect();
        for stream in taken {
            self.hold(stream).await?;
        }
        self.pc.create_data_channel(label, Some(init)).await
    }

    /// Keeps the stream of a channel that has been opened. `None` if another channel had it before
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

    /// Closes the channel of a stream that is kept, and holds the stream.
    pub(super) async fn close(&mut self, stream: u16) -> Result<(), Error> {
        if let Some(channel) = self.holders.get(&stream).cloned() {
            self.give_up(channel.as_ref()).await;
        }
        self.hold(stream).await.map(drop)
    }

    /// Closes a channel, whatever stream it has.
    pub(super) async fn give_up(&mut self, channel: &dyn DataChannel) {
        // The other side may have closed it.
        let _ = channel.close().await;
        let _ = timeout(CLOSING, gone(channel)).await;
        self.settled = Instant::now() + SETTLING;
    }

    /// What holds a stream that is kept: a new placeholder if the channel or the placeholder before
    /// it is gone.
    pub(super) async fn hold(&mut self, stream: u16) -> Result<Arc<dyn DataChannel>, Error> {
        if let Some(holder) = self.holders.get(&stream)
            && holder.ready_state().await.is_ok()
        {
            return Ok(Arc::clone(holder));
        }
        let init = RTCDataChannelInit { negotiated: Some(stream), ..RTCDataChannelInit::default() };
        let placeholder = self.pc.create_data_channel("", Some(init)).await?;
        self.holders.insert(stream, Arc::clone(&placeholder));
        Ok(placeholder)
    }

    /// The stream of an open channel, which only the statistics contain.
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

/// Waits until webrtc-rs has forgotten a channel, and discards what arrives. `false` if nothing
/// arrives any more, since the connection is over.
pub(super) async fn gone(channel: &dyn DataChannel) -> bool {
    while channel.ready_state().await.is_ok() {
        if channel.poll().await.is_none() {
            return false;
        }
    }
    true
}

/// This waits for this side alone.
const CLOSING: Duration = Duration::from_secs(1);
const SETTLING: Duration = Duration::from_millis(100);
