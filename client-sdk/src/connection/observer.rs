//! Puts together what is known of how a connection does.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rtc::peer_connection::transport::{RTCIceCandidatePair, RTCIceCandidateType};
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::statistics::StatsSelector;
use rtc::statistics::report::{RTCStatsReport, RTCStatsReportEntry};
use rtc::statistics::stats::ice_candidate_pair::RTCIceCandidatePairStats;
use webrtc::peer_connection::PeerConnection;

use super::reception::{Reception, Receptions, clock};
use super::report::Reports;
use crate::media::MediaKind;
use crate::stats::{PeerStats, ReceivedStats, Reported, Route, SentStats};

pub(super) struct Observer {
    pub(super) receptions: Receptions,
    reports: Reports,
    /// When it was asked last, and how many bytes there were.
    asked: Instant,
    bytes: HashMap<Counter, u64>,
}

/// What bytes are counted of.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
enum Counter {
    AllIn,
    AllOut,
    Received(u32),
    Sent(u32),
}

impl Observer {
    pub(super) fn new(reports: Reports) -> Self {
        Self {
            receptions: Receptions::default(),
            reports,
            asked: Instant::now(),
            bytes: HashMap::new(),
        }
    }

    pub(super) async fn observe(&mut self, pc: &dyn PeerConnection) -> PeerStats {
        let now = Instant::now();
        let report = pc.get_stats(now, StatsSelector::None).await;
        let mut meter = Meter {
            elapsed: now.duration_since(self.asked),
            before: std::mem::take(&mut self.bytes),
            now: HashMap::new(),
        };
        let selected = selected(pc).await;
        let route = selected.as_ref().map(|ends| route(ends, &report));
        let mut stats = PeerStats { route, ..PeerStats::default() };
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
                    stats.bitrate_out = meter.rate(Counter::AllOut, transport.bytes_sent);
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
        for (ssrc, reception) in self.receptions.all() {
            let bitrate = meter.rate(Counter::Received(ssrc), reception.bytes);
            stats.received.push(received(&reception, bitrate));
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
    /// Bits a second since the last time.
    fn rate(&mut self, counter: Counter, bytes: u64) -> u64 {
        self.now.insert(counter, bytes);
        let new = bytes.saturating_sub(self.before.get(&counter).copied().unwrap_or(0));
        let micros = self.elapsed.as_micros().max(1);
        u64::try_from(u128::from(new) * 8_000_000 / micros).unwrap_or(u64::MAX)
    }
}

/// The candidates in use.
async fn selected(pc: &dyn PeerConnection) -> Option<RTCIceCandidatePair> {
    let ice = pc.sctp().await?.transport().ice_transport();
    ice.get_selected_candidate_pair().await.ok()?
}

fn is_of(ends: &RTCIceCandidatePair, pair: &RTCIceCandidatePairStats) -> bool {
    ends.local().id == pair.local_candidate_id && ends.remote().id == pair.remote_candidate_id
}

fn route(ends: &RTCIceCandidatePair, report: &RTCStatsReport) -> Route {
    let is_relay = |typ| typ == RTCIceCandidateType::Relay;
    let remote = ends.remote();
    // The other side's relay is not told by its candidate where a packet of its was quicker.
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

fn received(reception: &Reception, bitrate: u64) -> ReceivedStats {
    ReceivedStats {
        kind: reception.kind,
        codec: reception.codec,
        packets: reception.packets,
        bytes: reception.bytes,
        bitrate,
        lost: reception.lost(),
        jitter: reception.jitter(),
        frames: reception.frames,
    }
}

fn reported(kind: MediaKind, report: &ReceptionReport) -> Reported {
    Reported {
        // 24 bits with a sign: what came twice can outweigh what was lost.
        lost: if report.total_lost < 1 << 23 { report.total_lost.into() } else { 0 },
        fraction_lost: f64::from(report.fraction_lost) / 256.0,
        jitter: Duration::from_secs_f64(f64::from(report.jitter) / clock(kind)),
    }
}
