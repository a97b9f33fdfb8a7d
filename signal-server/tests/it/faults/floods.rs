//! One guest that sends and opens sockets as fast as it can.

use serde_json::json;

use super::serve;
use crate::common::text;

/// Each socket sends as many messages as one ticket may send at once.
const BURST: usize = 20;
const SOCKETS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_changes_sockets_relays_no_more_than_its_ticket_may() {
    let rates = ["--burst-messages", "20", "--burst-messages-per-peer", "0"];
    // So little that a slow machine changes nothing.
    let rates = [&rates[..], &["--messages-per-second", "1"]].concat();
    let server = serve(&rates).await;
    let room = server.api.room().await;
    let (mut creator, creator_id) = server.api.creator(&room).await;
    let token = server.api.ws_token(&room, "guest").await;
    for _ in 0..SOCKETS {
        let mut guest = server.api.attach(&room.id, &token).await;
        guest.joined().await;
        for _ in 0..BURST {
            guest.say(&json!({"type": "candidate", "to": creator_id, "candidate": null})).await;
        }
        guest.say(&json!({"type": "leave"})).await;
        guest.close().await;
    }
    let mut last = server.api.attach(&room.id, &token).await;
    last.joined().await;
    last.close().await;
    let (mut relayed, mut left) = (0, 0);
    while left <= SOCKETS {
        let message = creator.hear().await;
        match message["type"].as_str().unwrap() {
            "candidate" => relayed += 1,
            "peer_left" => left += 1,
            "peer_joined" => {}
            other => panic!("{other}"),
        }
    }
    assert!(relayed >= BURST - 1, "{relayed}");
    assert!(relayed < 2 * BURST, "{relayed} of {} messages", SOCKETS * BURST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_opens_sockets_all_the_time_is_refused_and_nobody_is_told() {
    let server = serve(&[]).await;
    let room = server.api.room().await;
    let (mut creator, creator_id) = server.api.creator(&room).await;
    let token = server.api.ws_token(&room, "guest").await;
    let mut entered = Vec::new();
    let refusal = loop {
        let mut guest = server.api.attach(&room.id, &token).await;
        let told = guest.hear().await;
        if told["type"] == "error" {
            assert_eq!(guest.closed().await, 4001);
            break told;
        }
        entered.push(text(&told["participant_id"]));
        assert!(entered.len() < 100, "nothing is refused");
    };
    assert_eq!(refusal["code"], "rate_limited");
    assert!(entered.len() >= 10, "{entered:?}");
    // Each of them came, and all but the last have gone; then the creator hears only of itself.
    creator.say(&json!({"type": "offer", "to": creator_id, "sdp": ""})).await;
    let mut joined = Vec::new();
    loop {
        let message = creator.hear().await;
        match message["type"].as_str().unwrap() {
            "peer_joined" => joined.push(text(&message["participant"]["id"])),
            "peer_left" => {}
            "error" => break,
            other => panic!("{other}"),
        }
    }
    assert_eq!(joined, entered);
}
