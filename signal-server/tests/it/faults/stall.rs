//! A server that does not run for a while: a machine that is paused, moved, or far too busy.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::serve;
use crate::common::Participant;

/// Longer than a participant may be silent.
const STALL: Duration = Duration::from_secs(50);

#[tokio::test]
async fn a_server_that_was_stopped_for_most_of_a_minute_holds_nobody_for_silent() {
    let server = serve(&[]).await;
    let api = &server.api;
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let mut guests: Vec<Participant> = Vec::new();
    for _ in 0..9 {
        // Those who speak v1 would lose their seats with their sockets.
        let guest = api.guest(&room, "guest").await.0;
        for member in guests.iter_mut().chain([&mut creator]) {
            assert_eq!(member.hear().await["type"], "peer_joined");
        }
        guests.push(guest);
    }
    // A participant that has not read for a while has not answered pings either.
    prove_alive(&mut creator, &mut guests).await;
    server.running.signal("STOP");
    sleep(STALL).await;
    server.running.signal("CONT");
    // Long enough for the server to drop a participant that it takes for gone.
    for _ in 0..30 {
        prove_alive(&mut creator, &mut guests).await;
        sleep(Duration::from_millis(100)).await;
    }
}

/// Checks that the server answers each of them, and has sent nothing but pings before.
async fn prove_alive(creator: &mut Participant, guests: &mut [Participant]) {
    for guest in guests {
        guest.expect_nothing_waiting().await;
    }
    creator.say(&json!({"type": "ping", "t": "alive"})).await;
    assert_eq!(creator.hear().await["t"], "alive");
}
