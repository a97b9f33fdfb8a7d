//! Calls that come and go for a long time leave nothing behind.
//!
//! `SOAK_CYCLES=20000 cargo test --release -p client-sdk --test leaks soak -- --nocapture` goes on
//! for longer.

use std::time::Instant;

use client_sdk::NewRoom;
use futures_util::future::join_all;
use signal_server::testing::TestServer;

use super::ALONE;
use super::common::{Witness, client, server, talker};
use super::holdings::Holdings;

/// Cycles of two participants that are connected and leave.
const CYCLES: usize = 200;
/// How many calls there are at once.
const CALLS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_and_go_leave_no_task_no_socket_and_no_memory_behind() {
    let _alone = ALONE.lock().await;
    let cycles = std::env::var("SOAK_CYCLES").map_or(CYCLES, |cycles| cycles.parse().unwrap());
    let server = server().await;
    let begun = Instant::now();
    let mut samples: Vec<Holdings> = Vec::new();
    let rounds = cycles.div_ceil(CALLS);
    for round in 1..=rounds {
        join_all((0..CALLS).map(|_| call(&server))).await;
        if round % rounds.div_ceil(SAMPLES) == 0 {
            let held = Holdings::at_rest().await;
            println!("{:5} calls, {:4.0} s: {held}", round * CALLS, begun.elapsed().as_secs_f64());
            samples.push(held);
        }
    }
    // The first sample holds what a process has once, like the threads' share of memory.
    let (first, last) = (&samples[0], &samples[samples.len() - 1]);
    assert_eq!((last.tasks, last.sockets), (first.tasks, first.sockets), "tasks and sockets");
    let middle = &samples[samples.len() / 2];
    let growth = last.resident.saturating_sub(middle.resident);
    assert!(growth < middle.resident / 10, "{growth} bytes more in the second half: {samples:?}");
}

/// Two participants enter a room, are connected, and leave.
async fn call(server: &TestServer) {
    // One of its own, which takes the connections that it keeps for later requests with it.
    let client = client(server);
    let token = server.access_token("alice");
    let (room, creator) = client.create(&token, &NewRoom::default(), talker()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", talker()).await.unwrap();
    let (mut creator, mut guest) = (Witness::new(creator), Witness::new(guest));
    let ids = [guest.id(), creator.id()];
    for (witness, other) in [&mut creator, &mut guest].into_iter().zip(ids) {
        witness.until("media", |seen| seen.is_connected(other) && seen.has_media(other)).await;
    }
    guest.participant.leave().await;
    creator.participant.leave().await;
}

const SAMPLES: usize = 8;
