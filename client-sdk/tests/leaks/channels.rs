//! Data channels that come and go over one connection.

use client_sdk::Delivery;

use super::ALONE;
use super::common::{InTime, Witness, listener, meet, server};
use super::holdings::Holdings;

#[tokio::test(flavor = "multi_thread")]
async fn channels_that_come_and_go_leave_no_task_and_little_memory_behind() {
    let _alone = ALONE.lock().await;
    let server = server().await;
    let (mut here, mut there) = meet(&server, listener(), listener(), true).await;
    let id = there.id();
    here.until("connection", |seen| seen.is_connected(id)).await;
    // The first ones start what a connection has once.
    open_and_drop(&here, &mut there, 20).await;
    let before = Holdings::at_rest().await;
    open_and_drop(&here, &mut there, COUNT).await;
    let after = Holdings::at_rest().await;
    println!("{before}, and after {COUNT} channels {after}");
    assert_eq!(after.tasks, before.tasks, "tasks");
    let growth = after.resident.saturating_sub(before.resident) / COUNT as u64;
    assert!(growth < MOST_BYTES, "{growth} bytes of each channel");
}

/// One channel after the other.
async fn open_and_drop(here: &Witness, there: &mut Witness, count: usize) {
    for _ in 0..count {
        let opening = here.participant.open_channel(there.id(), "brief", Delivery::default());
        let opened = opening.in_time("a channel").await.unwrap();
        there.until("the channel", |seen| !seen.named.is_empty()).await;
        drop((opened, there.named.pop()));
    }
}

const COUNT: usize = 100;
/// Both sides are in this process.
const MOST_BYTES: u64 = 32 << 10;
