//! A server that is told to stop.

use reqwest::Method;
use serde_json::json;

use crate::common::program::Durable;
use crate::common::{Api, Participant, text};

#[tokio::test]
async fn v2_participants_are_told_when_to_come_back_and_everybody_is_closed_with_4001() {
    let data = tempfile::tempdir().unwrap();
    let server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let room = api.room().await;
    let (mut v1, _) = api.creator(&room).await;
    let (mut v2, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    assert_eq!(v1.hear().await["type"], "peer_joined");
    server.running.signal("TERM");

    let mut heard = v2.hear().await;
    // The creator may be sent away first, and v1 seats end with their sockets.
    if heard["type"] == "peer_left" {
        heard = v2.hear().await;
    }
    assert_eq!(heard["type"], "server_draining");
    let after = heard["reconnect_after_ms"].as_u64().unwrap();
    assert!((500..=3000).contains(&after), "{after}");
    assert_eq!((v2.closed().await, v1.closed().await), (4001, 4001));

    let server = server.restart_when_ended().await;
    let (_v2, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(
        (&resumed["type"], &resumed["participant_id"]),
        (&json!("resumed"), &joined["participant_id"])
    );
    drop(server);
}

#[tokio::test]
async fn many_are_sent_away_in_waves_and_do_not_come_back_at_the_same_moment() {
    let data = tempfile::tempdir().unwrap();
    let server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let mut sockets = Vec::new();
    // More than one wave of them, all v2, so that nobody leaves.
    for _ in 0..3 {
        let room = api.room_with(&json!({"max_participants": 50})).await;
        for _ in 0..45 {
            sockets.push(api.enter_v2(&room, &api.ws_token(&room, "guest").await).await.0);
        }
    }
    server.running.signal("TERM");
    let mut waits = Vec::new();
    for socket in &mut sockets {
        loop {
            let heard = socket.hear().await;
            match heard["type"].as_str().unwrap() {
                "server_draining" => {
                    break waits.push(heard["reconnect_after_ms"].as_u64().unwrap());
                }
                "peer_joined" | "peer_updated" => {}
                other => panic!("{other} while it drains"),
            }
        }
        assert_eq!(socket.closed().await, 4001);
    }
    let (status, log) = server.running.ended().await;
    assert_eq!(status, 0, "{log}");
    assert!(log.contains("connections=135 waves=2"), "{log}");
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 50, "{waits:?}");
}

#[tokio::test]
async fn nobody_is_taken_in_while_it_drains_and_all_may_try_again() {
    let data = tempfile::tempdir().unwrap();
    let server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let room = api.room().await;
    let unused = api.ws_token(&room, "guest").await;
    let (stuck, joined) = api.enter_v2(&room, &api.ws_token(&room, "stuck").await).await;
    // It does not answer the close, so that the server has to wait for it.
    server.running.signal("TERM");
    let refused = loop {
        let create =
            api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(api.access_token("alice"));
        let response = create.send().await.unwrap();
        if response.status() == 503 {
            break response;
        }
    };
    assert_eq!(refused.headers()["retry-after"], "2");
    let join = api.join(&room.id, &json!({"password": room.password})).await;
    assert_eq!(join.refused(), (503, "unavailable"));
    let mut late = api.attach(&room.id, &unused).await;
    assert_eq!((late.error().await, late.closed().await), ("unavailable".to_owned(), 4001));
    let (mut resuming, error) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(
        (&error["code"], &error["retryable"]),
        (&json!("unavailable"), &json!(true)),
        "{error}"
    );
    assert_eq!(resuming.closed().await, 4001);
    drop(stuck);

    // Neither token is spent.
    let _server = server.restart_when_ended().await;
    let (_stuck, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(resumed["type"], "resumed");
    api.attach(&room.id, &unused).await.joined().await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let room = api.room().await;
    // Its socket is not read, so that the close is not answered.
    let (_stuck, _) = api.enter_v2(&room, &room.access_token).await;
    server.running.signal("TERM");
    while api.create(&json!({})).await.status != 503 {}
    server.running.signal("TERM");
    let (status, log) = server.running.ended().await;
    assert_eq!(status, 1, "{log}");
    assert!(log.contains("stopped at once"), "{log}");
}

#[tokio::test]
async fn without_sockets_it_ends_although_a_client_keeps_its_connection() {
    let data = tempfile::tempdir().unwrap();
    let server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    api.room().await;
    server.running.signal("INT");
    let (status, log) = server.running.ended().await;
    assert_eq!(status, 0, "{log}");
    let refused = Participant::connect(api.socket_url("ABCDEF", "")).await;
    assert!(refused.is_err());
}
