//! A session, and the environment that it runs in.

use std::time::{Duration, Instant};

use client_sdk::session::{
    Action, ConnectionCommand, Reconnect, Report, Session, SessionEvent, SignalingLoss,
};
use client_sdk::{
    ConnectionFailure, ConnectionState, IceCandidate, ParticipantId, ParticipantInfo,
};
use signal_core::message::{ClientMessage, Payload, Request, ServerMessage, Signal, SignalKind};
use signal_core::wire::{decode_server, encode_client};

/// A session of `p_m`, and all that surrounds it. Descriptions are written `fingerprint/ufrag`.
pub(crate) struct Host {
    pub(crate) session: Session,
    pub(crate) now: Instant,
}

impl Host {
    pub(crate) fn joined(others: &[&str]) -> Self {
        let participants = others
            .iter()
            .map(|other| format!(r#"{{"id":"{other}","name":"{other}","is_creator":false}}"#));
        let participants = participants.collect::<Vec<_>>().join(",");
        let mut host = Self { session: Session::new(), now: Instant::now() };
        host.server(&format!(
            r#"{{"type":"joined","participant_id":"p_m","participants":[{participants}]}}"#
        ));
        host
    }

    /// In a room of a server that speaks v2, with credentials that are good for an hour.
    pub(crate) fn welcomed(others: &[&str]) -> Self {
        let participants = others.iter().map(|other| {
            format!(r#"{{"id":"{other}","name":"{other}","is_creator":false,"connected":true,"state":null}}"#)
        });
        let participants = participants.collect::<Vec<_>>().join(",");
        let mut session = Session::new();
        // Some of these tests go on beyond the end of the room, which is not what they are about.
        session.set_expiry_notice(Duration::ZERO);
        let mut host = Self { session, now: Instant::now() };
        host.server(&format!(
            r#"{{"type":"joined","v":2,"participant_id":"p_m","participants":[{participants}],
            "room":{{"id":"ABC234","name":"x","max_participants":10,"expires_at":"2025-12-05T12:00:00Z","locked":false}},
            "ice_servers":[],"ice_expires_at":"2025-12-05T12:00:00Z","resume_token":"r1","resume_grace_ms":30000,
            "server_time":"2025-12-05T11:00:00Z"}}"#
        ));
        host
    }

    /// In a call that this side has begun, as from [`welcomed`](Self::welcomed).
    pub(crate) fn calling(other: &str) -> Self {
        let mut host = Self::welcomed(&[other]);
        host.made_offer(other, 1, 1, "M/1");
        host.numbered(other, SignalKind::Answer, &sdp("Z/1"), Some(1));
        host.becomes(other, 1, ConnectionState::Connected);
        host.take();
        host
    }

    /// In a call that the other side has begun.
    pub(crate) fn called(other: &str) -> Self {
        let mut host = Self::welcomed(&[other]);
        host.offered(other, "A/1");
        host.made_answer(other, 1, 1, "M/1");
        host.becomes(other, 1, ConnectionState::Connected);
        host.take();
        host
    }

    /// With an offer to that participant being made.
    pub(crate) fn offering(other: &str) -> Self {
        let mut host = Self::joined(&[other]);
        host.take();
        host
    }

    /// With an offer of that participant being answered.
    pub(crate) fn answering(other: &str, offer: &str) -> Self {
        let mut host = Self::joined(&[other]);
        host.offered(other, offer);
        host.take();
        host
    }

    /// After an offer `M/1` and an answer `Z/1`, with the connection that comes of them still to
    /// come up.
    pub(crate) fn connecting(other: &str) -> Self {
        let mut host = Self::offering(other);
        host.made_offer(other, 1, 1, "M/1");
        host.answered(other, "Z/1");
        host.take();
        host
    }

    /// After an offer `M/1` and an answer `Z/1`.
    pub(crate) fn connected(other: &str) -> Self {
        let mut host = Self::connecting(other);
        host.becomes(other, 1, ConnectionState::Connected);
        host.take();
        host
    }

    pub(crate) fn server(&mut self, frame: &str) {
        let message: ServerMessage = decode_server(&frame.to_owned().into()).unwrap();
        self.session.handle_message(message, self.now);
    }

    /// As from a v1 participant, which gives no number.
    pub(crate) fn signal(&mut self, from: &str, kind: SignalKind, value: &impl serde::Serialize) {
        self.numbered(from, kind, value, None);
    }

    pub(crate) fn numbered(
        &mut self,
        from: &str,
        kind: SignalKind,
        value: &impl serde::Serialize,
        negotiation: Option<u32>,
    ) {
        let signal =
            Signal { kind, payload: Payload::new(value).unwrap(), negotiation, tracks: None };
        self.session.handle_message(ServerMessage::Signal { from: id(from), signal }, self.now);
    }

    pub(crate) fn offered(&mut self, from: &str, offer: &str) {
        self.signal(from, SignalKind::Offer, &sdp(offer));
    }

    /// As from a page that sends nothing and asks for nothing.
    pub(crate) fn offered_nothing(&mut self, from: &str) {
        self.signal(from, SignalKind::Offer, &"v=0\r\ns=-\r\nt=0 0\r\n");
    }

    pub(crate) fn answered(&mut self, from: &str, answer: &str) {
        self.signal(from, SignalKind::Answer, &sdp(answer));
    }

    pub(crate) fn candidate(&mut self, from: &str, text: &str) {
        self.signal(from, SignalKind::Candidate, &candidate(text));
    }

    pub(crate) fn refused(&mut self, code: &str) {
        self.server(&format!(r#"{{"type":"error","code":"{code}","message":"no"}}"#));
    }

    pub(crate) fn report(&mut self, peer: &str, connection: u32, report: Report) {
        self.session.handle_report(id(peer), connection, report, self.now);
    }

    pub(crate) fn made_offer(
        &mut self,
        peer: &str,
        connection: u32,
        negotiation: u32,
        offer: &str,
    ) {
        self.report(
            peer,
            connection,
            Report::Offer { negotiation, sdp: sdp(offer), tracks: vec![] },
        );
    }

    pub(crate) fn made_answer(
        &mut self,
        peer: &str,
        connection: u32,
        negotiation: u32,
        answer: &str,
    ) {
        self.report(
            peer,
            connection,
            Report::Answer { negotiation, sdp: sdp(answer), tracks: vec![] },
        );
    }

    pub(crate) fn found(&mut self, peer: &str, connection: u32, text: &str) {
        self.report(peer, connection, Report::Candidate(candidate(text)));
    }

    pub(crate) fn broken(&mut self, peer: &str, connection: u32) {
        self.report(peer, connection, Report::Broken(ConnectionFailure::Broken));
    }

    /// Has connection number `connection` and all that follow break down.
    pub(crate) fn give_up(&mut self, peer: &str, connection: u32) {
        for connection in connection..connection + 4 {
            self.broken(peer, connection);
            self.pass(10);
        }
        assert_eq!(self.take().pop().unwrap(), format!("{peer} is Failed: Broken"));
    }

    /// The seat is resumed after so many messages, of which none is lost.
    pub(crate) fn resumed(&mut self, seq: u64) {
        self.server(&format!(
            r#"{{"type":"resumed","seq":{seq},"received":100,"replayed":0,"resume_token":"r2",
            "ice_servers":[],"ice_expires_at":"2025-12-05T12:00:00Z"}}"#
        ));
    }

    /// The server answers a ping.
    pub(crate) fn pong(&mut self) {
        self.server(r#"{"type":"pong","t":null,"server_time":"2025-12-05T11:00:00Z"}"#);
    }

    pub(crate) fn becomes(&mut self, peer: &str, connection: u32, state: ConnectionState) {
        self.report(peer, connection, Report::State(state));
    }

    /// The signaling connection breaks.
    pub(crate) fn cut(&mut self) {
        self.lost(SignalingLoss::Lost { code: None, reason: "cut".into() });
    }

    /// The server refuses the entry with this code.
    pub(crate) fn refused_entry(&mut self, code: &str) {
        let (code, reason) = (code.into(), "no".into());
        self.lost(SignalingLoss::Refused { code, reason, retry_after: None });
    }

    pub(crate) fn lost(&mut self, loss: SignalingLoss) {
        self.lost_with(loss, 0.0);
    }

    pub(crate) fn lost_with(&mut self, loss: SignalingLoss, jitter: f64) {
        self.session.handle_signaling_loss(loss, jitter, self.now);
    }

    /// The pauses before the attempts to return, among the actions.
    pub(crate) fn pauses(&mut self) -> Vec<Duration> {
        let actions = std::iter::from_fn(|| self.session.poll_action());
        let pause = |action| match action {
            Action::Reconnect { after, .. } => Some(after),
            _ => None,
        };
        actions.filter_map(pause).collect()
    }

    /// Lets time pass, and calls the session at its deadlines.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(deadline) = self.session.poll_timeout().filter(|deadline| *deadline <= until)
        {
            self.now = deadline;
            self.session.handle_timeout(deadline);
            let next = self.session.poll_timeout();
            assert!(next.is_none_or(|next| next > deadline), "it asks for the same moment again");
        }
        self.now = until;
    }

    /// The decisions since the last call, as text.
    pub(crate) fn take(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.poll_action()).map(words).collect()
    }
}

fn words(action: Action) -> String {
    match action {
        Action::Close { peer } => format!("close {peer}"),
        Action::CloseSignaling => "close signaling".into(),
        Action::Connection { peer, command } => match command {
            ConnectionCommand::Accept { sdp, .. } => format!("{peer} accept {}", short(&sdp)),
            ConnectionCommand::Answer { negotiation, sdp, .. } => {
                format!("{peer} answer {negotiation} {}", short(&sdp))
            }
            ConnectionCommand::Candidate(candidate) => {
                format!("{peer} candidate {}", candidate.candidate)
            }
            ConnectionCommand::Offer { negotiation, restart_ice: false } => {
                format!("{peer} offer {negotiation}")
            }
            ConnectionCommand::Offer { negotiation, restart_ice: true } => {
                format!("{peer} offer {negotiation} restarting")
            }
            ConnectionCommand::Rollback => format!("{peer} rollback"),
        },
        Action::Event(SessionEvent::Closed(reason)) => format!("over: {reason:?}"),
        Action::Event(SessionEvent::ConnectionState { participant, state, failure }) => {
            let reason = failure.map_or(String::new(), |failure| format!(": {failure:?}"));
            format!("{participant} is {state:?}{reason}")
        }
        Action::Event(SessionEvent::ParticipantJoined(ParticipantInfo { id, .. })) => {
            format!("joined {id}")
        }
        Action::Event(SessionEvent::PasswordAttempts { left, retry_after }) => {
            format!("{left} attempts left, in {retry_after:?}")
        }
        Action::Event(SessionEvent::PermissionsChanged(permissions)) => {
            match (permissions.moderate, permissions.publish) {
                (true, _) => "may moderate".into(),
                (false, true) => "may publish".into(),
                (false, false) => "may not publish".into(),
            }
        }
        Action::Event(SessionEvent::RoomUpdated(room)) => format!("the room is {}", room.name),
        Action::Event(SessionEvent::ParticipantLeft(id)) => format!("left {id}"),
        Action::Event(SessionEvent::SignalingError { code, .. }) => format!("refused: {code}"),
        Action::Event(SessionEvent::ParticipantUpdated {
            participant,
            name,
            state,
            connected,
            ..
        }) => {
            let state = state.map(|json| format!(" {}", String::from_utf8_lossy(&json)));
            let presence = connected.map(|is_here| if is_here { " here" } else { " away" });
            let name = name.map(|name| format!(" {name}")).unwrap_or_default();
            format!(
                "{participant} is now{name}{}{}",
                state.unwrap_or_default(),
                presence.unwrap_or_default()
            )
        }
        Action::Event(SessionEvent::Reconnecting) => "reconnecting".into(),
        Action::Event(SessionEvent::Rejoined { id }) => format!("rejoined as {id}"),
        Action::Event(SessionEvent::Resumed { lossy }) => {
            format!("resumed{}", if lossy { " lossy" } else { "" })
        }
        Action::Event(SessionEvent::SignalingLost { reason }) => format!("adrift: {reason}"),
        Action::Event(other) => panic!("unexpected {other:?}"),
        Action::Open { peer, connection, offers } => {
            format!("open {peer} {connection} {}", if offers { "offering" } else { "answering" })
        }
        Action::Reconnect { how, .. } => match how {
            Reconnect::Attach => "attach".into(),
            Reconnect::Join => "join".into(),
            Reconnect::Resume { token, last_seq } => format!("resume {token} after {last_seq}"),
        },
        Action::Request(Request { message, req }) => {
            let sent: serde_json::Value =
                serde_json::from_slice(&encode_client(&message, req.as_ref())).unwrap();
            format!("ask {} {}", sent["req"], sent["type"]).replace('"', "")
        }
        Action::Send(ClientMessage::GetIceServers) => "send get_ice_servers".into(),
        Action::Send(ClientMessage::Ping { .. }) => "send ping".into(),
        Action::Send(ClientMessage::Leave) => "send leave".into(),
        Action::UseIceServers(ice) => {
            format!("use {}", String::from_utf8_lossy(ice.servers.as_bytes()))
        }
        Action::Send(message) => {
            let sent: serde_json::Value =
                serde_json::from_slice(&encode_client(&message, None)).unwrap();
            let text = |field: &str| sent[field].as_str().unwrap().to_owned();
            let what = match sent["type"].as_str().unwrap() {
                "candidate" => sent["candidate"]["candidate"].as_str().unwrap().to_owned(),
                _ => short(&text("sdp")),
            };
            format!("send {} {} {what}", text("to"), text("type"))
        }
    }
}

pub(crate) fn id(text: &str) -> ParticipantId {
    text.parse().unwrap()
}

pub(crate) fn candidate(text: &str) -> IceCandidate {
    IceCandidate {
        candidate: text.into(),
        sdp_mid: Some("0".into()),
        sdp_mline_index: Some(0),
        username_fragment: None,
    }
}

pub(crate) fn sdp(short: &str) -> String {
    let (fingerprint, ufrag) = short.split_once('/').unwrap();
    format!("v=0\r\na=fingerprint:sha-256 {fingerprint}\r\nm=audio\r\na=ice-ufrag:{ufrag}\r\n")
}

fn short(sdp: &str) -> String {
    if !sdp.contains("m=") {
        return "without sections".into();
    }
    let after = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    format!("{}/{}", after("a=fingerprint:sha-256 "), after("a=ice-ufrag:"))
}
