//! Limits on requests, and the answers beyond them.

mod sockets;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use signal_server::{ForwardedHeader, Limits};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::common::program::{Served, program};
use crate::common::tcp::{is_closed, said};
use crate::common::{Api, Participant, Room, answer, builder, pass, read, text};

/// A server behind a proxy, which these tests play.
async fn behind_a_proxy(limits: Limits) -> Api {
    let proxies = ["127.0.0.1/32".parse().unwrap()];
    Api::start_with(
        builder().limits(limits).unwrap().trusted_proxies(proxies, ForwardedHeader::XForwardedFor),
    )
    .await
}

fn password(room: &Room) -> Value {
    json!({"password": room.password})
}

fn wrong() -> Value {
    json!({"password": "wrong!"})
}

#[tokio::test]
async fn an_address_has_five_failures_in_a_room_ten_unknown_rooms_and_so_many_in_all() {
    let api = behind_a_proxy(Limits::with(|limits| limits.failed_joins = 12)).await;
    let room = api.room().await;
    let closed = api.room().await;
    api.close(&closed.id, &closed.access_token).await.data();
    let from =
        async |client: &str, room: &str, body: &Value| api.join_from(client, room, body).await;
    let costs_nothing = async || {
        // A missing password, a room that is over, what cannot be a room, a right password.
        let missing = from("198.51.100.1", &room.id, &json!({})).await;
        assert_eq!(missing.refused(), (400, "invalid_argument"));
        let over = from("198.51.100.1", &closed.id, &wrong()).await;
        assert_eq!(over.refused(), (404, "room_not_found"));
        let impossible = from("198.51.100.1", "no%20room", &wrong()).await;
        assert_eq!(impossible.refused(), (404, "room_not_found"));
        from("198.51.100.1", &room.id, &password(&room)).await.data();
    };
    for _ in 0..5 {
        costs_nothing().await;
        let failed = from("198.51.100.1", &room.id, &wrong()).await;
        assert_eq!(failed.refused(), (401, "wrong_password"));
    }
    for body in [wrong(), password(&room)] {
        let limited = from("198.51.100.1", &room.id, &body).await;
        assert_eq!(limited.refused(), (429, "rate_limited"));
    }
    // Seven more are left to it elsewhere.
    let other = api.room().await;
    for _ in 0..2 {
        assert_eq!(from("198.51.100.1", &other.id, &wrong()).await.status, 401);
        from("198.51.100.1", &other.id, &password(&other)).await.data();
    }
    for _ in 0..5 {
        assert_eq!(from("198.51.100.1", "222222", &wrong()).await.status, 404);
    }
    for (id, body) in [(&*other.id, wrong()), (&other.id, password(&other)), ("222222", wrong())] {
        let limited = from("198.51.100.1", id, &body).await;
        assert_eq!(limited.refused(), (429, "rate_limited"), "{id} {body}");
    }
    for _ in 0..10 {
        assert_eq!(from("198.51.100.3", "222222", &wrong()).await.status, 404);
    }
    for (id, body) in [("222222", wrong()), (&*room.id, wrong()), (&room.id, password(&room))] {
        let limited = from("198.51.100.3", id, &body).await;
        assert_eq!(limited.refused(), (429, "rate_limited"), "{id} {body}");
    }
    // Another client of the same proxy is not limited, and neither is the room.
    from("198.51.100.2", &room.id, &password(&room)).await.data();

    pass(Duration::from_secs(30 * 60)).await;
    from("198.51.100.1", &room.id, &password(&room)).await.data();
}

#[tokio::test]
async fn the_next_addresses_of_an_ipv6_network_are_the_same_client() {
    let api = behind_a_proxy(Limits::with(|limits| limits.failed_joins = 2)).await;
    let room = api.room().await;
    for host in ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"] {
        assert_eq!(api.join_from(host, &room.id, &wrong()).await.status, 401);
    }
    assert_eq!(api.join_from("2001:db8:1:2:3:4:5:6", &room.id, &wrong()).await.status, 429);
    assert_eq!(api.join_from("2001:db8:1:3::1", &room.id, &wrong()).await.status, 401);
}

#[tokio::test]
async fn an_invite_opens_whatever_was_guessed_before_and_tells_a_guesser_nothing() {
    let api = behind_a_proxy(Limits::with(|limits| limits.failed_joins = 1)).await;
    let created = api.create(&json!({})).await.data();
    let id = text(&created["room_id"]);
    assert_eq!(api.join_from("198.51.100.1", &id, &wrong()).await.status, 401);
    let closed = api.room().await;
    api.close(&closed.id, &closed.access_token).await.data();
    // A client without attempts does not learn which rooms exist or existed.
    for id in [id.as_str(), &closed.id, "222222"] {
        let guess = json!({"invite_token": "guessed"});
        assert_eq!(
            api.join_from("198.51.100.1", id, &guess).await.refused(),
            (429, "rate_limited")
        );
    }
    api.join_from("198.51.100.1", &id, &json!({"invite_token": created["invite_token"]}))
        .await
        .data();
}

#[tokio::test]
async fn a_wrong_invite_is_no_failure_of_its_address() {
    let api = behind_a_proxy(Limits::with(|limits| limits.failed_joins = 1)).await;
    let room = api.room().await;
    let guess = json!({"invite_token": "void by now"});
    for _ in 0..3 {
        assert_eq!(
            api.join_from("198.51.100.1", &room.id, &guess).await.refused(),
            (401, "invite_void")
        );
    }
    api.join_from("198.51.100.1", &room.id, &password(&room)).await.data();
    // A room that is not there is one.
    assert_eq!(
        api.join_from("198.51.100.1", "222222", &guess).await.refused(),
        (404, "room_not_found")
    );
    let limited = api.join_from("198.51.100.1", &room.id, &password(&room)).await;
    assert_eq!(limited.refused(), (429, "rate_limited"));
}

#[tokio::test]
async fn a_user_changes_its_rooms_so_often_a_minute() {
    let api = Api::start_with(
        builder().limits(Limits::with(|limits| limits.changes_per_minute = 2)).unwrap(),
    )
    .await;
    let (room, other) = (api.room().await, api.room().await);
    let absent = api.ask(Method::DELETE, &other, "/participants/p_nobody").await;
    assert_eq!(absent.refused(), (404, "participant_not_found"), "it changed nothing");
    api.change(&other, &json!({"locked": false})).await.data();
    api.change(&room, &json!({"locked": true})).await.data();
    let kicks = "/participants/p_nobody?ban=true";
    assert_eq!(api.ask(Method::DELETE, &room, kicks).await.refused(), (429, "rate_limited"));
    assert_eq!(api.change(&other, &json!({"locked": true})).await.refused(), (429, "rate_limited"));
    // Looking and closing are no changes, and another user has its own.
    api.ask(Method::GET, &room, "").await.data();
    let path = format!("/api/webrtc/rooms/{}", room.id);
    let foreign =
        api.request(Method::PATCH, &path).bearer_auth(api.access_token("bob")).json(&json!({}));
    assert_eq!(answer(foreign).await.refused(), (403, "forbidden"));
    api.close(&room.id, &room.access_token).await.data();
    pass(Duration::from_secs(60)).await;
    api.change(&other, &json!({"locked": true})).await.data();
}

#[tokio::test]
async fn an_address_that_no_proxy_vouches_for_is_its_own() {
    let api =
        Api::start_with(builder().limits(Limits::with(|limits| limits.failed_joins = 1)).unwrap())
            .await;
    let room = api.room().await;
    assert_eq!(api.join_from("198.51.100.1", &room.id, &wrong()).await.status, 401);
    assert_eq!(api.join_from("198.51.100.2", &room.id, &wrong()).await.status, 429);
}

#[tokio::test]
async fn a_user_creates_so_many_rooms_a_minute_and_is_told_when_to_go_on() {
    let api = Api::start_with(
        builder().limits(Limits::with(|limits| limits.creates_per_minute = 2)).unwrap(),
    )
    .await;
    for _ in 0..2 {
        api.create(&json!({})).await.data();
    }
    let create = |user: &str| {
        api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(api.access_token(user))
    };
    let refused = create("alice").send().await.unwrap();
    let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    assert_eq!(read(refused).await.refused(), (429, "rate_limited"));
    answer(create("bob")).await.data();
    pass(Duration::from_secs(after)).await;
    answer(create("alice")).await.data();
}

#[tokio::test]
async fn a_room_that_is_over_makes_place_for_another() {
    let api =
        Api::start_with(builder().limits(Limits::with(|limits| limits.open_rooms = 2)).unwrap())
            .await;
    let room = api.room().await;
    api.room_with(&json!({"expires_minutes": 1})).await;
    assert_eq!(api.create(&json!({})).await.refused(), (429, "rate_limited"));
    api.close(&room.id, &room.access_token).await.data();
    let room = api.room().await;
    assert_eq!(api.create(&json!({})).await.refused(), (429, "rate_limited"));
    pass(Duration::from_secs(61)).await;
    // The expired one.
    api.room().await;
    let (mut creator, _) = api.creator(&room).await;
    creator.say(&json!({"type": "leave"})).await;
    creator.read_until_closed().await;
    api.room().await;
}

#[tokio::test]
async fn an_address_joins_so_often_a_minute() {
    let api = behind_a_proxy(Limits::with(|limits| limits.joins_per_minute = 2)).await;
    let room = api.room().await;
    for _ in 0..2 {
        api.join_from("198.51.100.1", &room.id, &password(&room)).await.data();
    }
    let refused = api.join_from("198.51.100.1", &room.id, &password(&room)).await;
    assert_eq!(refused.refused(), (429, "rate_limited"));
    api.join_from("198.51.100.2", &room.id, &password(&room)).await.data();
}

/// A refused join once took an id and was written to the disk first.
#[tokio::test]
async fn a_join_over_the_limit_leaves_the_room_as_it_was() {
    let api = behind_a_proxy(Limits::with(|limits| limits.room_joins_per_minute = 2)).await;
    let room = api.room().await;
    let join = async |from: &str| api.join_from(from, &room.id, &password(&room)).await;
    // A failed join is not counted.
    for _ in 0..3 {
        let refused = api.join_from("198.51.100.1", &room.id, &wrong()).await;
        assert_eq!(refused.refused(), (401, "wrong_password"));
    }
    let ids = [join("198.51.100.1").await, join("198.51.100.1").await]
        .map(|joined| text(&joined.data()["participant_id"]));
    for _ in 0..50 {
        assert_eq!(join("198.51.100.1").await.refused(), (429, "rate_limited"));
    }
    let next = text(&join("198.51.100.2").await.data()["participant_id"]);
    // Ids count down, up to their random last three digits.
    let count = |id: &str| u64::from_str_radix(&id[2..7], 36).unwrap();
    assert_eq!(count(&ids[0]) - count(&ids[1]), count(&ids[1]) - count(&next));
    let other = api.room().await;
    api.join_from("198.51.100.1", &other.id, &password(&other)).await.data();
}

#[tokio::test]
async fn creates_and_changes_that_are_refused_are_not_counted() {
    let limits = Limits::with(|limits| {
        limits.creates_per_minute = 1;
        limits.changes_per_minute = 1;
    });
    let api = behind_a_proxy(limits).await;
    for _ in 0..3 {
        let refused = api.create(&json!({"max_participants": 0})).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"));
    }
    let room = api.room().await;
    for _ in 0..3 {
        let refused = api.change(&room, &json!({"name": "x".repeat(40)})).await;
        assert_eq!(refused.refused(), (400, "invalid_argument"));
    }
    api.change(&room, &json!({"locked": true})).await.data();
    let over = api.change(&room, &json!({"locked": false})).await;
    assert_eq!(over.refused(), (429, "rate_limited"));
}

#[tokio::test]
async fn every_message_over_the_rate_is_counted_and_the_log_tells_of_it() {
    let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
    command.args([
        "--burst-messages",
        "1",
        "--burst-messages-per-peer",
        "0",
        "--messages-per-second",
        "1",
    ]);
    let server = Served::start(&mut command).await;
    let api = &server.api;
    let room = api.room().await;
    let (mut loud, _) = api.creator(&room).await;
    for _ in 0..30 {
        loud.say_text(r#"{"type":"nonsense"}"#).await;
    }
    assert_eq!([loud.error().await, loud.error().await], ["unknown_type", "rate_limited"]);
    // The answer to the close comes after what became of the messages before it.
    let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    loud.send(tungstenite::Message::Close(Some(frame))).await;
    assert_eq!(loud.read_until_closed().await, 1000);

    let setting = "messages-per-second, bytes-per-second";
    // One a second is within the rate, and this takes less than ten.
    let refused = server.metric(&format!("signal_refusals_total{{setting=\"{setting}\"}}")).await;
    assert!(refused >= 20.0, "{refused}");
    server.running.signal("TERM");
    let (_, log) = server.running.ended().await;
    assert!(log.contains(&format!("setting=\"{setting}\"")), "{log}");
}

#[tokio::test]
async fn the_log_names_the_setting_behind_a_refusal() {
    let settings = [
        ("--max-failed-joins", "1"),
        ("--creates-per-minute", "3"),
        ("--max-open-rooms", "2"),
        ("--joins-per-minute", "1"),
        ("--max-connections-per-address", "4"),
        ("--max-connections", "1000"),
        ("--max-body-bytes", "1024"),
        ("--header-seconds", "2"),
        ("--request-seconds", "2"),
        ("--max-bad-messages", "0"),
        ("--cors-origin", "https://example.com"),
    ];
    let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
    for (flag, value) in settings {
        command.args([flag, value]);
    }
    let server = Served::start(&mut command).await;
    let api = &server.api;

    let created = api.create(&json!({})).await.data();
    let id = text(&created["room_id"]);
    let second = api.room().await;
    // Too many rooms are open, and later too many were created in this minute.
    assert_eq!(api.create(&json!({})).await.refused(), (429, "rate_limited"));
    api.close(&second.id, &second.access_token).await.data();
    api.room().await;
    assert_eq!(api.create(&json!({})).await.refused(), (429, "rate_limited"));
    assert_eq!(api.join(&id, &wrong()).await.refused(), (401, "wrong_password"));
    assert_eq!(api.join(&id, &wrong()).await.refused(), (429, "rate_limited"));
    let invite = json!({"invite_token": created["invite_token"]});
    api.join(&id, &invite).await.data();
    assert_eq!(api.join(&id, &invite).await.refused(), (429, "rate_limited"));
    let long = api.join(&id, &json!({"password": "x".repeat(2000)})).await;
    assert_eq!(long.refused(), (413, "body_too_large"));
    let mut foreign = api.socket_url(&id, "").into_client_request().unwrap();
    foreign.headers_mut().insert("origin", "https://evil.com".parse().unwrap());
    assert!(Participant::connect(foreign).await.is_err());
    let mut creator = api.attach(&id, &api.access_token("alice")).await;
    creator.joined().await;
    creator.say_text(r#"{"type":"nonsense"}"#).await;
    assert_eq!(creator.read_until_closed().await, 4501);
    let slow = said(
        api,
        "POST /api/webrtc/rooms/ABC234/join HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    )
    .await;
    assert!(slow.contains("408"), "{slow}");
    // More than twice four, of which those are closed at once that are too many and the others
    // later.
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(TcpStream::connect(api.address()).await.unwrap());
    }
    for stream in &mut streams {
        assert!(is_closed(stream).await);
    }
    server.running.signal("TERM");
    let (_, log) = server.running.ended().await;
    for (flag, _) in settings {
        let setting = flag.trim_start_matches('-');
        if setting != "max-connections" {
            assert!(log.contains(&format!("setting=\"{setting}\"")), "{setting} is not in\n{log}");
        }
    }
}
