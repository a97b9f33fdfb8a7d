//! What a participant that has gone leaves behind. Alone in its program, since it counts what the process holds.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::time::Duration;

use common::{Witness, room_of, server, talker, until_media_flows};
use signal_server::testing::TestServer;
use tokio::runtime::Handle;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_left_leaves_no_socket_and_no_task_behind() {
    let server = server().await;
    // The first call also starts what a process has once.
    call(&server).await;
    let before = left_over().await;
    for _ in 0..3 {
        call(&server).await;
    }
    assert_eq!(left_over().await, before, "sockets and tasks");
}

/// Four participants talk; one leaves, one is dropped, and the creator's leave ends it for the last.
async fn call(server: &TestServer) {
    let (_, mut witnesses) = room_of(server, 4, talker()).await;
    until_media_flows(&mut witnesses).await;
    let [creator, leaver, dropped, mut last] = <[Witness; 4]>::try_from(witnesses).ok().unwrap();
    leaver.participant.leave().await;
    drop(dropped);
    creator.participant.leave().await;
    last.until("end", |seen| seen.closed.is_some()).await;
    assert!(last.participant.next_event().await.is_none());
}

/// Open sockets of this process and living tasks, once their number has stayed the same for a while: what was dropped
/// closes in the background, and the server closes its ends a moment later.
async fn left_over() -> (usize, usize) {
    let (mut last, mut times) = ((0, 0), 0);
    while times < 5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = (open_sockets(), Handle::current().metrics().num_alive_tasks());
        times = if now == last { times + 1 } else { 0 };
        last = now;
    }
    last
}

fn open_sockets() -> usize {
    let sockets = fs::read_dir("/proc/self/fd").unwrap().filter(|entry| {
        let target = fs::read_link(entry.as_ref().unwrap().path());
        target.is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    });
    sockets.count()
}
