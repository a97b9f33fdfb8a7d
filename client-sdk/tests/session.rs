//! What a session decides, one behaviour at a time.

#![allow(clippy::unwrap_used)]

use client_sdk::session::{Action, Command, Report, Session};
use client_sdk::{ConnectionState, Event, IceCandidate, ParticipantId};
use signal_core::wire::payload;
use signal_core::{ClientMessage, LeaveReason, Participant, ServerMessage, Signal, SignalKind};

/// The larger id: it was there before, and waits.
const OLDER: &str = "p_older";
/// The smaller id: it offers.
const NEWER: &str = "p_newer";

#[test]
fn the_smaller_id_offers_and_the_larger_waits() {
    let newer = joined(NEWER, OLDER).drain();
    assert!(
        matches!(newer[..], [.., Did::Open, Did::Do(Command::Offer { restart_ice: false, .. })]),
        "{newer:?}"
    );
    let older = joined(OLDER, NEWER).drain();
    assert!(matches!(older[..], [Did::Tell(_)]), "{older:?}");
}

#[test]
fn candidates_wait_until_their_description_was_sent() {
    let mut one = offering();
    one.report(Report::Candidate(candidate("early")));
    assert!(one.drain().is_empty());
    let told = one.offer_made();
    assert_eq!(told, [Did::Say(SignalKind::Offer), Did::Say(SignalKind::Candidate)]);
    one.report(Report::Candidate(candidate("late")));
    assert_eq!(one.drain(), [Did::Say(SignalKind::Candidate)]);
}

#[test]
fn candidates_of_the_other_side_wait_for_its_description() {
    let mut one = joined(OLDER, NEWER);
    one.drain();
    one.signal(SignalKind::Candidate, &candidate("early"));
    assert!(one.drain().is_empty());
    one.signal(SignalKind::Offer, sdp("a", 1));
    let did = one.drain();
    let [Did::Open, Did::Do(Command::Answer { .. }), Did::Do(Command::Candidate(early))] = &did[..] else {
        panic!("{did:?}")
    };
    assert_eq!(early.candidate, "early");
}

#[test]
fn an_offer_that_is_delivered_has_won() {
    let mut one = connected();
    one.session.restart_ice(one.peer);
    one.drain();
    one.offer_made();
    one.signal(SignalKind::Offer, sdp("theirs", 1));
    let did = one.drain();
    assert!(matches!(did[..], [Did::Do(Command::Rollback), Did::Do(Command::Answer { .. })]), "{did:?}");
    // The restart is still missing, so it is offered once the answer is out.
    let did = one.answer_made();
    assert!(
        matches!(
            did[..],
            [Did::Say(SignalKind::Answer), .., Did::Do(Command::Offer { restart_ice: true, .. })]
        ),
        "{did:?}"
    );
}

#[test]
fn a_restart_that_the_other_side_brings_is_not_made_again() {
    let mut one = connected();
    one.session.restart_ice(one.peer);
    one.drain();
    one.offer_made();
    one.signal(SignalKind::Offer, sdp("theirs", 2));
    one.drain();
    assert!(!one.answer_made().iter().any(|did| matches!(did, Did::Do(Command::Offer { .. }))));
}

#[test]
fn another_fingerprint_means_another_connection() {
    let mut one = connected();
    one.signal(SignalKind::Offer, sdp("rebuilt", 1));
    let did = one.drain();
    assert!(matches!(did[..], [Did::Close, Did::Open, Did::Do(Command::Answer { .. })]), "{did:?}");
}

#[test]
fn what_an_earlier_connection_still_reports_means_nothing() {
    let mut one = connected();
    one.signal(SignalKind::Offer, sdp("rebuilt", 1));
    one.drain();
    let (peer, earlier) = (one.peer, one.connection - 1);
    one.session.handle_report(peer, earlier, Report::State(ConnectionState::Failed));
    one.session.handle_report(peer, earlier, Report::Candidate(candidate("old")));
    assert!(one.drain().is_empty());
}

#[test]
fn without_numbers_every_offer_gets_its_answer() {
    let mut one = joined(OLDER, NEWER);
    one.drain();
    one.signal(SignalKind::Offer, sdp("theirs", 1));
    one.signal(SignalKind::Offer, sdp("theirs", 1));
    one.drain();
    assert_eq!(one.answer_made(), [Did::Say(SignalKind::Answer), Did::Say(SignalKind::Answer)]);
}

#[test]
fn a_connection_that_fails_is_rebuilt_a_few_times_and_then_given_up() {
    let mut one = connected();
    for _ in 0..3 {
        one.report(Report::State(ConnectionState::Failed));
        let did = one.drain();
        assert!(matches!(did[..], [Did::Close, Did::Open, Did::Do(Command::Offer { .. })]), "{did:?}");
    }
    one.report(Report::State(ConnectionState::Failed));
    assert!(matches!(one.drain()[..], [Did::Close, Did::Tell(_)]));
}

#[test]
fn of_a_peer_that_only_lost_the_server_media_is_kept_for_as_long_as_it_flows() {
    let mut one = connected();
    one.left(LeaveReason::Lost);
    assert!(one.drain().is_empty());
    one.report(Report::State(ConnectionState::Disconnected));
    assert!(matches!(one.drain()[..], [Did::Close, Did::Tell(_)]));
    let mut other = connected();
    other.left(LeaveReason::Left);
    assert!(matches!(other.drain()[..], [Did::Close, Did::Tell(_)]));
}

#[test]
fn leaving_says_so_and_closes_every_connection() {
    let mut one = connected();
    one.session.leave();
    let did = one.drain();
    assert!(matches!(did[..], [Did::Leave, Did::Close, Did::Tell(_)]), "{did:?}");
    one.session.leave();
    assert!(one.drain().is_empty());
}

/// What a session had done, as far as these tests tell it apart.
#[derive(Debug, PartialEq)]
enum Did {
    Close,
    Do(Command),
    Leave,
    Open,
    Say(SignalKind),
    Tell(String),
}

struct One {
    session: Session,
    peer: ParticipantId,
    connection: u32,
    /// The number of the description that was asked for last.
    negotiation: u32,
}

fn joined(me: &str, peer: &str) -> One {
    let participant =
        Participant { id: id(peer), name: "x".into(), is_creator: false, connected: true, state: None };
    let mut session = Session::new();
    let participants = vec![participant];
    session.handle_message(ServerMessage::Joined { participant_id: id(me), participants, welcome: None });
    One { session, peer: id(peer), connection: 1, negotiation: 0 }
}

fn offering() -> One {
    let mut one = joined(NEWER, OLDER);
    one.drain();
    one
}

fn connected() -> One {
    let mut one = offering();
    one.offer_made();
    one.signal(SignalKind::Answer, sdp("theirs", 1));
    one.report(Report::State(ConnectionState::Connected));
    one.drain();
    one
}

impl One {
    fn drain(&mut self) -> Vec<Did> {
        let actions: Vec<Action> = std::iter::from_fn(|| self.session.poll_action()).collect();
        actions.into_iter().map(|action| self.did(action)).collect()
    }

    fn did(&mut self, action: Action) -> Did {
        match action {
            Action::Close { .. } => Did::Close,
            Action::Connection { command, .. } => {
                if let Command::Answer { negotiation, .. } | Command::Offer { negotiation, .. } = &command {
                    self.negotiation = *negotiation;
                }
                Did::Do(command)
            }
            Action::Event(event) => Did::Tell(match event {
                Event::ParticipantJoined(participant) => participant.id.to_string(),
                other => format!("{other:?}"),
            }),
            Action::Open { connection, .. } => {
                self.connection = connection;
                Did::Open
            }
            Action::Send(ClientMessage::Leave) => Did::Leave,
            Action::Send(ClientMessage::Signal { signal, .. }) => Did::Say(signal.kind),
            other => panic!("unexpected {other:?}"),
        }
    }

    fn report(&mut self, report: Report) {
        self.session.handle_report(self.peer, self.connection, report);
    }

    fn offer_made(&mut self) -> Vec<Did> {
        self.report(Report::Offer { negotiation: self.negotiation, sdp: sdp("ours", 1).into() });
        self.drain()
    }

    fn answer_made(&mut self) -> Vec<Did> {
        self.report(Report::Answer { negotiation: self.negotiation, sdp: sdp("ours", 1).into() });
        self.drain()
    }

    fn signal<T: serde::Serialize + ?Sized>(&mut self, kind: SignalKind, value: &T) {
        let signal = Signal { kind, payload: payload(value).unwrap(), negotiation: None, tracks: None };
        self.session.handle_message(ServerMessage::Signal { from: self.peer, signal });
    }

    fn left(&mut self, reason: LeaveReason) {
        self.session
            .handle_message(ServerMessage::PeerLeft { participant_id: self.peer, reason: Some(reason) });
    }
}

fn id(text: &str) -> ParticipantId {
    text.parse().unwrap()
}

/// A description with that fingerprint, and the ICE credentials of that many restarts.
fn sdp(fingerprint: &str, restarts: u32) -> &'static str {
    format!("v=0\r\na=ice-ufrag:{fingerprint}{restarts}\r\na=fingerprint:{fingerprint}\r\n").leak()
}

fn candidate(text: &str) -> IceCandidate {
    let (sdp_mid, sdp_mline_index) = (Some("0".into()), Some(0));
    IceCandidate { candidate: text.into(), sdp_mid, sdp_mline_index, username_fragment: None }
}
