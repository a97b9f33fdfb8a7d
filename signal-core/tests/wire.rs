//! What the wire format makes of frames that are not in the document.

use bytes::Bytes;
use signal_core::wire::{DecodeError, decode_client, decode_server, encode_server};
use signal_core::{ClientMessage, ErrorCode, ServerMessage};

#[test]
fn a_payload_is_passed_on_byte_for_byte() {
    for value in ["null", "\"\"", "{ \"b\" : 1.50, \"a\":[ ] }", "\"\\u4e2d\\/\\r\\n\"", "0", "{}"] {
        let frame = format!(r#"{{ "candidate" :{value}, "to":"p_a", "type" : "candidate" }}"#);
        let Ok(ClientMessage::Signal { to, signal }) = decode_client(&Bytes::from(frame)) else {
            panic!("{value} was refused")
        };
        let relayed = encode_server(&ServerMessage::Signal { from: to, signal });
        assert_eq!(relayed, format!(r#"{{"type":"candidate","from":"p_a","candidate":{value}}}"#));
    }
}

#[test]
fn fields_nobody_asked_for_are_ignored_whatever_they_hold() {
    let frame = Bytes::from_static(br#"{"type":"leave","to":null,"extra":{"a":[1,{"b":2}]},"from":"p_me"}"#);
    assert_eq!(decode_client(&frame), Ok(ClientMessage::Leave));
    let frame = Bytes::from_static(br#"{"type":"peer_left","participant_id":"p_a","reason":"lost","seq":7}"#);
    assert!(matches!(decode_server(&frame), Ok(ServerMessage::PeerLeft { .. })));
}

#[test]
fn escapes_in_types_and_ids_are_understood() {
    let frame = Bytes::from_static(br#"{"type":"l\u0065ave"}"#);
    assert_eq!(decode_client(&frame), Ok(ClientMessage::Leave));
    let frame = Bytes::from_static(br#"{"type":"offer","to":"p_\u0061","sdp":"x"}"#);
    let Ok(ClientMessage::Signal { to, .. }) = decode_client(&frame) else { panic!("refused") };
    assert_eq!(to.as_str(), "p_a");
}

#[test]
fn a_frame_that_is_no_message_is_refused_with_the_code_that_fits() {
    use ErrorCode::{InvalidMessage, PeerNotFound, UnknownType};
    let cases: [(&[u8], ErrorCode); 16] = [
        (b"", InvalidMessage),
        (b"not json", InvalidMessage),
        (b"\xff\xfe", InvalidMessage),
        (b"[]", InvalidMessage),
        (b"null", InvalidMessage),
        (b"{}", InvalidMessage),
        (br#"{"type":7}"#, InvalidMessage),
        (br#"{"type":"leave"} {}"#, InvalidMessage),
        (br#"{"type":"leave","type":"leave"}"#, InvalidMessage),
        (br#"{"type":"offer","sdp":"x"}"#, InvalidMessage),
        (br#"{"type":"offer","to":"p_a"}"#, InvalidMessage),
        (br#"{"type":"offer","to":"p_a","candidate":"x"}"#, InvalidMessage),
        (br#"{"type":"offer","to":["p_a"],"sdp":"x"}"#, InvalidMessage),
        (br#"{"type":"offer","to":"no such participant id","sdp":"x"}"#, PeerNotFound),
        (br#"{"type":"shout"}"#, UnknownType),
        (br#"{"type":""}"#, UnknownType),
    ];
    for (frame, code) in cases {
        let error = decode_client(&Bytes::from_static(frame)).unwrap_err();
        assert_eq!(error.code(), code, "{}", String::from_utf8_lossy(frame));
    }
}

#[test]
fn a_deeply_nested_payload_does_not_exhaust_the_stack() {
    let deep = format!(
        r#"{{"type":"candidate","to":"p_a","candidate":{}1{}}}"#,
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    // Refused or passed on is the same to the server; it must not crash.
    let _ = decode_client(&Bytes::from(deep));
}

#[test]
fn a_client_can_tell_a_newer_servers_messages_from_broken_ones() {
    let newer = Bytes::from_static(br#"{"type":"server_draining","reconnect_after_ms":100}"#);
    assert_eq!(decode_server(&newer), Err(DecodeError::UnknownType));
    let newer = Bytes::from_static(br#"{"type":"error","code":"moon_phase","message":"x"}"#);
    assert_eq!(decode_server(&newer), Err(DecodeError::UnknownErrorCode("moon_phase".into())));
    let broken = Bytes::from_static(br#"{"type":"joined","participant_id":"p_a"}"#);
    assert!(matches!(decode_server(&broken), Err(DecodeError::Invalid(_))));
}

#[test]
fn every_error_code_has_a_name_of_its_own() {
    let frame = |code: ErrorCode| {
        encode_server(&ServerMessage::Error { code, message: code.text(signal_core::Language::En).into() })
    };
    for code in [ErrorCode::Forbidden, ErrorCode::UnknownType, ErrorCode::OfferConflict, ErrorCode::RoomFull]
    {
        assert_eq!(ErrorCode::from_wire(code.as_str()), Some(code));
        assert!(
            matches!(decode_server(&frame(code)), Ok(ServerMessage::Error { code: read, .. }) if read == code)
        );
    }
}
