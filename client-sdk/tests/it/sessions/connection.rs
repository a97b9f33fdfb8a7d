//! A fake peer connection: it makes descriptions and checks the order of commands.

use std::collections::VecDeque;

use client_sdk::session::{ConnectionCommand, Report};
use client_sdk::{ConnectionFailure, ConnectionState, IceCandidate};

use super::random::Random;

/// It panics where webrtc-rs returns an error. As there, an ICE restart begins when the offer is
/// made and a rollback does not undo it, and the candidates that are told later are those of the
/// new start alone.
#[derive(Debug)]
pub(crate) struct FakeConnection {
    pub(crate) number: u32,
    fingerprint: u64,
    offers: u32,
    /// How often ICE has started anew.
    restarts: u32,
    /// Whether candidates were looked for since then.
    has_gathered: bool,
    commands: VecDeque<ConnectionCommand>,
    reports: VecDeque<Report>,
    /// Candidates come at a pace of their own.
    found: VecDeque<IceCandidate>,
    /// The name of an offer of this side that is not settled, and the media that it tells of.
    pending: Option<(String, u32)>,
    /// What this side sends: a number that rises with each change that has to be negotiated.
    media: u32,
    /// What of it the other side has agreed to.
    negotiated_media: Option<u32>,
    /// The other side, as its last description told.
    remote: Option<End>,
    /// The other side's user fragment, unless a restart has forgotten it.
    remote_ufrag: Option<String>,
    /// Candidates of the other side.
    received: Vec<String>,
    /// Whether it took the answer to another offer.
    is_misled: bool,
    /// With whom it has said to be connected.
    connected: Option<(End, End)>,
    cut: Option<Cut>,
}

/// Why nothing gets through.
#[derive(Debug)]
enum Cut {
    /// The path does not work any more that ICE has found; another start of it finds another one.
    Path(End),
    /// Only another connection helps.
    Whole,
}

/// What a description says about whose it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct End {
    fingerprint: String,
    ufrag: String,
}

impl FakeConnection {
    pub(crate) fn new(number: u32, fingerprint: u64, media: u32) -> Self {
        Self {
            number,
            fingerprint,
            offers: 0,
            restarts: 0,
            has_gathered: false,
            commands: VecDeque::new(),
            reports: VecDeque::new(),
            found: VecDeque::new(),
            pending: None,
            media,
            negotiated_media: None,
            remote: None,
            remote_ufrag: None,
            received: Vec::new(),
            is_misled: false,
            connected: None,
            cut: None,
        }
    }

    pub(crate) fn command(&mut self, command: ConnectionCommand) {
        self.commands.push_back(command);
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.commands.is_empty() || !self.reports.is_empty() || !self.found.is_empty()
    }

    /// Carries out the next command.
    pub(crate) fn work(&mut self, random: &mut Random) {
        let Some(command) = self.commands.pop_front() else { return };
        match command {
            ConnectionCommand::Accept { sdp, .. } => {
                let (offer, media) = self.pending.take().expect("an answer without an offer");
                self.negotiated_media = Some(media);
                self.is_misled = attribute(&sdp, "answers") != offer;
                self.meet(End::of(&sdp));
            }
            ConnectionCommand::Answer { negotiation, sdp, .. } => {
                assert!(self.pending.is_none(), "an offer on top of an own one");
                let offerer = End::of(&sdp);
                if self.remote.is_some() && self.remote_ufrag.as_ref() != Some(&offerer.ufrag) {
                    self.restart_ice();
                }
                self.meet(offerer);
                self.is_misled = false;
                let sdp = self.describe("answers", attribute(&sdp, "offer"));
                self.reports.push_back(Report::Answer { negotiation, sdp, tracks: vec![] });
                // An offer has places for what the other side knew of, and perhaps for more.
                if random.below(2) == 0 {
                    self.negotiated_media = Some(self.media);
                } else if self.negotiated_media != Some(self.media) {
                    self.reports.push_back(Report::SectionMissing);
                }
            }
            ConnectionCommand::Candidate(candidate) => {
                assert!(self.remote.is_some(), "a candidate before the description");
                self.received.push(candidate.candidate);
            }
            ConnectionCommand::Offer { negotiation, restart_ice } => {
                assert!(self.pending.is_none(), "an offer upon an offer");
                if restart_ice {
                    self.restart_ice();
                }
                self.offers += 1;
                let offer = format!("{}/{}", self.fingerprint, self.offers);
                let sdp = self.describe("offer", &offer);
                self.pending = Some((offer, self.media));
                self.reports.push_back(Report::Offer { negotiation, sdp, tracks: vec![] });
            }
            ConnectionCommand::Rollback => {
                drop(self.pending.take().expect("a rollback without an offer"));
            }
        }
    }

    /// What it has to tell next.
    pub(crate) fn tell(&mut self, random: &mut Random) -> Option<Report> {
        let found = if random.below(2) == 0 { self.found.pop_front() } else { None };
        found.map(Report::Candidate).or_else(|| self.reports.pop_front())
    }

    /// It cannot do what it was told.
    pub(crate) fn break_down(&mut self) {
        self.reports.push_back(Report::Broken(ConnectionFailure::Broken));
    }

    /// ICE does not get through any more.
    pub(crate) fn fail(&mut self, is_hopeless: bool) {
        self.cut = Some(if is_hopeless { Cut::Whole } else { Cut::Path(self.end()) });
        self.connected = None;
        self.reports.push_back(Report::State(ConnectionState::Failed));
    }

    /// It is to send something else; the session is told by whoever says so.
    pub(crate) fn change_media(&mut self, media: u32) {
        self.media = media;
    }

    pub(crate) fn has_negotiated_media(&self) -> bool {
        self.negotiated_media == Some(self.media)
    }

    /// Gets through to the other end, once each has heard of the other.
    pub(crate) fn connect(&mut self, other: &Self) {
        let ends = Some((self.end(), other.end()));
        if self.connected != ends && self.agrees_with(other) && !self.is_cut() && !other.is_cut() {
            self.connected = ends;
            self.reports.push_back(Report::State(ConnectionState::Connected));
        }
    }

    pub(crate) fn is_connected_to(&self, other: &Self) -> bool {
        self.connected == Some((self.end(), other.end()))
    }

    fn is_cut(&self) -> bool {
        match &self.cut {
            Some(Cut::Path(end)) => *end == self.end(),
            Some(Cut::Whole) => true,
            None => false,
        }
    }

    /// Whether both are done, and each knows the other with all its candidates.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.knows(other) && other.knows(self)
    }

    pub(crate) fn end(&self) -> End {
        let Self { fingerprint, restarts, .. } = self;
        End { fingerprint: fingerprint.to_string(), ufrag: format!("{fingerprint}-{restarts}") }
    }

    fn knows(&self, other: &Self) -> bool {
        self.pending.is_none()
            && !self.is_misled
            && self.remote.as_ref() == Some(&other.end())
            && other.candidates().all(|candidate| self.received.contains(&candidate))
    }

    fn meet(&mut self, remote: End) {
        if let Some(known) = &self.remote {
            assert_eq!(
                known.fingerprint, remote.fingerprint,
                "another connection of the other side"
            );
        }
        self.remote_ufrag = Some(remote.ufrag.clone());
        self.remote = Some(remote);
    }

    fn restart_ice(&mut self) {
        self.restarts += 1;
        self.has_gathered = false;
        self.remote_ufrag = None;
        self.reports.push_back(Report::State(ConnectionState::Connecting));
    }

    fn describe(&mut self, kind: &str, offer: &str) -> String {
        if !std::mem::replace(&mut self.has_gathered, true) {
            let ufrag = self.end().ufrag;
            let found = self.candidates().map(|candidate| IceCandidate {
                candidate,
                sdp_mid: Some("0".into()),
                sdp_mline_index: Some(0),
                username_fragment: Some(ufrag.clone()),
            });
            self.found.extend(found);
        }
        let End { fingerprint, ufrag } = self.end();
        format!(
            "v=0\r\na=ice-ufrag:{ufrag}\r\na=fingerprint:{fingerprint}\r\na={kind}:{offer}\r\nm=audio\r\n"
        )
    }

    fn candidates(&self) -> impl Iterator<Item = String> + use<> {
        let ufrag = self.end().ufrag;
        (1..=2).map(move |n| format!("candidate:{n} of {ufrag}"))
    }
}

impl End {
    fn of(sdp: &str) -> Self {
        Self {
            fingerprint: attribute(sdp, "fingerprint").into(),
            ufrag: attribute(sdp, "ice-ufrag").into(),
        }
    }
}

fn attribute<'a>(sdp: &'a str, name: &str) -> &'a str {
    let line = sdp.lines().find_map(|line| line.strip_prefix(&format!("a={name}:")));
    line.unwrap_or_else(|| panic!("no {name} in {sdp}"))
}
