//! Every message of both protocol versions, byte for byte, in both directions.
//!
//! With `UPDATE_GOLDEN=1` the files of v2 are written anew; look at the difference before
//! committing it. Those of v1 are the API document's own and never change.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use signal_core::ice::IceServers;
use signal_core::identity::Attributes;
use signal_core::message::{
    Audience, ClientMessage, Missed, Moderation, ParticipantInfo, Payload, PeerUpdate, Request,
    RequestId, Resumed, RoomInfo, ServerMessage, Signal, SignalKind, Topic, Welcome,
};
use signal_core::room::{CloseReason, LeaveReason};
use signal_core::wire::{decode_client, decode_server, encode_client, encode_server};
use signal_core::{
    DisplayName, ErrorCode, Language, ParticipantId, Permissions, ProtocolVersion, Timestamp,
};

#[test]
fn every_message_of_a_v1_client_has_the_documented_form() {
    let signal = |kind| ClientMessage::Signal { to: id("p_target_id"), signal: signal(kind) };
    let messages = [
        ("answer", signal(SignalKind::Answer)),
        ("candidate", signal(SignalKind::Candidate)),
        ("leave", ClientMessage::Leave),
        ("offer", signal(SignalKind::Offer)),
    ];
    for (name, message) in &messages {
        let frame = golden("v1/client", name, || unreachable!());
        assert_eq!(encode_client(message, None), frame, "{name}");
        let request = Request { message: message.clone(), req: None };
        assert_eq!(decode_client(&frame, ProtocolVersion::V1), Ok(request), "{name}");
    }
    assert_eq!(names("v1/client"), messages.map(|(name, _)| name.to_owned()).into());
}

#[test]
fn every_message_to_a_v1_client_has_the_documented_form() {
    let signal = |kind| ServerMessage::Signal { from: id("p_xyz"), signal: signal(kind) };
    let participants =
        vec![participant("p_xyz", "小明", true), participant("p_123", "小红", false)];
    let messages = [
        ("answer", signal(SignalKind::Answer)),
        ("candidate", signal(SignalKind::Candidate)),
        ("error", error(ErrorCode::InvalidMessage)),
        (
            "joined",
            ServerMessage::Joined { participant_id: id("p_abc12345"), participants, welcome: None },
        ),
        ("offer", signal(SignalKind::Offer)),
        (
            "peer_joined",
            ServerMessage::PeerJoined { participant: participant("p_new", "新用户", false) },
        ),
        ("peer_left", ServerMessage::PeerLeft { participant_id: id("p_123"), reason: None }),
        (
            "room_closed",
            ServerMessage::RoomClosed {
                reason: CloseReason::ByCreator.text(Language::Zh).into(),
                code: None,
            },
        ),
    ];
    for (name, message) in &messages {
        let frame = golden("v1/server", name, || unreachable!());
        assert_eq!(encode_server(message, ProtocolVersion::V1), frame, "{name}");
        assert_eq!(decode_server(&frame).as_ref(), Ok(message), "{name}");
    }
    assert_eq!(names("v1/server"), messages.map(|(name, _)| name.to_owned()).into());
}

#[test]
fn every_message_of_a_v2_client_has_its_form() {
    let to = id("p_zzzy0001");
    let numbered =
        |kind, tracks| ClientMessage::Signal { to, signal: Signal { tracks, ..numbered(kind) } };
    let message =
        |to| ClientMessage::Message { to, topic: topic(), data: value(&json!({"text": "你好"})) };
    let name = DisplayName::parse("小红").unwrap();
    let messages: Vec<(&str, ClientMessage, Option<&str>)> = vec![
        ("answer", numbered(SignalKind::Answer, None), None),
        ("candidate", numbered(SignalKind::Candidate, None), None),
        ("get_ice_servers", ClientMessage::GetIceServers, Some("r1")),
        ("leave", ClientMessage::Leave, None),
        ("message_to_host", message(Audience::Host), Some("r5")),
        ("message_to_one", message(Audience::One(to)), Some("r2")),
        ("message_to_room", message(Audience::Room), None),
        ("moderate_kick", ClientMessage::Moderate(Moderation::Kick(to)), Some("r6")),
        ("moderate_lock", ClientMessage::Moderate(Moderation::Lock), None),
        ("offer", numbered(SignalKind::Offer, Some(tracks())), None),
        ("ping", ClientMessage::Ping { t: value(&json!(17)) }, Some("r3")),
        ("update", ClientMessage::Update { name, state: Some(state()) }, None),
    ];
    for (name, message, req) in &messages {
        let req = req.map(|req| RequestId::new(req).unwrap());
        let encoded = encode_client(message, req.as_ref());
        let frame = golden("v2/client", name, || encoded.clone());
        assert_eq!(encoded, frame, "{name}");
        let request = Request { message: message.clone(), req };
        assert_eq!(decode_client(&frame, ProtocolVersion::V2), Ok(request), "{name}");
    }
    assert_eq!(names("v2/client"), messages.iter().map(|(name, ..)| (*name).to_owned()).collect());
}

#[test]
fn every_message_to_a_v2_client_has_its_form() {
    let from = id("p_zzzy0001");
    let req = |text| Some(RequestId::new(text).unwrap());
    let signal = |signal| ServerMessage::Signal { from, signal };
    let offer = Signal { tracks: Some(tracks()), ..numbered(SignalKind::Offer) };
    let updated = |update| ServerMessage::PeerUpdated { participant_id: from, update };
    let changed =
        PeerUpdate { name: Some("小红".into()), state: Some(state()), ..PeerUpdate::default() };
    let lossy = PeerUpdate { connected: Some(true), lossy: true, ..PeerUpdate::default() };
    let conflict = ServerMessage::Error {
        code: ErrorCode::OfferConflict,
        message: ErrorCode::OfferConflict.text(Language::Zh).into(),
        about: Some(from.into()),
        retry_after: None,
        req: None,
    };
    let limited = ServerMessage::Error {
        code: ErrorCode::RateLimited,
        message: ErrorCode::RateLimited.text(Language::Zh).into(),
        about: None,
        retry_after: Some(Duration::from_millis(250)),
        req: req("r4"),
    };
    let resumed = |missed| {
        let (resume_token, ice) = ("bmV4dCB0b2tlbg".into(), ice());
        ServerMessage::Resumed(Resumed { seq: 42, missed, resume_token, ice })
    };
    let snapshot = Missed::Snapshot {
        participant_id: id("p_zzzx0002"),
        participants: participants(),
        room: room(),
        permissions: Permissions::default(),
        resume_grace: Duration::from_secs(30),
        server_time: NOW,
    };
    let listener = ParticipantInfo { publish: false, ..participants().remove(1) };
    let joined = ServerMessage::Joined {
        participant_id: id("p_zzzx0002"),
        participants: participants(),
        welcome: Some(welcome()),
    };
    let messages: Vec<(&str, ServerMessage)> = vec![
        ("answer", signal(numbered(SignalKind::Answer))),
        ("candidate", signal(numbered(SignalKind::Candidate))),
        ("error_offer_conflict", conflict),
        ("error_rate_limited", limited),
        ("ice_servers", ServerMessage::IceServers { ice: ice(), req: req("r1") }),
        ("joined", joined),
        ("kicked", ServerMessage::Kicked { reason: "您已被移出房间".into() }),
        (
            "password_attempts",
            ServerMessage::PasswordAttempts { left: 0, retry_after: Duration::from_secs(180) },
        ),
        (
            "message",
            ServerMessage::Message {
                from, topic: topic(), data: value(&json!({"text": "你好"}))
            },
        ),
        (
            "message_from_host",
            ServerMessage::HostMessage { topic: topic(), data: value(&json!({"text": "你好"})) },
        ),
        ("offer", signal(offer)),
        ("peer_joined", ServerMessage::PeerJoined { participant: participants().remove(1) }),
        ("peer_joined_attributes", ServerMessage::PeerJoined { participant: described() }),
        ("peer_joined_publish", ServerMessage::PeerJoined { participant: listener }),
        (
            "peer_left",
            ServerMessage::PeerLeft { participant_id: from, reason: Some(LeaveReason::Lost) },
        ),
        (
            "peer_updated_attributes",
            updated(PeerUpdate { attributes: chair(), ..PeerUpdate::default() }),
        ),
        (
            "peer_updated_connected",
            updated(PeerUpdate { connected: Some(false), ..PeerUpdate::default() }),
        ),
        ("peer_updated_lossy", updated(lossy)),
        (
            "peer_updated_publish",
            updated(PeerUpdate { publish: Some(false), ..PeerUpdate::default() }),
        ),
        ("peer_updated_state", updated(changed)),
        (
            "permissions_updated",
            ServerMessage::PermissionsUpdated { permissions: Permissions::ALL },
        ),
        ("pong", ServerMessage::Pong { t: value(&json!(17)), server_time: NOW, req: req("r3") }),
        ("resumed_replayed", resumed(Missed::Replayed { replayed: 3, received: 12 })),
        ("resumed_snapshot", resumed(snapshot)),
        (
            "room_closed",
            ServerMessage::RoomClosed {
                reason: CloseReason::Expired.text(Language::Zh).into(),
                code: Some(CloseReason::Expired),
            },
        ),
        ("room_updated", ServerMessage::RoomUpdated { room: room() }),
        (
            "server_draining",
            ServerMessage::ServerDraining { reconnect_after: Duration::from_millis(1500) },
        ),
    ];
    for (name, message) in &messages {
        let encoded = encode_server(message, ProtocolVersion::V2);
        let frame = golden("v2/server", name, || encoded.clone());
        assert_eq!(encoded, frame, "{name}");
        assert_eq!(decode_server(&frame).as_ref(), Ok(message), "{name}");
    }
    assert_eq!(names("v2/server"), messages.iter().map(|(name, _)| (*name).to_owned()).collect());
}

const NOW: Timestamp = Timestamp::from_millis(1_765_022_400_000);

fn signal(kind: SignalKind) -> Signal {
    let payload = match kind {
        SignalKind::Answer | SignalKind::Offer => Payload::new("v=0\r\no=- ...").unwrap(),
        SignalKind::Candidate => {
            value(&json!({"candidate": "candidate:...", "sdpMLineIndex": 0, "sdpMid": "0"}))
        }
    };
    Signal { kind, payload, negotiation: None, tracks: None }
}

fn numbered(kind: SignalKind) -> Signal {
    Signal { negotiation: Some(3), ..signal(kind) }
}

fn tracks() -> Payload {
    value(&json!([{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "screen"}]))
}

fn state() -> Payload {
    value(&json!({"muted": true}))
}

fn topic() -> Topic {
    Topic::new("chat").unwrap()
}

fn error(code: ErrorCode) -> ServerMessage {
    let message = code.text(Language::Zh).into();
    ServerMessage::Error { code, message, about: None, retry_after: None, req: None }
}

fn ice() -> IceServers {
    let servers = value(&json!([
        {"urls": ["turn:1.2.3.4:3478"], "username": "1765029600:guest_p_zzzx0002", "credential": "xxx"}
    ]));
    IceServers { servers, expires_at: NOW + Duration::from_secs(7200) }
}

fn room() -> RoomInfo {
    RoomInfo {
        id: "ABC234".parse().unwrap(),
        name: "小明的房间".into(),
        max_participants: 10,
        expires_at: NOW + Duration::from_secs(7200),
        locked: false,
    }
}

fn welcome() -> Welcome {
    Welcome {
        room: room(),
        permissions: Permissions::default(),
        ice: ice(),
        resume_token: "MjU2IHJhbmRvbSBiaXRz".into(),
        resume_grace: Duration::from_secs(30),
        server_time: NOW,
    }
}

fn participants() -> Vec<ParticipantInfo> {
    let creator = ParticipantInfo { connected: false, ..participant("p_zzzz0000", "小明", true) };
    let guest =
        ParticipantInfo { state: Some(state()), ..participant("p_zzzy0001", "小红", false) };
    vec![creator, guest]
}

/// A participant as the server describes it.
fn chair() -> Option<Attributes> {
    Attributes::new([("role", "主持人")]).ok()
}

fn described() -> ParticipantInfo {
    let attributes = Attributes::new([("role", "接待"), ("team", "sales")]).unwrap();
    let participant = participant("p_zzzy0001", "小红", false);
    ParticipantInfo { attributes: Some(attributes), ..participant }
}

fn participant(text: &str, name: &str, is_creator: bool) -> ParticipantInfo {
    ParticipantInfo {
        id: id(text),
        name: name.into(),
        is_creator,
        connected: true,
        state: None,
        attributes: None,
        publish: true,
    }
}

fn id(text: &str) -> ParticipantId {
    text.parse().unwrap()
}

fn value(value: &Value) -> Payload {
    Payload::new(value).unwrap()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/messages").join(name)
}

fn golden(sender: &str, name: &str, anew: impl FnOnce() -> Bytes) -> Bytes {
    let path = folder(sender).join(name).with_extension("json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() && sender.starts_with("v2") {
        fs::write(&path, anew()).unwrap();
    }
    fs::read(path).unwrap().into()
}

/// The messages that have files, so that none remains unchecked.
fn names(sender: &str) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    fs::read_dir(folder(sender)).unwrap().map(|entry| stem(entry.unwrap().path())).collect()
}
