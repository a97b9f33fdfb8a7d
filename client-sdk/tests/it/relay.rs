//! Media through a TURN server: a real coturn on this machine, with the credentials that the signaling server makes.

use std::net::UdpSocket;
use std::time::Duration;

use client_sdk::{Client, ConnectionState, EnterError, Event, NewRoom, Route};
use signal_server::{Secret, Server, testing};
use tokio::time::timeout;

use crate::common::coturn::{self, Coturn, SECRET};
use crate::common::{self, listener, room_of, talker, until_media_flows};

#[tokio::test(flavor = "multi_thread")]
async fn participants_that_may_only_use_a_relay_exchange_media_through_it() {
    let coturn = Coturn::start().await;
    let server = server(coturn.port(), SECRET).await;
    let (_, mut witnesses) = room_of(&server, 2, talker().relay_only(true)).await;
    until_media_flows(&mut witnesses).await;
    // Starting ICE anew takes new allocations.
    let ids = [witnesses[0].id(), witnesses[1].id()];
    witnesses.iter_mut().for_each(|witness| witness.states.clear());
    witnesses[0].participant.restart_ice(ids[1]).await;
    until_media_flows(&mut witnesses).await;
    for (witness, other) in witnesses.iter().zip([ids[1], ids[0]]) {
        assert_eq!(witness.participant.stats(other).await.unwrap().route, Some(Route::Relayed));
    }
    for witness in witnesses {
        witness.participant.leave().await;
    }
    // Each of them made two allocations with a credential that was accepted.
    let log = coturn.log();
    assert!(log.matches("ALLOCATE processed, success").count() >= 4, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_relay_there_is_no_other_way() {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = server(nobody.local_addr().unwrap().port(), SECRET).await;
    let client = Client::new(&server.url()).unwrap();
    let options = talker().relay_only(true);
    let token = server.access_token("alice");
    let (room, mut creator) =
        client.create(&token, &NewRoom::default(), options.clone()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", options).await.unwrap();
    let connected = async {
        while let Some(event) = creator.next_event().await {
            if matches!(event, Event::ConnectionState { state: ConnectionState::Connected, .. }) {
                return;
            }
        }
    };
    // A direct connection takes a fifth of a second.
    assert!(
        timeout(Duration::from_secs(2), connected).await.is_err(),
        "connected without the relay"
    );
    guest.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_refuses_the_credential_fails_the_connection() {
    let coturn = Coturn::start().await;
    let server = server(coturn.port(), "another secret").await;
    let (_, mut witnesses) = room_of(&server, 2, talker().relay_only(true)).await;
    let peers = [witnesses[1].id(), witnesses[0].id()];
    for (witness, peer) in witnesses.iter_mut().zip(peers) {
        let failed = Some(&ConnectionState::Failed);
        witness.until("failure", |seen| seen.states.get(&peer) == failed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_names_no_relay_is_told_at_once() {
    let server = common::server().await;
    let client = Client::new(&server.url()).unwrap();
    let token = server.access_token("alice");
    let refused = client.create(&token, &NewRoom::default(), talker().relay_only(true)).await;
    assert!(matches!(refused, Err(EnterError::NoRelay)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ice_servers_are_told_and_their_credentials_not_shown() {
    let server = server(3478, SECRET).await;
    let client = Client::new(&server.url()).unwrap();
    let token = server.access_token("alice");
    let (_, mut participant) =
        client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let servers = loop {
        if let Event::IceServers(servers) = participant.next_event().await.unwrap() {
            break servers;
        }
    };
    assert_eq!(servers[0].urls, [coturn::url(3478)]);
    let shown = format!("{servers:?}");
    assert!(!shown.contains(servers[0].credential.as_deref().unwrap()), "{shown}");
}

async fn server(turn_port: u16, secret: &str) -> testing::TestServer {
    let urls = [coturn::url(turn_port)];
    testing::start_with(Server::builder(Secret::random()).turn(Secret::new(secret), urls))
        .await
        .unwrap()
}
