//! The bytes of frames between nodes.

use proptest::option;
use proptest::prelude::*;
use signal_core::hub::{NodeBody, NodeFrame, NodeReceiver, NodeSender, SeatRef};
use signal_core::message::{Payload, RequestId, Signal, SignalKind, Topic};
use signal_core::{ErrorCode, InvalidBytes, RoomId};

use super::{
    Form, assert_golden, assert_harmless, assert_newer_is_read, assert_read_again, assert_unknown,
    assert_whole, values,
};

impl Form for NodeFrame {
    const KINDS: &[&str] = &["message", "refused", "signal"];

    fn kind(&self) -> &'static str {
        match self.body {
            NodeBody::Message { .. } => "message",
            NodeBody::Refused { .. } => "refused",
            NodeBody::Signal(_) => "signal",
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidBytes> {
        Self::from_bytes(bytes)
    }
}

#[test]
fn each_kind_of_frame_keeps_its_bytes() {
    assert_golden("frames.txt", &samples());
}

#[test]
fn a_frame_is_the_same_after_writing_and_reading_it() {
    assert_read_again(frame());
}

#[test]
fn a_frame_is_read_whole_or_not_at_all() {
    assert_whole(&samples());
}

#[test]
fn no_bytes_in_place_of_a_frame_do_harm() {
    assert_harmless(&samples());
}

#[test]
fn a_frame_of_a_newer_version_is_read_unless_it_says_otherwise() {
    assert_newer_is_read(&samples());
}

#[test]
fn a_frame_of_an_unknown_kind_names_the_version_that_knows_it() {
    let frame = refused(ErrorCode::Forbidden, Some(SignalKind::Offer));
    // The room, the epoch and the version precede the sender.
    let sender = 2 + 4 + 6 + 8 + 8;
    assert_unknown(&frame, sender);
    let receiver = sender + 1 + SEAT;
    assert_unknown(&frame, receiver);
    let body = receiver + 1 + SEAT;
    assert_unknown(&frame, body);
    let code = body + 1 + 4;
    assert_unknown(&frame, code);
    let kind = code + "forbidden".len() + 1;
    assert_unknown(&frame, kind);
}

#[test]
fn a_payload_arrives_byte_for_byte() {
    let json = br#"{"b": 1,  "a":"\ud800" }"#;
    let payload = Payload::from_json(&bytes::Bytes::from_static(json)).unwrap();
    let frame = signal(SignalKind::Offer, payload, None, None);
    let NodeBody::Signal(read) = NodeFrame::from_bytes(&frame.to_bytes()).unwrap().body else {
        unreachable!()
    };
    assert_eq!(read.payload.as_bytes(), json);
}

fn samples() -> Vec<(&'static str, NodeFrame)> {
    let message = |from, to| NodeFrame { from, to, ..message() };
    let (host, room) = (NodeSender::Host, NodeReceiver::Room);
    let to_host = NodeFrame {
        to: NodeReceiver::Host,
        req: Some(RequestId::new("r1").unwrap()),
        ..refused(ErrorCode::PeerUnreachable, None)
    };
    let sdp = Payload::new("v=0\r\n").unwrap();
    let tracks = Payload::new(&["camera"]).unwrap();
    let last = Payload::new(&None::<()>).unwrap();
    vec![
        ("message to the room", message(sender(), room)),
        ("message to one", message(sender(), receiver())),
        ("message of the host", message(host, room)),
        ("message of the host to one", message(host, receiver())),
        ("refused message", refused(ErrorCode::RateLimited, None)),
        ("refused offer", refused(ErrorCode::OfferConflict, Some(SignalKind::Offer))),
        ("refused answer", refused(ErrorCode::RateLimited, Some(SignalKind::Answer))),
        ("refused candidate", refused(ErrorCode::PeerNotFound, Some(SignalKind::Candidate))),
        ("refused message of the host", to_host),
        ("offer", signal(SignalKind::Offer, sdp.clone(), Some(3), Some(tracks))),
        ("answer", signal(SignalKind::Answer, sdp, None, None)),
        ("candidate", signal(SignalKind::Candidate, last, Some(u32::MAX), None)),
    ]
}

fn message() -> NodeFrame {
    NodeFrame {
        room: RoomId::from_indices([0; 6]),
        epoch: 1,
        version: u64::MAX,
        from: sender(),
        to: receiver(),
        body: NodeBody::Message {
            topic: Topic::new("chat").unwrap(),
            data: Payload::new("你好").unwrap(),
        },
        req: None,
    }
}

fn refused(code: ErrorCode, kind: Option<SignalKind>) -> NodeFrame {
    NodeFrame { body: NodeBody::Refused { code, kind }, ..message() }
}

fn signal(
    kind: SignalKind,
    payload: Payload,
    negotiation: Option<u32>,
    tracks: Option<Payload>,
) -> NodeFrame {
    let signal = Signal { kind, payload, negotiation, tracks };
    NodeFrame { body: NodeBody::Signal(signal), ..message() }
}

fn sender() -> NodeSender {
    NodeSender::Seat(SeatRef { id: "p_zzzy0001".parse().unwrap(), generation: 1 })
}

fn receiver() -> NodeReceiver {
    NodeReceiver::Seat(SeatRef { id: "p_zzzx0002".parse().unwrap(), generation: 2 })
}

/// The length of a seat: a text of ten characters, and the generation.
const SEAT: usize = 4 + 10 + 4;

fn frame() -> impl Strategy<Value = NodeFrame> {
    let head = (values::room(), any::<u64>(), any::<u64>());
    let from = prop_oneof![Just(NodeSender::Host), seat().prop_map(NodeSender::Seat)];
    let to = prop_oneof![
        Just(NodeReceiver::Host),
        Just(NodeReceiver::Room),
        seat().prop_map(NodeReceiver::Seat),
    ];
    (head, from, to, body(), values::req()).prop_map(
        |((room, epoch, version), from, to, body, req)| NodeFrame {
            room,
            epoch,
            version,
            from,
            to,
            body,
            req,
        },
    )
}

fn seat() -> impl Strategy<Value = SeatRef> {
    (values::participant(), any::<u32>()).prop_map(|(id, generation)| SeatRef { id, generation })
}

fn body() -> impl Strategy<Value = NodeBody> {
    let signal = (kind(), values::payload(), any::<Option<u32>>(), option::of(values::payload()));
    prop_oneof![
        (values::topic(), values::payload())
            .prop_map(|(topic, data)| NodeBody::Message { topic, data }),
        (code(), option::of(kind())).prop_map(|(code, kind)| NodeBody::Refused { code, kind }),
        signal.prop_map(|(kind, payload, negotiation, tracks)| {
            NodeBody::Signal(Signal { kind, payload, negotiation, tracks })
        }),
    ]
}

fn code() -> impl Strategy<Value = ErrorCode> {
    prop_oneof![
        Just(ErrorCode::OfferConflict),
        Just(ErrorCode::PeerNotFound),
        Just(ErrorCode::PeerUnreachable),
        Just(ErrorCode::RateLimited),
    ]
}

fn kind() -> impl Strategy<Value = SignalKind> {
    prop_oneof![Just(SignalKind::Offer), Just(SignalKind::Answer), Just(SignalKind::Candidate)]
}
