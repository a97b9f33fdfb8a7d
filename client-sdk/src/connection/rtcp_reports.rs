//! The receiver reports of the other side, which webrtc-rs leaves out of its statistics.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rtc::rtcp;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;

/// The last report on each stream of this side.
#[derive(Clone, Debug, Default)]
pub(super) struct RtcpReports(Arc<Mutex<HashMap<u32, ReceptionReport>>>);

impl RtcpReports {
    pub(super) fn last(&self, ssrc: u32) -> Option<ReceptionReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&ssrc).cloned()
    }

    /// Keeps the reports in a packet (RFC 3550 section 6.4), if there are any.
    pub(super) fn note(&self, packet: &dyn rtcp::Packet) {
        let packet = packet.as_any();
        let noted = if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            &report.reports
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            &report.reports
        } else {
            return;
        };
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for report in noted {
            if reports.len() < MAX_REPORTS || reports.contains_key(&report.ssrc) {
                reports.insert(report.ssrc, report.clone());
            }
        }
    }
}

/// More than the streams of this side.
const MAX_REPORTS: usize = 64;
