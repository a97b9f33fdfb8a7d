//! Frames that no WebSocket client should send, and floods of them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{broadcast, serve};
use crate::common::program::Served;
use crate::common::{PATIENCE, Participant, Room, text};

/// First bytes of frames (RFC 6455 section 5.2): the last or only one of its message, and one that
/// others follow.
pub(super) const TEXT: u8 = 0x81;
const TEXT_BEGINS: u8 = 0x01;
const MORE: u8 = 0x00;
const END: u8 = 0x80;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// Close codes (RFC 6455 section 7.4.1).
const PROTOCOL_ERROR: u16 = 1002;
const INVALID_TEXT: u16 = 1007;
const TOO_BIG: u16 = 1009;

const MIB: usize = 1024 * 1024;
/// Far more than twenty times 256 KiB.
const MOST_MEMORY: u64 = 32 * 1024 * 1024;

/// A frame of a client. Its mask is zero, which leaves the payload as it is.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64);
    frame.extend(payload);
    frame
}

fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(0x80 | length as u8),
        126..0x1_0000 => {
            head.push(0x80 | 126);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    head.extend([0; 4]);
    head
}

/// Two participants that talk to each other while a third one misbehaves.
struct Witnesses {
    room: Room,
    members: [Participant; 2],
}

impl Witnesses {
    async fn enter(server: &Served) -> Self {
        let room = server.api.room_with(&json!({"max_participants": 50})).await;
        let (mut creator, _) = server.api.enter_v2(&room, &room.access_token).await;
        let guest =
            server.api.enter_v2(&room, &server.api.ws_token(&room, "witness").await).await.0;
        assert_eq!(creator.hear().await["type"], "peer_joined");
        Self { room, members: [creator, guest] }
    }

    /// Another participant, whom they have seen coming.
    async fn offender(&mut self, server: &Served) -> (Participant, Value) {
        let token = server.api.ws_token(&self.room, "offender").await;
        let entered = server.api.enter_v2(&self.room, &token).await;
        for member in &mut self.members {
            assert_eq!(member.hear().await["type"], "peer_joined");
        }
        entered
    }

    /// They hear of the end of a socket, and each other.
    async fn see_lost(&mut self, id: &Value) {
        for member in &mut self.members {
            let heard = member.hear().await;
            assert_eq!(
                (&heard["type"], &heard["connected"]),
                (&json!("peer_updated"), &json!(false)),
                "{heard}"
            );
            assert_eq!(heard["participant_id"], *id);
        }
        let [creator, guest] = &mut self.members;
        creator.say(&broadcast("still here")).await;
        assert_eq!(guest.hear().await["data"], "still here");
    }
}

/// Sends until the server answers. Returns whether everything was sent.
async fn send(tcp: &mut TcpStream, bytes: &[u8]) -> bool {
    let (mut read, mut write) = tcp.split();
    let mut next = [0];
    tokio::select! {
        biased;
        // The end is an answer too, which the next reader finds.
        _ = read.peek(&mut next) => false,
        sent = timeout(PATIENCE, write.write_all(bytes)) => sent.expect("it is taken or refused").is_ok(),
    }
}

#[tokio::test]
async fn whoever_breaks_the_rules_of_websocket_is_closed_with_the_code_for_it_and_the_others_talk_on()
 {
    let server = serve(&[]).await;
    let mut witnesses = Witnesses::enter(&server).await;
    let fragments = |first, count| {
        let mut frames = frame(first, &[b'x'; 1024]);
        for _ in 1..count {
            frames.extend(frame(MORE, &[b'x'; 1024]));
        }
        frames
    };
    let mut unmasked = frame(TEXT, b"{}");
    unmasked[1] &= 0x7F;
    for (what, frames, code) in [
        ("a message of 2 MiB", frame(TEXT, &vec![b'x'; 2 * MIB]), TOO_BIG),
        ("a binary message of 2 MiB", frame(BINARY, &vec![b'x'; 2 * MIB]), TOO_BIG),
        ("2 MiB in small fragments", fragments(TEXT_BEGINS, 2048), TOO_BIG),
        ("the head of more than there is memory", head(TEXT, u64::MAX >> 1), TOO_BIG),
        ("text that is not UTF-8", frame(TEXT, b"\"\xFF\""), INVALID_TEXT),
        ("a frame that is not masked", unmasked, PROTOCOL_ERROR),
        ("an unknown kind of frame", frame(0x83, b"x"), PROTOCOL_ERROR),
        ("an unknown kind of control frame", frame(0x8B, b"x"), PROTOCOL_ERROR),
        ("a reserved bit, as for compression", frame(TEXT | 0x40, b"{}"), PROTOCOL_ERROR),
        ("a ping that is too long", frame(PING, &[0; 126]), PROTOCOL_ERROR),
        ("a ping in fragments", frame(PING & 0x0F, b"x"), PROTOCOL_ERROR),
        ("a fragment of nothing", frame(END, b"x"), PROTOCOL_ERROR),
        (
            "a message within another",
            [frame(TEXT_BEGINS, b"x"), frame(TEXT, b"{}")].concat(),
            PROTOCOL_ERROR,
        ),
        ("half a close code", frame(CLOSE, b"\x03"), PROTOCOL_ERROR),
        ("a reason that is not UTF-8", frame(CLOSE, b"\x03\xE8\xFF"), INVALID_TEXT),
    ] {
        let (mut offender, joined) = witnesses.offender(&server).await;
        send(offender.tcp(), &frames).await;
        assert_eq!(offender.read_until_closed().await, code, "{what}");
        witnesses.see_lost(&joined["participant_id"]).await;
        let (back, resumed) =
            server.api.resume(&witnesses.room, &text(&joined["resume_token"])).await;
        assert_eq!(resumed["type"], "resumed", "{what}");
        for member in &mut witnesses.members {
            assert_eq!(member.hear().await["connected"], true, "{what}");
        }
        drop(back);
        for member in &mut witnesses.members {
            assert_eq!(member.hear().await["connected"], false, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_without_an_end_take_no_memory() {
    let server = serve(&[]).await;
    let mut offenders = Vec::new();
    for _ in 0..20 {
        // Each in a room of its own, so that nothing but the answer comes.
        let room = server.api.room().await;
        offenders.push(server.api.enter_v2(&room, &room.access_token).await.0);
    }
    let memory = server.peak_memory();
    let mut sending = JoinSet::new();
    for (index, mut offender) in offenders.into_iter().enumerate() {
        sending.spawn(async move {
            // Some in one frame, the others in fragments.
            let (begin, part) = match index % 2 {
                0 => (head(TEXT, 1 << 30), vec![b'x'; MIB]),
                _ => (frame(TEXT_BEGINS, b"x"), frame(MORE, &[b'x'; 64 * 1024])),
            };
            send(offender.tcp(), &begin).await;
            let mut sent = 0;
            while send(offender.tcp(), &part).await {
                sent += part.len();
                assert!(sent < 256 * MIB, "all of it was taken");
            }
            offender.read_until_closed().await
        });
    }
    assert!(sending.join_all().await.iter().all(|code| *code == TOO_BIG));
    let grown = server.peak_memory() - memory;
    println!("{grown} bytes of memory more");
    assert!(grown < MOST_MEMORY, "{grown}");
}

#[tokio::test]
async fn a_message_in_fragments_is_one_message_whatever_comes_between_them() {
    let server = serve(&[]).await;
    let Witnesses { room, members: [mut creator, mut guest] } = Witnesses::enter(&server).await;
    let message = broadcast("in parts").to_string();
    let (begin, end) = message.as_bytes().split_at(9);
    let parts =
        [frame(TEXT_BEGINS, begin), frame(PING, b"between"), frame(MORE, b""), frame(END, end)];
    guest.tcp().write_all(&parts.concat()).await.unwrap();
    assert_eq!(creator.hear().await["data"], "in parts");

    // Together longer than allowed. The limit applies to the whole message, and exceeding it does
    // not close the socket.
    let part = [b'x'; 32 * 1024];
    let parts = [frame(TEXT_BEGINS, &part), frame(MORE, &part), frame(END, b"x")];
    guest.tcp().write_all(&parts.concat()).await.unwrap();
    assert_eq!(guest.hear().await["code"], "message_too_large");
    guest.send(Message::binary(message)).await;
    assert_eq!(guest.hear().await["code"], "invalid_message");
    guest.say(&broadcast("still here")).await;
    assert_eq!(creator.hear().await["data"], "still here");
    server.api.close(&room.id, &room.access_token).await.data();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_frames_that_are_no_messages_keeps_nobody_waiting_and_takes_no_memory() {
    const FLOOD: usize = 16 * MIB;
    let server = serve(&[]).await;
    let Witnesses { members: [mut creator, mut guest], .. } = Witnesses::enter(&server).await;
    let memory = server.peak_memory();
    let mut floods = JoinSet::new();
    for (begin, flood) in [
        (Vec::new(), frame(PING, &[0; 125]).repeat(100)),
        (Vec::new(), frame(PONG, &[0; 125]).repeat(100)),
        (frame(TEXT_BEGINS, b""), frame(MORE, b"").repeat(1000)),
    ] {
        let room = server.api.room().await;
        let (mut flooder, _) = server.api.enter_v2(&room, &room.access_token).await;
        floods.spawn(async move {
            flooder.tcp().write_all(&begin).await.unwrap();
            for _ in 0..FLOOD / flood.len() {
                // It does not even read the answers.
                flooder.tcp().write_all(&flood).await.unwrap();
            }
        });
    }
    let talk = async {
        for number in 0.. {
            guest.say(&broadcast(number)).await;
            assert_eq!(creator.hear().await["data"], number);
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        _ = floods.join_all() => {}
        () = talk => unreachable!("they talk without an end"),
    }
    let grown = server.peak_memory() - memory;
    println!("{grown} bytes of memory more");
    assert!(grown < FLOOD as u64 / 2, "{grown}");
}
