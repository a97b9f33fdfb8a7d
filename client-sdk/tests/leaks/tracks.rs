//! Tracks that come and go over one connection.

use client_sdk::{MediaKind, Slot, Source};

use super::ALONE;
use super::common::{Witness, listener, meet, server};
use super::holdings::Holdings;

#[tokio::test(flavor = "multi_thread")]
async fn tracks_that_come_and_go_leave_no_task_behind() {
    let _alone = ALONE.lock().await;
    let server = server().await;
    let (mut here, mut there) = meet(&server, listener(), listener(), true).await;
    let id = there.id();
    here.until("connection", |seen| seen.is_connected(id)).await;
    // The first one starts what a connection has once.
    publish_and_end(&here, &mut there, 2).await;
    let before = Holdings::at_rest().await;
    publish_and_end(&here, &mut there, COUNT).await;
    let after = Holdings::at_rest().await;
    println!("{before}, and after {COUNT} tracks {after}");
    assert_eq!(after.tasks, before.tasks, "tasks");
}

/// One track after the other.
async fn publish_and_end(here: &Witness, there: &mut Witness, count: usize) {
    let track = (here.id(), MediaKind::Audio);
    for _ in 0..count {
        here.participant.publish(Slot::Audio, &Source::Clip).await.unwrap();
        there.until("the track", |seen| seen.tracks.contains_key(&track)).await;
        here.participant.unpublish(Slot::Audio).await;
        let mut ended = there.tracks.remove(&track).unwrap();
        while ended.recv().await.is_some() {}
    }
}

const COUNT: usize = 20;
