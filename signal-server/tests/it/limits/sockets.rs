//! How many connections, sockets and seats an address may have.

use signal_core::config::HubConfig;
use signal_server::{ForwardedHeader, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::behind_a_proxy;
use crate::common::program::{Served, program};
use crate::common::tcp::is_closed;
use crate::common::{Api, PATIENCE, Participant, Room, builder};

/// Opens a socket for a client of the proxy; fails with the status of a refusal.
async fn attach_from(
    api: &Api,
    client: &str,
    room: &Room,
    token: &str,
) -> Result<Participant, u16> {
    let mut request = api.socket_url(&room.id, token).into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
    match Participant::connect(request).await {
        Ok((participant, _)) => Ok(participant),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn an_address_opens_so_many_sockets_a_minute() {
    let api = behind_a_proxy(Limits::with(|limits| limits.sockets_per_minute = 3)).await;
    let room = api.room().await;
    for _ in 0..3 {
        let mut refused = attach_from(&api, "198.51.100.1", &room, "no-token").await.unwrap();
        assert_eq!(refused.error().await, "token_invalid");
    }
    let token = api.ws_token(&room, "guest").await;
    assert_eq!(attach_from(&api, "198.51.100.1", &room, &token).await.err(), Some(429));
    attach_from(&api, "198.51.100.2", &room, &token).await.unwrap().joined().await;
}

#[tokio::test]
async fn silent_connections_have_a_second_when_most_are_taken() {
    let args = ["serve", "--listen", "127.0.0.1:0", "--max-connections", "10"];
    let slow = ["--header-seconds", "3600", "--trusted-proxy", "127.0.0.1"];
    let server = Served::start(program(&args).args(slow)).await;
    let address = server.api.address();
    let mut patient = Vec::new();
    for _ in 0..8 {
        patient.push(TcpStream::connect(address).await.unwrap());
    }
    // These would be waited for as long as the others, which is an hour.
    for _ in 0..2 {
        let mut late = TcpStream::connect(address).await.unwrap();
        assert!(is_closed(&mut late).await);
    }
}

#[tokio::test]
async fn bodies_that_do_not_come_are_awaited_for_a_second_when_most_connections_are_taken() {
    let args = ["serve", "--listen", "127.0.0.1:0", "--max-connections", "10"];
    let slow = ["--header-seconds", "3600", "--request-seconds", "3600"];
    let more = ["--trusted-proxy", "127.0.0.1"];
    let server = Served::start(program(&args).args(slow).args(more)).await;
    let address = server.api.address();
    let mut patient = Vec::new();
    for _ in 0..8 {
        patient.push(TcpStream::connect(address).await.unwrap());
    }
    let mut late = TcpStream::connect(address).await.unwrap();
    let head = "POST /api/webrtc/rooms/ABC234/join HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\
                Content-Type: application/json\r\n\r\n";
    late.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    timeout(PATIENCE, late.read_to_string(&mut response)).await.expect("in an hour").unwrap();
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert!(response.contains("request_timeout"), "{response}");
}

#[tokio::test]
async fn an_address_has_so_many_sockets_and_the_next_is_answered_429() {
    let api = behind_a_proxy(Limits::with(|limits| limits.connections_per_address = 2)).await;
    let room = api.room().await;
    let token = |name: &'static str| api.ws_token(&room, name);
    let mut first = attach_from(&api, "198.51.100.1", &room, &token("a").await).await.unwrap();
    first.joined().await;
    let mut second = attach_from(&api, "198.51.100.1", &room, &token("b").await).await.unwrap();
    second.joined().await;
    let third = token("c").await;
    assert_eq!(attach_from(&api, "198.51.100.1", &room, &third).await.err(), Some(429));
    second.close().await;
    second.expect_end().await;
    // The server may be a moment behind the client.
    let attached = async {
        loop {
            match attach_from(&api, "198.51.100.1", &room, &third).await {
                Ok(socket) => break socket,
                Err(status) => assert_eq!(status, 429),
            }
        }
    };
    let mut third = timeout(PATIENCE, attached).await.expect("the socket is given back");
    third.joined().await;
    attach_from(&api, "198.51.100.2", &room, &token("d").await).await.unwrap().joined().await;
}

#[tokio::test]
async fn a_network_behind_a_proxy_has_a_quarter_of_the_connections_for_its_sockets() {
    let limits = Limits::with(|limits| {
        limits.connections = 16;
        limits.connections_per_address = 1;
    });
    let api = behind_a_proxy(limits).await;
    let room = api.room().await;
    let attach = async |client: &str| {
        let token = api.ws_token(&room, "guest").await;
        attach_from(&api, client, &room, &token).await
    };
    let mut open = Vec::new();
    for client in ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "192.0.2.1"] {
        let mut guest = attach(client).await.unwrap();
        guest.joined().await;
        open.push(guest);
    }
    assert_eq!(attach("198.51.100.5").await.err(), Some(429));
    attach("192.0.2.2").await.unwrap().joined().await;
}

#[tokio::test]
async fn an_address_may_be_limited_to_so_many_guests_in_a_room() {
    let hub = HubConfig::with(|config| config.max_seats_per_address = Some(1));
    let proxies = ["127.0.0.1/32".parse().unwrap()];
    let behind = builder().trusted_proxies(proxies, ForwardedHeader::XForwardedFor);
    let api = Api::start_with(behind.hub(hub).unwrap()).await;
    let (room, other) = (api.room().await, api.room().await);
    let attach = async |address: &str, room: &Room, token: &str| {
        attach_from(&api, address, room, token).await.unwrap()
    };
    let mut creator = attach("198.51.100.1", &room, &room.access_token).await;
    creator.joined().await;
    let first = api.ws_token(&room, "a").await;
    let mut replaced = attach("198.51.100.1", &room, &first).await;
    replaced.joined().await;
    // A newer socket of the same ticket takes no further seat.
    let mut guest = attach("198.51.100.1", &room, &first).await;
    guest.joined().await;
    let token = api.ws_token(&room, "b").await;
    let mut refused = attach("198.51.100.1", &room, &token).await;
    assert_eq!((refused.error().await, refused.closed().await), ("rate_limited".to_owned(), 4001));
    // Nobody else hears of it, and other addresses and rooms have their own.
    for told in ["peer_joined", "peer_left", "peer_joined"] {
        assert_eq!(creator.hear().await["type"], told);
    }
    let mut elsewhere = attach("198.51.100.2", &room, &token).await;
    elsewhere.joined().await;
    assert_eq!(guest.hear().await["type"], "peer_joined");
    attach("198.51.100.1", &other, &api.ws_token(&other, "a").await).await.joined().await;
    guest.close().await;
    guest.expect_end().await;
    let token = api.ws_token(&room, "c").await;
    // The server may be a moment behind the client.
    let attached = async {
        loop {
            let mut again = attach("198.51.100.1", &room, &token).await;
            match again.hear().await["type"].as_str() {
                Some("joined") => break,
                told => assert_eq!(told, Some("error")),
            }
        }
    };
    timeout(PATIENCE, attached).await.expect("the seat is given back");
}
