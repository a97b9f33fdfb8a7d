//! What a participant that has gone leaves behind.

use std::time::Duration;

use client_sdk::{Client, NewRoom};
use signal_server::testing::TestServer;
use tokio::time::sleep;

use super::ALONE;
use super::common::wire::Wire;
use super::common::{InTime, Witness, room_of, server, talker, until_media_flows};
use super::holdings::Holdings;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_left_leaves_no_socket_and_no_task_behind() {
    let _alone = ALONE.lock().await;
    let server = server().await;
    let wire = Wire::to(server.address()).await;
    // The first call also starts what a process has once.
    call(&server).await;
    lose(&server, &wire).await;
    let before = left_over().await;
    for _ in 0..3 {
        call(&server).await;
        lose(&server, &wire).await;
    }
    assert_eq!(left_over().await, before, "sockets and tasks");
}

/// Four participants talk; one leaves, one is dropped, and the creator's leave ends it for the
/// last.
async fn call(server: &TestServer) {
    let (_, mut witnesses) = room_of(server, 4, talker()).await;
    until_media_flows(&mut witnesses).await;
    let [creator, leaver, dropped, mut last] = <[Witness; 4]>::try_from(witnesses).ok().unwrap();
    leaver.participant.leave().await;
    drop(dropped);
    creator.participant.leave().await;
    last.until("end", |seen| seen.closed.is_some()).await;
    assert!(last.participant.next_event().in_time("the end").await.is_none());
}

/// Two participants talk, lose the server, and are dropped while they look for it.
async fn lose(server: &TestServer, (wire, client): &(Wire, Client)) {
    let token = server.access_token("alice");
    let (room, creator) = client.create(&token, &NewRoom::default(), talker()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", talker()).await.unwrap();
    let mut witnesses = [Witness::new(creator), Witness::new(guest)];
    until_media_flows(&mut witnesses).await;
    wire.refuse(true);
    wire.cut();
    for witness in &mut witnesses {
        witness.until("the loss", |seen| seen.is_reconnecting).await;
    }
    drop(witnesses);
    // They look for it a little longer, to give up their seats.
    sleep(Duration::from_secs(6)).await;
    wire.refuse(false);
}

/// Sockets and tasks.
async fn left_over() -> (usize, usize) {
    let Holdings { tasks, sockets, .. } = Holdings::at_rest().await;
    (sockets, tasks)
}
