//! Media through a TURN server: a real coturn on this machine, with the credentials that the
//! signaling server makes.

use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use client_sdk::{
    Client, ConnectionFailure, ConnectionState, EnterError, Event, MediaKind, NewRoom, NoRelay,
    Route,
};
use futures_util::future::join_all;
use signal_server::testing::{self, TestServer};
use signal_server::{Secret, Server};
use tokio::time::timeout;

use crate::common::coturn::{self, Coturn, SECRET};
use crate::common::wire::Wire;
use crate::common::{
    self, InTime, PATIENCE, Witness, listener, room_of, talker, until_media_flows,
};

#[tokio::test(flavor = "multi_thread")]
async fn participants_that_may_only_use_a_relay_exchange_media_through_it() {
    let coturn = Coturn::start().await;
    let server = server(&coturn::url(coturn.port()), SECRET).await;
    call_through(&coturn, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_reached_over_tcp() {
    let coturn = Coturn::start().await;
    let server = server(&format!("turn:{}?transport=tcp", coturn.tcp()), SECRET).await;
    call_through(&coturn, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_reached_over_tls() {
    let coturn = Coturn::start().await;
    let server = server(&coturn.tls_url(), SECRET).await;
    call_through(&coturn, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_silent_over_udp_holds_up_nothing() {
    let coturn = Coturn::start().await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let urls = [
        coturn::url(silent.local_addr().unwrap().port()),
        format!("turn:{}?transport=tcp", coturn.tcp()),
    ];
    let server =
        testing::start_with(Server::builder(Secret::random()).turn(Secret::new(SECRET), urls))
            .await
            .unwrap();
    let (_, mut witnesses) = room_of(&server, 2, talker().relay_only(true)).await;
    until_media_flows(&mut witnesses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_when_its_stream_to_the_relay_breaks() {
    let coturn = Coturn::start().await;
    let (wire, _) = Wire::to(coturn.tcp()).await;
    let address = wire.url().replace("http://", "");
    let server = server(&format!("turn:{address}?transport=tcp"), SECRET).await;
    let (_, mut witnesses) = room_of(&server, 2, talker().relay_only(true)).await;
    until_media_flows(&mut witnesses).await;
    wire.cut();
    let ids = [witnesses[1].id(), witnesses[0].id()];
    for (witness, other) in witnesses.iter_mut().zip(ids) {
        witness.receive_again(other, MediaKind::Audio).await;
        witness.receive_again(other, MediaKind::Video).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_relay_there_is_no_other_way() {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = server(&coturn::url(nobody.local_addr().unwrap().port()), SECRET).await;
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
async fn a_relay_that_refuses_the_credential_fails_the_connection_for_that_reason() {
    let coturn = Coturn::start().await;
    let urls = [
        coturn::url(coturn.port()),
        format!("turn:{}?transport=tcp", coturn.tcp()),
        coturn.tls_url(),
    ];
    let certificate = coturn.certificate();
    join_all(urls.map(async |url| {
        let server = server(&url, "another secret").await;
        assert_fails(&server, certificate, NoRelay::Refused { code: 401 }).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_not_reached_fails_the_connection_for_that_reason() {
    let coturn = Coturn::start().await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // The client does not trust the certificate.
    join_all([format!("turn:{closed}?transport=tcp"), coturn.tls_url()].map(async |url| {
        let server = server(&url, SECRET).await;
        assert_fails(&server, &[], NoRelay::Unreachable).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_gives_no_more_is_told_when_ice_starts_anew() {
    let coturn = Coturn::start().await;
    let server = server(&coturn::url(coturn.port()), SECRET).await;
    // ICE itself would look for a path for longer than this test waits.
    let options = talker().relay_only(true).failed_timeout(Duration::from_secs(600));
    let (_, mut witnesses) = room_of(&server, 2, options).await;
    until_media_flows(&mut witnesses).await;
    let _refusing = coturn.replaced().await;
    let other = witnesses[1].id();
    witnesses[0].participant.restart_ice(other).await;
    let failed = async {
        loop {
            if let Event::ConnectionState { state: ConnectionState::Failed, failure, .. } =
                witnesses[0].participant.next_event().await.unwrap()
            {
                break failure;
            }
        }
    };
    let failure = timeout(PATIENCE, failed).await.unwrap();
    assert_eq!(failure, Some(ConnectionFailure::NoRelay(NoRelay::Refused { code: 401 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_names_no_relay_is_told_at_once() {
    let server = common::server().await;
    let client = Client::new(&server.url()).unwrap();
    let token = server.access_token("alice");
    let refused = client.create(&token, &NewRoom::default(), talker().relay_only(true)).await;
    assert!(matches!(refused, Err(EnterError::NoRelay)), "{refused:?}");
    assert_eq!(client.list_rooms(&token).await.unwrap(), [], "a room is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ice_servers_are_told_and_their_credentials_not_shown() {
    let server = server(&coturn::url(3478), SECRET).await;
    let client = Client::new(&server.url()).unwrap();
    let token = server.access_token("alice");
    let (_, mut participant) =
        client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let told = async {
        loop {
            if let Event::IceServers(servers) = participant.next_event().await.unwrap() {
                return servers;
            }
        }
    };
    let servers = told.in_time("the list of ICE servers").await;
    assert_eq!(servers[0].urls, [coturn::url(3478)]);
    let shown = format!("{servers:?}");
    assert!(!shown.contains(servers[0].credential.as_deref().unwrap()), "{shown}");
}

/// Two participants exchange media through the relay alone.
async fn call_through(coturn: &Coturn, server: &TestServer) {
    let client = client(server, coturn.certificate());
    let mut witnesses = two(&client, server).await;
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

/// Two participants that may only use the relay give each other up for that reason.
async fn assert_fails(server: &TestServer, certificate: &[u8], reason: NoRelay) {
    let client = client(server, certificate);
    let mut both = two(&client, server).await;
    let failures = both.each_mut().map(async |witness| {
        loop {
            if let Event::ConnectionState { state: ConnectionState::Failed, failure, .. } =
                witness.participant.next_event().await.unwrap()
            {
                break failure;
            }
        }
    });
    // The first to leave would end the connection of the other, so both stay.
    let failures = timeout(PATIENCE, join_all(failures)).await.unwrap();
    assert_eq!(failures, [Some(ConnectionFailure::NoRelay(reason)); 2]);
}

async fn two(client: &Client, server: &TestServer) -> [Witness; 2] {
    let options = talker().relay_only(true);
    let token = server.access_token("alice");
    let (room, creator) =
        client.create(&token, &NewRoom::default(), options.clone()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", options).await.unwrap();
    [Witness::new(creator), Witness::new(guest)]
}

/// A client that trusts this certificate, if there is one.
fn client(server: &TestServer, certificate: &[u8]) -> Client {
    let client = Client::builder(&server.url());
    let client = if certificate.is_empty() { client } else { client.trust(certificate) };
    client.build().unwrap()
}

async fn server(url: &str, secret: &str) -> TestServer {
    testing::start_with(
        Server::builder(Secret::random()).turn(Secret::new(secret), [url.to_owned()]),
    )
    .await
    .unwrap()
}
