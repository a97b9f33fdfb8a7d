//! The RTCP reports of the other side, which webrtc-rs does not expose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rtc::rtcp;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;

use crate::track::SenderClock;

/// The last reports on the streams of both sides.
#[derive(Clone, Debug, Default)]
pub(super) struct RtcpReports(Arc<Mutex<Reports>>);

#[derive(Debug, Default)]
struct Reports {
    /// How the other side receives each stream of this side, once it has told.
    receptions: HashMap<u32, Option<ReceptionReport>>,
    /// The clock of each stream of the other side.
    clocks: HashMap<u32, SenderClock>,
}

impl RtcpReports {
    pub(super) fn last(&self, ssrc: u32) -> Option<ReceptionReport> {
        self.reports().receptions.get(&ssrc).cloned().flatten()
    }

    /// Keeps the reports on a stream of this side from now on.
    pub(super) fn expect(&self, ssrc: u32) {
        self.reports().receptions.entry(ssrc).or_default();
    }

    /// Forgets a stream of this side that has ended. The other side may go on reporting on it.
    pub(super) fn remove(&self, ssrc: u32) {
        self.reports().receptions.remove(&ssrc);
    }

    /// The clock of a stream of the other side, from past and future reports.
    pub(super) fn clock(&self, ssrc: u32) -> SenderClock {
        self.reports().clocks.entry(ssrc).or_default().clone()
    }

    /// Keeps the reports in a packet (RFC 3550 section 6.4), if there are any.
    pub(super) fn note(&self, packet: &dyn rtcp::Packet) {
        let packet = packet.as_any();
        let noted = if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            &report.reports
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            self.note_clock(report);
            &report.reports
        } else {
            return;
        };
        let receptions = &mut self.reports().receptions;
        for report in noted {
            if let Some(last) = receptions.get_mut(&report.ssrc) {
                *last = Some(report.clone());
            }
        }
    }

    fn note_clock(&self, report: &SenderReport) {
        let clocks = &mut self.reports().clocks;
        if clocks.len() >= MAX_CLOCKS && !clocks.contains_key(&report.ssrc) {
            clocks.retain(|_, clock| clock.is_shared());
        }
        if clocks.len() < MAX_CLOCKS || clocks.contains_key(&report.ssrc) {
            clocks.entry(report.ssrc).or_default().note(report.ntp_time, report.rtp_time);
        }
    }

    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More than the streams of one side. Beyond that, the clocks of streams that nobody reads are
/// forgotten.
const MAX_CLOCKS: usize = 64;
