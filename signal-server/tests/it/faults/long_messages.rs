//! Messages as long as the protocol allows, to rooms as large as it allows.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{broadcast, serve};
use crate::common::Participant;

const MEMBERS: usize = 49;
/// With the rest of the message less than the 16 KiB that data may have.
const LONGEST: usize = 16 * 1024 - 64;

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_message_passes_to_a_full_room_when_the_server_has_said() {
    let addresses = ["--joins-per-minute", "1000", "--sockets-per-minute", "1000"];
    let server = serve(&addresses).await;
    let room = server.api.room_with(&json!({"max_participants": MEMBERS})).await;
    let (mut creator, _) = server.api.enter_v2(&room, &room.access_token).await;
    let mut others = Vec::new();
    for number in 1..MEMBERS {
        let token = server.api.ws_token(&room, &format!("guest {number}")).await;
        others.push(server.api.enter_v2(&room, &token).await.0);
    }
    let (first, others) = others.split_first_mut().unwrap();
    for number in 0..3 {
        let message = broadcast(format!("{number}{}", "x".repeat(LONGEST)));
        creator.say(&message).await;
        // What is refused passes when it is sent again at the time that the refusal says, once.
        let mut refusals = 0;
        let heard = loop {
            tokio::select! {
                heard = heard_message(first) => break heard,
                wait = refused(&mut creator) => {
                    refusals += 1;
                    assert_eq!(refusals, 1, "message {number}");
                    sleep(wait).await;
                    creator.say(&message).await;
                }
            }
        };
        assert_eq!(heard["data"], message["data"], "message {number}");
        for other in &mut *others {
            assert_eq!(heard_message(other).await["data"], message["data"], "message {number}");
        }
    }
}

async fn heard_message(participant: &mut Participant) -> Value {
    loop {
        let heard = participant.hear().await;
        if heard["type"] == "message" {
            return heard;
        }
    }
}

/// Waits for a refusal; for how long the message is refused.
async fn refused(participant: &mut Participant) -> Duration {
    loop {
        let heard = participant.hear().await;
        if heard["type"] == "error" {
            assert_eq!(heard["code"], "rate_limited", "{heard}");
            return Duration::from_millis(heard["retry_after_ms"].as_u64().unwrap());
        }
    }
}
