//! The signaling connection is lost in the middle of a call, and the call goes on.

use std::time::Duration;

use client_sdk::{Client, MediaKind, NewRoom};
use signal_core::config::HubConfig;
use signal_server::{Secret, Server, testing};
use tokio::time::sleep;

use crate::common::wire::Wire;
use crate::common::{Witness, talker, until_media_flows};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_socket_is_resumed_and_nobody_leaves_the_call() {
    let server = testing::start().await.unwrap();
    let (wire, client) = Wire::to(server.address()).await;
    let (mut creator, mut guest) = pair(&client, &server.access_token("alice")).await;
    let (creator_id, guest_id) = (creator.id(), guest.id());
    for _ in 0..3 {
        wire.cut();
        for witness in [&mut creator, &mut guest] {
            witness.until("resumption", |seen| seen.resumed > 0).await;
            witness.resumed = 0;
        }
    }
    // A leave would have been announced, and would have ended tracks.
    for (witness, from) in [(&mut creator, guest_id), (&mut guest, creator_id)] {
        for kind in [MediaKind::Audio, MediaKind::Video] {
            witness.receive(from, kind, 60).await;
        }
        assert!(witness.present.contains(&from) && witness.is_connected(from));
    }
    assert_eq!((creator.id(), guest.id()), (creator_id, guest_id));
    // The signaling works in both directions: a restart needs an offer and an answer.
    creator.participant.restart_ice(guest_id).await;
    guest.participant.restart_ice(creator_id).await;
    creator.receive(guest_id, MediaKind::Audio, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_asks_for_another_signaling_connection_keeps_its_seat_and_its_calls() {
    let server = testing::start().await.unwrap();
    let client = Client::new(&server.url()).unwrap();
    let (mut creator, mut guest) = pair(&client, &server.access_token("alice")).await;
    let (creator_id, guest_id) = (creator.id(), guest.id());
    guest.participant.reconnect().await;
    guest.until("resumption", |seen| seen.resumed > 0).await;
    guest.receive(creator_id, MediaKind::Audio, 20).await;
    creator.receive(guest_id, MediaKind::Audio, 20).await;
    assert_eq!(guest.id(), guest_id);
    assert_eq!(creator.resumed, 0, "nobody else is concerned");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_too_late_enters_anew_and_is_connected_again() {
    let grace = HubConfig::with(|config| config.resume_grace = Duration::from_millis(100));
    let server =
        testing::start_with(Server::builder(Secret::random()).hub(grace).unwrap()).await.unwrap();
    let (wire, flaky) = Wire::to(server.address()).await;
    let steady = Client::new(&server.url()).unwrap();
    let token = server.access_token("alice");
    let (room, creator) = steady.create(&token, &NewRoom::default(), talker()).await.unwrap();
    let guest = flaky.join(&room.room_id, &room.password, "guest", talker()).await.unwrap();
    let mut witnesses = [Witness::new(creator), Witness::new(guest)];
    until_media_flows(&mut witnesses).await;
    let before = witnesses[1].id();
    wire.refuse(true);
    wire.cut();
    let seat_is_given_up = Duration::from_millis(400);
    sleep(seat_is_given_up).await;
    wire.refuse(false);
    witnesses[1].until("a new id", |seen| seen.id() != before).await;
    let creator_id = witnesses[0].id();
    let now = witnesses[1].id();
    assert!(now < before, "{now} is not newer than {before}");
    witnesses[0].until("the newcomer", |seen| seen.present.contains(&now)).await;
    witnesses[1].until("the creator again", |seen| seen.present.contains(&creator_id)).await;
    for witness in &mut witnesses {
        witness.tracks.clear();
    }
    until_media_flows(&mut witnesses).await;
}

async fn pair(client: &Client, token: &str) -> (Witness, Witness) {
    let (room, creator) = client.create(token, &NewRoom::default(), talker()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", talker()).await.unwrap();
    let mut witnesses = [Witness::new(creator), Witness::new(guest)];
    until_media_flows(&mut witnesses).await;
    witnesses.into()
}
