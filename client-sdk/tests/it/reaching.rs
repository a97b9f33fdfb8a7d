//! Servers that are reached through a proxy, with a self-signed certificate, or by an invite.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use client_sdk::{Client, EnterError, Invite, NewRoom, RequestError};
use signal_server::{Secret, Server, testing};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::common::coturn::{Coturn, SECRET};
use crate::common::tls::tls_in_front_of;
use crate::common::{Witness, client, listener, server, talker, until_media_flows};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_certificate_of_its_own_is_reached_through_a_proxy() {
    let server = server().await;
    let (front, certificate) = tls_in_front_of(server.address(), "127.0.0.1").await;
    let (proxy, tunnels) = proxy().await;
    let token = server.access_token("alice");
    let client = Client::builder(&format!("https://{front}"))
        .proxy(&format!("http://{proxy}"))
        .trust(certificate.as_bytes())
        .build()
        .unwrap();
    let (room, creator) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", listener()).await.unwrap();
    let mut witness = Witness::new(creator);
    witness.until("the guest", |seen| seen.present.contains(&guest.id())).await;
    // Two for signaling, one at least for requests.
    let opened = tunnels.lock().unwrap().len();
    assert!(opened >= 3, "only {opened} tunnels");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_over_tcp_is_reached_through_the_proxy() {
    let coturn = Coturn::start().await;
    let urls = [format!("turn:{}?transport=tcp", coturn.tcp())];
    let server = Server::builder(Secret::random()).turn(Secret::new(SECRET), urls);
    let server = testing::start_with(server).await.unwrap();
    let (proxy, tunnels) = proxy().await;
    let (front, certificate) = tls_in_front_of(server.address(), "127.0.0.1").await;
    let client = Client::builder(&format!("https://{front}"))
        .proxy(&format!("http://{proxy}"))
        .trust(certificate.as_bytes())
        .build()
        .unwrap();
    let (token, options) = (server.access_token("alice"), talker().relay_only(true));
    let (room, creator) =
        client.create(&token, &NewRoom::default(), options.clone()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", options).await.unwrap();
    until_media_flows(&mut [Witness::new(creator), Witness::new(guest)]).await;
    let to_relay = coturn.tcp().to_string();
    let opened = tunnels.lock().unwrap().iter().filter(|to| **to == to_relay).count();
    assert!(opened >= 2, "only {opened} tunnels to the relay");
}

#[test]
fn what_is_no_certificate_is_told_when_the_client_is_built() {
    for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"] {
        let refused = Client::builder("https://rooms.example.com").trust(pem.as_bytes()).build();
        assert!(matches!(refused, Err(RequestError::Certificate(_))), "{pem}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_opens_its_room_without_the_password() {
    let server = server().await;
    let client = client(&server);
    let token = server.access_token("alice");
    let (room, creator) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let invite = room.invite().unwrap();
    let guest = client.join_by_invite(&invite, "guest", listener()).await.unwrap();
    let mut witness = Witness::new(creator);
    witness.until("the guest", |seen| seen.present.contains(&guest.id())).await;
    let wrong = Invite::new(invite.room_id(), "not this one");
    let refused = client.join_by_invite(&wrong, "guest", listener()).await.unwrap_err();
    assert!(refused.to_string().contains("invite_void"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_this_machines_is_told_when_entering() {
    let server = server().await;
    // RFC 5737: for documentation.
    let nobodys: IpAddr = "192.0.2.1".parse().unwrap();
    let (token, room) = (server.access_token("alice"), NewRoom::default());
    let refused = client(&server).create(&token, &room, listener().bind_address(nobodys)).await;
    match refused.unwrap_err() {
        error @ EnterError::BindAddress { address, .. } => {
            assert_eq!(address, nobodys);
            assert!(error.source().is_some());
        }
        other => panic!("{other:?}"),
    }
}

/// An HTTP proxy that only opens tunnels, and where to.
async fn proxy() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tunnels) = (listener.local_addr().unwrap(), Arc::default());
    let opened = Arc::clone(&tunnels);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(tunnel(near, Arc::clone(&opened)));
        }
    });
    (address, tunnels)
}

async fn tunnel(mut near: TcpStream, opened: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let to = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
    opened.lock().unwrap().push(to.to_owned());
    let mut far = TcpStream::connect(to).await.unwrap();
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut near, &mut far).await;
}
