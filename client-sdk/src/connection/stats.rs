//! Collects the statistics of a connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rtc::peer_connection::transport::{RTCIceCandidatePair, RTCIceCandidateType};
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::statistics::StatsSelector;
use rtc::statistics::report::{RTCStatsReport, RTCStatsReportEntry};
use rtc::statistics::stats::ice_candidate_pair::RTCIceCandidatePairStats;
use webrtc::peer_connection::PeerConnection;
use webrtc::peer_connection::transport::DtlsTransport;

use super::receive_counters::{ReceiveCounter, ReceiveCounters};
use super::rtcp_reports::RtcpReports;
use crate::media::MediaKind;
use crate::stats::{PeerStats, ReceivedStats, Reported, Route, SentStats};

pub(super) struct StatsCollector {
    pub(super) counters: ReceiveCounters,
    pub(super) reports: RtcpReports,
    sent_bytes: Arc<AtomicU64>,
    milestones: Milestones,
    /// When the statistics were collected last, and the bytes at that time.
    asked: Instant,
    bytes: HashMap<Counter, u64>,
}

/// When each step of setting up the connection was first done.
struct Milestones {
    opened: Instant,
    path_found: Option<Instant>,
    keys_agreed: Option<Instant>,
}

/// What a byte counter is for.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
enum Counter {
    AllIn,
    AllOut,
    Received(u32),
    Sent(u32),
}

impl StatsCollector {
    /// Creates the statistics of a connection that is being opened now.
    pub(super) fn new(reports: RtcpReports, sent_bytes: Arc<AtomicU64>) -> Self {
        let opened = Instant::now();
        Self {
            counters: ReceiveCounters::default(),
            reports,
            sent_bytes,
            milestones: Milestones { opened, path_found: None, keys_agreed: None },
            asked: opened,
            bytes: HashMap::new(),
        }
    }

    /// Notes that ICE has found a path.
    pub(super) fn path_found(&mut self) {
        self.milestones.path_found.get_or_insert_with(Instant::now);
    }

    /// Notes that ICE and DTLS are done.
    pub(super) fn connected(&mut self) {
        self.milestones.keys_agreed.get_or_insert_with(Instant::now);
    }

    pub(super) async fn collect(&mut self, pc: &dyn PeerConnection) -> PeerStats {
        let now = Instant::now();
        let report = pc.get_stats(now, StatsSelector::None).await;
        let mut meter = Meter {
            elapsed: now.duration_since(self.asked),
            before: std::mem::take(&mut self.bytes),
            now: HashMap::new(),
        };
        let selected = selected(pc).await;
        let route = selected.as_ref().map(|ends| route(ends, &report));
        let Milestones { opened, path_found, keys_agreed } = self.milestones;
        let ice_took = path_found.map(|at| at.duration_since(opened));
        let dtls_took = keys_agreed.zip(path_found).map(|(end, begin)| end.duration_since(begin));
        let mut stats = PeerStats { route, ice_took, dtls_took, ..PeerStats::default() };
        for entry in report.iter() {
            match entry {
                RTCStatsReportEntry::IceCandidatePair(pair)
                    if selected.as_ref().is_some_and(|ends| is_of(ends, pair)) =>
                {
                    let seconds =
                        Some(pair.current_round_trip_time).filter(|seconds| *seconds > 0.0);
                    stats.round_trip =
                        seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                }
                RTCStatsReportEntry::Transport(transport) => {
                    stats.bitrate_in = meter.rate(Counter::AllIn, transport.bytes_received);
                }
                RTCStatsReportEntry::OutboundRtp(outbound) => {
                    let sent = &outbound.sent_rtp_stream_stats;
                    let kind = match sent.rtp_stream_stats.kind {
                        RtpCodecKind::Audio => MediaKind::Audio,
                        RtpCodecKind::Video => MediaKind::Video,
                        _ => continue,
                    };
                    let ssrc = sent.rtp_stream_stats.ssrc;
                    stats.sent.push(SentStats {
                        kind,
                        packets: sent.packets_sent,
                        bytes: sent.bytes_sent,
                        bitrate: meter.rate(Counter::Sent(ssrc), sent.bytes_sent),
                        reported: self.reports.last(ssrc).map(|report| reported(kind, &report)),
                    });
                }
                _ => {}
            }
        }
        let sent_bytes = self.sent_bytes.load(Ordering::Relaxed);
        stats.bitrate_out = meter.rate(Counter::AllOut, sent_bytes);
        for (ssrc, counter) in self.counters.all() {
            let bitrate = meter.rate(Counter::Received(ssrc), counter.bytes);
            stats.received.push(received(&counter, bitrate));
        }
        stats.sent.sort_by_key(|sent| sent.kind == MediaKind::Video);
        stats.received.sort_by_key(|received| received.kind == MediaKind::Video);
        (self.asked, self.bytes) = (now, meter.now);
        stats
    }
}

struct Meter {
    elapsed: Duration,
    before: HashMap<Counter, u64>,
    now: HashMap<Counter, u64>,
}

impl Meter {
    /// The bit rate since the last call.
    fn rate(&mut self, counter: Counter, bytes: u64) -> u64 {
        self.now.insert(counter, bytes);
        let new = bytes.saturating_sub(self.before.get(&counter).copied().unwrap_or(0));
        let micros = self.elapsed.as_micros().max(1);
        u64::try_from(u128::from(new) * 8_000_000 / micros).unwrap_or(u64::MAX)
    }
}

/// The candidate pair in use.
pub(super) async fn selected(pc: &dyn PeerConnection) -> Option<RTCIceCandidatePair> {
    transport(pc).await?.ice_transport().get_selected_candidate_pair().await.ok()?
}

/// The transport that everything shares. In webrtc-rs it is found through its users: data channels,
/// which a page need not have offered, or tracks.
async fn transport(pc: &dyn PeerConnection) -> Option<Arc<dyn DtlsTransport>> {
    if let Some(sctp) = pc.sctp().await {
        return Some(sctp.transport());
    }
    for transceiver in pc.get_transceivers().await {
        if let Some(receiver) = transceiver.receiver().await.ok()?
            && let Some(transport) = receiver.transport().await.ok()?
        {
            return Some(transport);
        }
        if let Some(sender) = transceiver.sender().await.ok()?
            && let Some(transport) = sender.transport().await.ok()?
        {
            return Some(transport);
        }
    }
    None
}

fn is_of(ends: &RTCIceCandidatePair, pair: &RTCIceCandidatePairStats) -> bool {
    ends.local().id == pair.local_candidate_id && ends.remote().id == pair.remote_candidate_id
}

fn route(ends: &RTCIceCandidatePair, report: &RTCStatsReport) -> Route {
    let is_relay = |typ| typ == RTCIceCandidateType::Relay;
    let remote = ends.remote();
    // If a packet arrived before its candidate, the selected pair does not reveal that the other
    // side uses a relay.
    let is_told_later = || {
        report.iter().any(|entry| match entry {
            RTCStatsReportEntry::RemoteCandidate(told) => {
                is_relay(told.candidate_type)
                    && told.address.as_ref() == Some(&remote.address)
                    && told.port == remote.port
            }
            _ => false,
        })
    };
    if is_relay(ends.local().typ) || is_relay(remote.typ) || is_told_later() {
        Route::Relayed
    } else {
        Route::Direct
    }
}

fn received(counter: &ReceiveCounter, bitrate: u64) -> ReceivedStats {
    ReceivedStats {
        kind: counter.kind,
        codec: counter.codec,
        packets: counter.packets.received(),
        bytes: counter.bytes,
        bitrate,
        lost: counter.packets.lost(),
        jitter: counter.jitter(),
        frames: counter.frames,
    }
}

fn reported(kind: MediaKind, report: &ReceptionReport) -> Reported {
    Reported {
        // A signed 24-bit number, since duplicates can outnumber losses.
        lost: if report.total_lost < 1 << 23 { report.total_lost.into() } else { 0 },
        fraction_lost: f64::from(report.fraction_lost) / 256.0,
        jitter: Duration::from_secs_f64(f64::from(report.jitter) / f64::from(kind.clock_rate())),
    }
}
