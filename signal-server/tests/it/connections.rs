//! Sockets that do not keep up, and the end of serving.

use std::time::Duration;

use serde_json::json;
use signal_core::config::{HubConfig, RateLimit};
use signal_server::{Secret, Server};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::common::program::{Served, program};
use crate::common::{Api, Participant, builder, pass};

/// Participants may send as much as they like.
const PLENTY: [&str; 4] = ["--burst-messages", "4294967295", "--burst-bytes", "4294967295"];

/// A server whose participants may send as much as they like.
async fn without_rate_limit() -> Api {
    let rate = RateLimit::with(|rate| {
        rate.burst_messages = u32::MAX;
        rate.burst_bytes = u32::MAX;
    });
    Api::start_with(builder().hub(HubConfig::with(|config| config.rate = rate)).unwrap()).await
}

#[tokio::test]
async fn a_socket_that_reads_gets_any_amount() {
    let api = without_rate_limit().await;
    let room = api.room().await;
    let (mut creator, creator_id) = api.creator(&room).await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    creator.hear().await;
    let candidate = "x".repeat(60_000);
    let message = json!({"type": "candidate", "to": creator_id, "candidate": candidate});
    // Three times what may wait for a socket.
    for _ in 0..3 * 1_048_576 / 60_000 {
        guest.say(&message).await;
        assert_eq!(creator.hear().await["candidate"], candidate);
    }
}

/// Once the system buffered megabytes for a socket that does not read, unnoticed by the server.
#[tokio::test]
async fn what_a_socket_leaves_unread_waits_in_the_server_where_it_is_counted() {
    let server = Served::start(program(&["serve", "--listen", "127.0.0.1:0"]).args(PLENTY)).await;
    let api = &server.api;
    let room = api.room().await;
    let (mut sender, _) = api.creator(&room).await;
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let url = api.socket_url(&room.id, &api.ws_token(&room, "slow").await);
    let (mut slow, _) = Participant::connect_from(tcp, url).await.unwrap();
    let slow_id = slow.joined().await;
    sender.hear().await;
    const SENT: usize = 200 * 1024;
    let candidate = "x".repeat(SENT / 10);
    for _ in 0..10 {
        sender.say(&json!({"type": "candidate", "to": slow_id, "candidate": candidate})).await;
    }
    sender.expect_nothing_waiting().await;
    let queued = server.metric("signal_queued_bytes").await;
    assert!(queued > SENT as f64 / 4.0, "the system took all but {queued} of {SENT} bytes");
    for _ in 0..10 {
        assert_eq!(slow.hear().await["candidate"], candidate);
    }
}

#[tokio::test]
async fn a_participant_that_reads_everything_stays_whatever_may_be_unsent() {
    let least = ["--max-unsent-bytes", "524288"];
    let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
    let server = Served::start(command.args(PLENTY).args(least)).await;
    let api = &server.api;
    let room = api.room().await;
    let (mut creator, creator_id) = api.creator(&room).await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    creator.hear().await;
    // Each message is less than what was once worth telling the core.
    for number in 0..1000 {
        let candidate = format!("{number} {}", "x".repeat(1500));
        let message = json!({"type": "candidate", "to": creator_id, "candidate": candidate});
        guest.say(&message).await;
        assert_eq!(creator.hear().await["candidate"], candidate);
    }
}

#[tokio::test]
async fn a_message_that_trickles_in_for_a_minute_is_delivered() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, _) = api.creator(&room).await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    creator.hear().await;
    // A masked text frame with a mask of zeros.
    let text = br#"{"type":"leave"}"#;
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend(text);
    for (sent, byte) in frame.into_iter().enumerate() {
        guest.tcp().write_all(&[byte]).await.unwrap();
        guest.tcp().flush().await.unwrap();
        if sent % 5 == 0 {
            // The byte is there before the time has passed.
            creator.expect_nothing_waiting().await;
            sleep(Duration::from_millis(50)).await;
            pass(Duration::from_secs(15)).await;
            creator.expect_nothing_waiting().await;
        }
    }
    assert_eq!(guest.closed().await, 1000);
}

/// Once such a client and the server waited for each other.
#[tokio::test]
async fn a_socket_is_read_while_it_is_written_to() {
    let api = without_rate_limit().await;
    let room = api.room().await;
    let (mut creator, creator_id) = api.creator(&room).await;
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let url = api.socket_url(&room.id, &api.ws_token(&room, "deaf").await);
    let (mut deaf, _) = Participant::connect_from(tcp, url).await.unwrap();
    let deaf_id = deaf.joined().await;
    creator.hear().await;
    // More than the system takes, and less than may wait.
    let much = json!({"type": "candidate", "to": deaf_id, "candidate": "x".repeat(60_000)});
    for _ in 0..8 {
        creator.say(&much).await;
    }
    creator.expect_nothing_waiting().await;
    for number in 0..100 {
        let candidate = number.to_string();
        deaf.say(&json!({"type": "candidate", "to": creator_id, "candidate": candidate})).await;
        assert_eq!(creator.hear().await["candidate"], candidate);
    }
}

#[tokio::test]
async fn whoever_floods_a_socket_that_does_not_read_is_refused_and_the_others_are_served() {
    let api = without_rate_limit().await;
    let room = api.room().await;
    let (mut sender, _) = api.creator(&room).await;
    let (mut other, other_id) = api.guest(&room, "other").await;
    sender.hear().await;

    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let url = api.socket_url(&room.id, &api.ws_token(&room, "slow").await);
    let (mut slow, _) = Participant::connect_from(tcp, url).await.unwrap();
    let slow_id = slow.joined().await;
    for member in [&mut sender, &mut other] {
        assert_eq!(member.hear().await["type"], "peer_joined");
    }

    // More than the system buffers for a socket, and the server on top of it. Whatever is sent to
    // the slow one, the other gets what is sent next.
    let big = json!({"type": "candidate", "to": slow_id, "candidate": "x".repeat(60_000)});
    for sent in 0..200 {
        sender.say(&big).await;
        let marker = sent.to_string();
        sender.say(&json!({"type": "candidate", "to": other_id, "candidate": marker})).await;
        assert_eq!(other.hear().await["candidate"], marker);
    }
    assert_eq!(sender.hear().await["code"], "rate_limited");
    // When it reads again, it gets the messages that were accepted for it, and keeps its seat.
    let mut taken = 0;
    slow.say(&json!({"type": "offer", "to": slow_id, "sdp": "a mark"})).await;
    while slow.hear().await["code"] != "self_target" {
        taken += 1;
    }
    assert!(taken > 256 * 1024 / 60_000, "only {taken} were taken");
    assert!(taken < 200, "12 MB were taken for a socket that reads nothing");
    slow.say(&json!({"type": "candidate", "to": other_id, "candidate": "here"})).await;
    assert_eq!(other.hear().await["candidate"], "here");
}

#[tokio::test]
async fn a_socket_that_answers_no_ping_is_dropped_after_45_seconds_and_one_that_does_is_not() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, _) = api.creator(&room).await;
    let (mut guest, guest_id) = api.guest(&room, "guest").await;
    creator.hear().await;
    for _ in 0..2 {
        pass(Duration::from_secs(22)).await;
        creator.expect_nothing_waiting().await;
    }
    pass(Duration::from_secs(2)).await;
    creator.say_text(r#"{"type":"marker"}"#).await;
    assert_eq!(creator.hear().await, json!({"type": "peer_left", "participant_id": guest_id}));
    assert_eq!(creator.error().await, "unknown_type");
    assert_eq!(guest.closed().await, 4012);
}

#[tokio::test]
async fn a_close_frame_is_answered_and_is_a_leave() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, _) = api.creator(&room).await;
    let (mut guest, guest_id) = api.guest(&room, "guest").await;
    creator.hear().await;
    guest.close().await;
    guest.expect_end().await;
    assert_eq!(creator.hear().await, json!({"type": "peer_left", "participant_id": guest_id}));
}

#[tokio::test]
async fn serving_ends_although_sockets_and_requests_are_open() {
    let server = Server::builder(Secret::random()).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let stopped = async { stopped.await.unwrap() };
        server.serve(listener, stopped).await;
    });
    // One says nothing, one stops in the middle of its headers, one in the middle of its body.
    let _idle = TcpStream::connect(address).await.unwrap();
    let mut slow_headers = TcpStream::connect(address).await.unwrap();
    slow_headers.write_all(b"POST /api/webrtc/rooms HTTP/1.1\r\nHost: x\r\nX-").await.unwrap();
    let mut slow_body = TcpStream::connect(address).await.unwrap();
    slow_body
        .write_all(b"POST /api/webrtc/rooms/ABC234/join HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        .await
        .unwrap();
    // Its refusal shows that the server has met the others too: it accepts in order.
    let url = format!("ws://{address}/ws/webrtc/rooms/ABC234?token=x");
    assert_eq!(Participant::connect(url).await.unwrap().0.error().await, "token_invalid");

    stop.send(()).unwrap();
    timeout(Duration::from_secs(30), serving).await.expect("serving ends").unwrap();
}

#[test]
fn limits_that_do_not_fit_each_other_are_refused_by_name() {
    let rate = RateLimit::with(|rate| rate.burst_bytes = 1000);
    let refused = builder().hub(HubConfig::with(|config| config.rate = rate)).unwrap_err();
    assert_eq!(refused.field, "rate.burst_bytes");
}
