//! One guest that sends and opens sockets as fast as it can.

use std::future::Future;
use std::time::Instant;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{broadcast, serve};
use crate::common::{Api, Participant, Room, text};

/// Each socket sends as many messages as one ticket may send at once.
const BURST: usize = 20;
const SOCKETS: usize = 5;
/// `--burst-bytes`, the least that it may be, and `--bytes-per-second`.
const BURST_BYTES: usize = 64 * 1024;
const BYTES_PER_SECOND: usize = 1024;
const BYTES: [&str; 4] = ["--burst-bytes", "65536", "--bytes-per-second", "1024"];
/// Of each message in a flood.
const PAYLOAD: usize = 4 * 1024;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_resumes_and_takes_its_seat_over_relays_no_more_bytes_than_its_ticket_may() {
    let server = serve(&BYTES).await;
    let (api, room) = (&server.api, server.api.room().await);
    let flooded = Flooded::enter(api, &room).await;
    let (creator, token) = (flooded.creator_id.clone(), api.ws_token(&room, "guest").await);
    let window = Instant::now();
    let flooding = async {
        // As many sockets as a ticket may open at once.
        for _ in 0..3 {
            let (mut cut, joined) = api.enter_v2(&room, &token).await;
            flood(&mut cut, &creator).await;
            cut_off(&mut cut).await;
            let (mut taken_over, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
            assert_eq!(resumed["type"], "resumed");
            flood(&mut taken_over, &creator).await;
            let (mut newer, _) = api.enter_v2(&room, &token).await;
            assert_eq!(taken_over.read_until_closed().await, 4509);
            flood(&mut newer, &creator).await;
            newer.close().await;
            newer.rest().await;
        }
    };
    let relayed = flooded.relayed_during(flooding).await;
    let allowed = allowed_since(window);
    // What goes to all is paid for each receiver.
    assert!(relayed > BURST_BYTES / 2, "{relayed}");
    assert!(relayed <= allowed, "{relayed} bytes, {allowed} allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_with_a_new_ticket_each_time_relays_no_more_bytes_than_its_joins_allow() {
    const TICKETS: usize = 4;
    // One more is the bystander's.
    let joins = ["--room-joins-per-minute", "5"];
    let server = serve(&[BYTES.as_slice(), &joins].concat()).await;
    let (api, room) = (&server.api, server.api.room().await);
    let flooded = Flooded::enter(api, &room).await;
    let creator = flooded.creator_id.clone();
    let window = Instant::now();
    let flooding = async {
        for _ in 0..TICKETS {
            let token = api.ws_token(&room, "guest").await;
            let (mut guest, _) = api.enter_v2(&room, &token).await;
            flood(&mut guest, &creator).await;
            cut_off(&mut guest).await;
        }
        let another = api.join(&room.id, &json!({"password": room.password})).await;
        assert_eq!(another.refused(), (429, "rate_limited"));
    };
    let relayed = flooded.relayed_during(flooding).await;
    let allowed = TICKETS * allowed_since(window);
    assert!(relayed > TICKETS * BURST_BYTES / 4, "{relayed}");
    assert!(relayed <= allowed, "{relayed} bytes, {allowed} allowed");
}

/// Those who do not flood: a creator, to whom everything goes, and a bystander.
struct Flooded {
    creator: Participant,
    creator_id: String,
    bystander: Participant,
}

impl Flooded {
    async fn enter(api: &Api, room: &Room) -> Self {
        let (creator, joined) = api.enter_v2(room, &room.access_token).await;
        let token = api.ws_token(room, "bystander").await;
        let (bystander, _) = api.enter_v2(room, &token).await;
        Self { creator, creator_id: text(&joined["participant_id"]), bystander }
    }

    /// The bytes of payload that the creator gets meanwhile. Both talk on afterwards.
    async fn relayed_during(mut self, flooding: impl Future<Output = ()>) -> usize {
        let mut relayed = 0;
        let listening = async {
            loop {
                let heard = self.creator.hear().await;
                match heard["type"].as_str().unwrap() {
                    "candidate" => relayed += text(&heard["candidate"]).len(),
                    "message" if heard["data"] == "it is over" => return,
                    "message" => relayed += text(&heard["data"]).len(),
                    "peer_joined" | "peer_left" | "peer_updated" => {}
                    other => panic!("{other}"),
                }
            }
        };
        let flooded = async {
            flooding.await;
            self.bystander.say(&broadcast("it is over")).await;
        };
        tokio::join!(listening, flooded);
        self.creator.say(&broadcast("and heard")).await;
        while self.bystander.hear().await["data"] != "and heard" {}
        relayed
    }
}

/// Sends four times what a ticket may, to one and to all.
async fn flood(guest: &mut Participant, to: &str) {
    let payload = "x".repeat(PAYLOAD);
    for _ in 0..2 * BURST_BYTES / PAYLOAD {
        guest.say(&json!({"type": "candidate", "to": to, "candidate": payload})).await;
        guest.say(&broadcast(payload.as_str())).await;
    }
}

/// Breaks the socket off without a close, once the server has read what was sent.
async fn cut_off(guest: &mut Participant) {
    guest.tcp().shutdown().await.unwrap();
    guest.tcp().read_to_end(&mut Vec::new()).await.unwrap();
}

/// What one ticket may have sent since then.
fn allowed_since(window: Instant) -> usize {
    BURST_BYTES + (BYTES_PER_SECOND as f64 * window.elapsed().as_secs_f64()).ceil() as usize
}
