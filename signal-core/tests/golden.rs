//! Every message of the API document, byte for byte, in both directions.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::json;
use signal_core::wire::{decode_client, decode_server, encode_client, encode_server, payload};
use signal_core::{
    ClientMessage, CloseReason, ErrorCode, Language, Participant, ParticipantId, ServerMessage, Signal,
    SignalKind,
};

#[test]
fn every_message_of_a_client_has_the_documented_form() {
    let signal = |kind| ClientMessage::Signal { to: id("p_target_id"), signal: signal(kind) };
    let messages = [
        ("answer", signal(SignalKind::Answer)),
        ("candidate", signal(SignalKind::Candidate)),
        ("leave", ClientMessage::Leave),
        ("offer", signal(SignalKind::Offer)),
    ];
    for (name, message) in &messages {
        let frame = golden("client", name);
        assert_eq!(encode_client(message), frame, "{name}");
        assert_eq!(decode_client(&frame).as_ref(), Ok(message), "{name}");
    }
    assert_eq!(names("client"), messages.map(|(name, _)| name.to_owned()).into());
}

#[test]
fn every_message_of_the_server_has_the_documented_form() {
    let signal = |kind| ServerMessage::Signal { from: id("p_xyz"), signal: signal(kind) };
    let messages = [
        ("answer", signal(SignalKind::Answer)),
        ("candidate", signal(SignalKind::Candidate)),
        (
            "error",
            ServerMessage::Error {
                code: ErrorCode::InvalidMessage,
                message: ErrorCode::InvalidMessage.text(Language::Zh).into(),
            },
        ),
        (
            "joined",
            ServerMessage::Joined {
                participant_id: id("p_abc12345"),
                participants: vec![participant("p_xyz", "小明", true), participant("p_123", "小红", false)],
            },
        ),
        ("offer", signal(SignalKind::Offer)),
        ("peer_joined", ServerMessage::PeerJoined { participant: participant("p_new", "新用户", false) }),
        ("peer_left", ServerMessage::PeerLeft { participant_id: id("p_123") }),
        (
            "room_closed",
            ServerMessage::RoomClosed { reason: CloseReason::ByCreator.text(Language::Zh).into() },
        ),
    ];
    for (name, message) in &messages {
        let frame = golden("server", name);
        assert_eq!(encode_server(message), frame, "{name}");
        assert_eq!(decode_server(&frame).as_ref(), Ok(message), "{name}");
    }
    assert_eq!(names("server"), messages.map(|(name, _)| name.to_owned()).into());
}

fn signal(kind: SignalKind) -> Signal {
    let payload = match kind {
        SignalKind::Answer | SignalKind::Offer => payload("v=0\r\no=- ..."),
        SignalKind::Candidate => {
            payload(&json!({"candidate": "candidate:...", "sdpMLineIndex": 0, "sdpMid": "0"}))
        }
    };
    Signal { kind, payload: payload.unwrap() }
}

fn participant(text: &str, name: &str, is_creator: bool) -> Participant {
    Participant { id: id(text), name: name.into(), is_creator }
}

fn id(text: &str) -> ParticipantId {
    text.parse().unwrap()
}

fn folder(sender: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(sender)
}

fn golden(sender: &str, name: &str) -> Bytes {
    fs::read(folder(sender).join(name).with_extension("json")).unwrap().into()
}

/// The messages there are files for, so that none goes unchecked.
fn names(sender: &str) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    fs::read_dir(folder(sender)).unwrap().map(|entry| stem(entry.unwrap().path())).collect()
}
