//! A peer connection as far as a session can tell: it makes descriptions and minds the order of things.

use std::collections::VecDeque;

use client_sdk::session::{Command, Report};
use client_sdk::{ConnectionState, IceCandidate};

/// It refuses with a panic what webrtc-rs refuses with an error.
pub(crate) struct FakeConnection {
    pub(crate) number: u32,
    fingerprint: u64,
    descriptions: u32,
    ufrag: u32,
    commands: VecDeque<Command>,
    pub(crate) reports: VecDeque<Report>,
    /// An offer of this side that is not settled.
    pending: Option<String>,
    has_remote: bool,
    /// This side's description and the other's, as they hold.
    pub(crate) agreed: Option<(String, String)>,
}

impl FakeConnection {
    pub(crate) fn new(number: u32, fingerprint: u64) -> Self {
        Self {
            number,
            fingerprint,
            descriptions: 0,
            ufrag: 0,
            commands: VecDeque::new(),
            reports: VecDeque::new(),
            pending: None,
            has_remote: false,
            agreed: None,
        }
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Carries out the next command.
    pub(crate) fn work(&mut self) {
        let Some(command) = self.commands.pop_front() else { return };
        match command {
            Command::Accept { sdp } => {
                let offer = self.pending.take().expect("an answer without an offer");
                self.agree(offer, sdp);
            }
            Command::Answer { negotiation, sdp } => {
                assert!(self.pending.is_none(), "an offer on top of an own one");
                let answer = self.describe();
                self.agree(answer.clone(), sdp);
                self.reports.push_back(Report::Answer { negotiation, sdp: answer });
            }
            Command::Candidate(_) => assert!(self.has_remote, "a candidate before the description"),
            Command::Offer { negotiation, restart_ice } => {
                self.ufrag += u32::from(restart_ice);
                let offer = self.describe();
                self.pending = Some(offer.clone());
                self.reports.push_back(Report::Offer { negotiation, sdp: offer });
            }
            Command::Rollback => drop(self.pending.take().expect("a rollback without an offer")),
        }
    }

    fn agree(&mut self, own: String, other: String) {
        self.has_remote = true;
        self.agreed = Some((own, other));
        self.reports.push_back(Report::State(ConnectionState::Connected));
    }

    fn describe(&mut self) -> String {
        self.descriptions += 1;
        let candidate = format!("candidate {} of {}", self.descriptions, self.fingerprint);
        self.reports.push_back(Report::Candidate(IceCandidate {
            candidate,
            sdp_mid: Some("0".into()),
            sdp_mline_index: Some(0),
            username_fragment: None,
        }));
        let Self { fingerprint, ufrag, descriptions, .. } = self;
        format!(
            "v=0\r\na=ice-ufrag:{fingerprint}.{ufrag}\r\na=fingerprint:{fingerprint}\r\ns={descriptions}\r\n"
        )
    }
}
