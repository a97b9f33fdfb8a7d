//! Frames that the API document does not have, decoded.

use bytes::Bytes;
use signal_core::message::{Audience, ClientMessage, Payload, ServerMessage};
use signal_core::wire::{self, DecodeError, Problem, decode_server};
use signal_core::{ErrorCode, ProtocolVersion};

#[test]
fn a_payload_is_passed_on_byte_for_byte() {
    for value in ["null", "\"\"", "{ \"b\" : 1.50, \"a\":[ ] }", "\"\\u4e2d\\/\\r\\n\"", "{}"] {
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
    for fields in [
        r#""to":null,"extra":{"a":[1,{"b":2}]},"from":"p_me""#,
        r#""to":["p_me"],"participant_id":7"#,
        r#""sdp":7,"candidate":7,"neg":"7","tracks":7,"topic":7,"data":7,"t":7"#,
        r#""name":7,"state":7,"action":7,"req":7"#,
    ] {
        let frame = Bytes::from(format!(r#"{{"type":"leave",{fields}}}"#));
        assert_eq!(decode_client(&frame), Ok(ClientMessage::Leave), "{fields}");
    }
    let frame = Bytes::from_static(
        br#"{"type":"peer_left","participant_id":"p_a","reason":"lost","seq":7}"#,
    );
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
fn a_deeply_nested_payload_is_refused() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        decode_client(
            &format!(r#"{{"type":"candidate","to":"p_a","candidate":{{"a":{open}1{close}}}}}"#)
                .into(),
        )
    };
    assert!(nested(14).is_ok());
    for depth in [15, 30_000] {
        assert_eq!(nested(depth).unwrap_err().code(), ErrorCode::InvalidMessage);
    }
}

#[test]
fn a_client_can_tell_a_newer_servers_messages_from_broken_ones() {
    let newer = Bytes::from_static(br#"{"type":"moon_phase","full":true}"#);
    assert_eq!(decode_server(&newer), Err(Problem::UnknownType.into()));
    let newer = Bytes::from_static(br#"{"type":"error","code":"moon_phase","message":"x"}"#);
    assert_eq!(decode_server(&newer), Err(Problem::UnknownErrorCode("moon_phase".into()).into()));
    let broken = Bytes::from_static(br#"{"type":"joined","participant_id":"p_a"}"#);
    assert!(matches!(
        decode_server(&broken),
        Err(DecodeError { problem: Problem::Invalid(_), .. })
    ));
}

#[test]
fn every_error_code_has_a_name_of_its_own() {
    let frame = |code: ErrorCode| {
        let message = code.text(signal_core::Language::En).into();
        encode_server(&ServerMessage::Error {
            code,
            message,
            about: None,
            retry_after: None,
            req: None,
        })
    };
    for code in [
        ErrorCode::Forbidden,
        ErrorCode::UnknownType,
        ErrorCode::OfferConflict,
        ErrorCode::RoomFull,
    ] {
        assert_eq!(ErrorCode::from_wire(code.as_str()), Some(code));
        assert!(
            matches!(decode_server(&frame(code)), Ok(ServerMessage::Error { code: read, .. }) if read == code)
        );
    }
}

#[test]
fn v2_fields_mean_nothing_in_v1() {
    let frame = r#"{"type":"offer","to":"p_a","sdp":"x","neg":7,"tracks":[],"req":"r"}"#.into();
    let request = wire::decode_client(&frame, ProtocolVersion::V1).unwrap();
    let ClientMessage::Signal { signal, .. } = request.message else { panic!() };
    assert_eq!((request.req, signal.negotiation, signal.tracks), (None, None, None));
    let signal = |protocol| {
        let ClientMessage::Signal { to, signal } =
            wire::decode_client(&frame, ProtocolVersion::V2).unwrap().message
        else {
            panic!()
        };
        wire::encode_server(&ServerMessage::Signal { from: to, signal }, protocol)
    };
    assert_eq!(signal(ProtocolVersion::V1), r#"{"type":"offer","from":"p_a","sdp":"x"}"#);
    assert_eq!(
        signal(ProtocolVersion::V2),
        r#"{"type":"offer","from":"p_a","sdp":"x","neg":7,"tracks":[]}"#
    );
}

#[test]
fn offers_and_answers_name_their_tracks_and_candidates_do_not() {
    let tracks = r#","tracks":[{"mid":"0"}]"#;
    for (kind, payload, passed_on) in [
        ("offer", r#""sdp":"x""#, tracks),
        ("answer", r#""sdp":"x""#, tracks),
        ("candidate", r#""candidate":null"#, ""),
    ] {
        let frame = format!(r#"{{"type":"{kind}","to":"p_a",{payload}{tracks}}}"#).into();
        let request = wire::decode_client(&frame, ProtocolVersion::V2).unwrap();
        let ClientMessage::Signal { to, signal } = request.message else { panic!("{kind}") };
        let message = ServerMessage::Signal { from: to, signal };
        assert_eq!(
            wire::encode_server(&message, ProtocolVersion::V2),
            format!(r#"{{"type":"{kind}","from":"p_a",{payload}{passed_on}}}"#)
        );
    }
}

#[test]
fn in_v1_a_field_that_only_v2_has_may_hold_anything() {
    for value in ["5", "null", "\"\"", "{}", "[[1]]"] {
        let fields = ["req", "neg", "tracks", "topic", "data", "t", "name", "state"];
        let fields: String = fields.iter().map(|field| format!(r#","{field}":{value}"#)).collect();
        assert_eq!(
            decode_client(&format!(r#"{{"type":"leave"{fields}}}"#).into()),
            Ok(ClientMessage::Leave)
        );
        let offer =
            decode_client(&format!(r#"{{"type":"offer","to":"p_a","sdp":"x"{fields}}}"#).into());
        assert!(matches!(offer, Ok(ClientMessage::Signal { .. })), "{value}: {offer:?}");
    }
    let numbered = wire::decode_client(&r#"{"type":"leave","req":5}"#.into(), ProtocolVersion::V2)
        .unwrap_err();
    assert_eq!((numbered.code(), numbered.req.as_ref()), (ErrorCode::InvalidMessage, None));
    assert!(numbered.to_string().contains("`req`"), "{numbered}");
    let absent =
        wire::decode_client(&r#"{"type":"leave","req":null}"#.into(), ProtocolVersion::V2).unwrap();
    assert_eq!(absent.req, None);
}

#[test]
fn a_v2_message_that_is_wrong_is_refused_with_its_number_and_the_name_of_the_field() {
    let long = "x".repeat(65);
    let cases = [
        (r#""type":"offer","to":"p_a","sdp":"x","neg":-1"#.to_owned(), "neg"),
        (r#""type":"offer","to":"p_a","sdp":"x","neg":"1""#.to_owned(), "neg"),
        (r#""type":"offer","to":"p_a","sdp":"x","tracks":{}"#.to_owned(), "tracks"),
        (r#""type":"message","to":"room","data":1"#.to_owned(), "topic"),
        (r#""type":"message","to":"room","topic":"t""#.to_owned(), "data"),
        (r#""type":"message","to":"room","topic":"","data":1"#.to_owned(), "topic"),
        (format!(r#""type":"message","to":"room","topic":"{long}","data":1"#), "topic"),
        (format!(r#""type":"update","name":"{long}""#), "name"),
        (r#""type":"update","name":7"#.to_owned(), "name"),
    ];
    for (fields, name) in cases {
        let frame = format!(r#"{{{fields},"req":"r"}}"#);
        let error = wire::decode_client(&frame.clone().into(), ProtocolVersion::V2).unwrap_err();
        assert_eq!(
            (error.code(), error.req.as_ref().map(|req| req.as_str())),
            (ErrorCode::InvalidMessage, Some("r"))
        );
        assert!(error.to_string().contains(&format!("`{name}`")), "{frame}: {error}");
    }
}

#[test]
fn an_error_says_what_was_expected_and_never_what_was_there() {
    for (frame, expected) in [
        (r#""a, expected secret""#, "expected an object"),
        (r#"{"type":["secret"]}"#, "expected"),
        (r#"{"type":"offer","to":["secret"],"sdp":"x"}"#, "`to`: expected a participant id"),
        (r#"{"type":"leave","type":"secret"}"#, "duplicate field `type`"),
        (r#"{"type":"update","name":{"a":"secret"}}"#, "`name`: expected a string"),
        (r#"{"type":"secret"#, "EOF while parsing a string"),
    ] {
        let error =
            wire::decode_client(&frame.into(), ProtocolVersion::V2).unwrap_err().to_string();
        assert!(error.starts_with(expected) && !error.contains("secret"), "{frame}: {error}");
    }
}

#[test]
fn a_message_is_for_one_for_the_room_or_for_the_host() {
    let to = |to: &str| {
        let frame = format!(r#"{{"type":"message","to":"{to}","topic":"t","data":null}}"#).into();
        wire::decode_client(&frame, ProtocolVersion::V2).map(|request| request.message)
    };
    assert!(matches!(to("host"), Ok(ClientMessage::Message { to: Audience::Host, .. })));
    assert!(matches!(to("room"), Ok(ClientMessage::Message { to: Audience::Room, .. })));
    assert!(matches!(to("p_a"), Ok(ClientMessage::Message { to: Audience::One(_), .. })));
    assert_eq!(to("no one").unwrap_err().code(), ErrorCode::PeerNotFound);
}

#[test]
fn a_stored_payload_is_taken_if_it_is_one_json_value() {
    assert_eq!(Payload::from_json(&" {\"a\":1} ".into()).unwrap().as_bytes(), br#"{"a":1}"#);
    for wrong in ["", "{", "1 2", "nonsense"] {
        assert!(Payload::from_json(&wrong.into()).is_err(), "{wrong}");
    }
}

/// What a v1 client sends.
fn decode_client(frame: &Bytes) -> Result<ClientMessage, DecodeError> {
    wire::decode_client(frame, ProtocolVersion::V1).map(|request| request.message)
}

/// What a v1 client gets.
fn encode_server(message: &ServerMessage) -> Bytes {
    wire::encode_server(message, ProtocolVersion::V1)
}

#[test]
fn a_description_is_a_string_and_a_candidate_an_object_a_string_or_null() {
    let decode = |kind: &str, field: &str, value: &str| {
        let frame = format!(r#"{{"type":"{kind}","to":"p_a","{field}":{value}}}"#);
        wire::decode_client(&Bytes::from(frame), ProtocolVersion::V1).map_err(|e| e.to_string())
    };
    for kind in ["offer", "answer"] {
        assert!(decode(kind, "sdp", r#" "v=0" "#).is_ok());
        assert!(decode(kind, "sdp", r#""\ud800""#).is_ok(), "half a surrogate pair");
        for wrong in ["null", "1", "true", "{}", r#"["v=0"]"#] {
            assert_eq!(
                decode(kind, "sdp", wrong).unwrap_err(),
                "`sdp`: expected a string",
                "{wrong}"
            );
        }
    }
    for right in ["null", r#""""#, "{}", r#" {"candidate":""} "#] {
        assert!(decode("candidate", "candidate", right).is_ok(), "{right}");
    }
    for wrong in ["1", "false", "[]", "[null]"] {
        assert_eq!(
            decode("candidate", "candidate", wrong).unwrap_err(),
            "`candidate`: expected an object, a string or null",
            "{wrong}"
        );
    }
}
