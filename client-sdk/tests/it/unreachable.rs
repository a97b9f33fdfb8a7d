//! The errors of an unreachable server, and of one that refuses.

use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::routing::any;
use client_sdk::{
    Client, EnterError, Language, NetworkError, NetworkFailure, NewRoom, Phase, RequestError,
};
use signal_server::{Secret, Server, testing};
use tokio::net::TcpListener;

use crate::common::tls::tls_in_front_of;
use crate::common::{client, listener, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_port_where_nothing_listens_is_told_with_its_address() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for failure in failures(&Client::new(&format!("http://{closed}")).unwrap()).await {
        let told = failure.failure;
        assert!(matches!(told, NetworkFailure::Refused { address, .. } if address == closed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_address_is_told() {
    for failure in failures(&Client::new("http://rooms.invalid").unwrap()).await {
        let told = failure.failure;
        assert!(
            matches!(told, NetworkFailure::UnknownHost { host, .. } if host == "rooms.invalid")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = socket.local_addr().unwrap();
    for (scheme, phase) in [("http", Phase::Answering), ("https", Phase::Securing)] {
        let client = Client::builder(&format!("{scheme}://{silent}"))
            .request_timeout(Duration::from_secs(1))
            .build()
            .unwrap();
        for failure in failures(&client).await {
            let told = failure.failure;
            assert!(matches!(told, NetworkFailure::Timeout { phase: of } if of == phase), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_opens_the_socket_and_says_nothing_is_not_waited_for() {
    let open = |socket: WebSocketUpgrade| async { socket.on_upgrade(silence) };
    let address = serve(Router::new().route("/ws/webrtc/rooms/{room}", any(open))).await;
    let client = Client::new(&format!("http://{address}")).unwrap();
    let options = listener().enter_timeout(Duration::from_secs(1));
    let refused = client.enter("ABC234", "secret", vec![], options).await;
    let Err(EnterError::Request(RequestError::Network(failure))) = refused else {
        panic!("{refused:?}")
    };
    let phase = Phase::Entering;
    assert!(matches!(failure.failure, NetworkFailure::Timeout { phase: of } if of == phase));
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_unknown_authorities_and_for_other_names_are_told_apart() {
    let server = server().await;
    let (front, _) = tls_in_front_of(server.address(), "127.0.0.1").await;
    for failure in failures(&Client::new(&format!("https://{front}")).unwrap()).await {
        assert!(matches!(failure.failure, NetworkFailure::UnknownAuthority(_)), "{failure}");
    }
    let (front, certificate) = tls_in_front_of(server.address(), "other.example").await;
    let trusting =
        Client::builder(&format!("https://{front}")).trust(certificate.as_bytes()).build().unwrap();
    for failure in failures(&trusting).await {
        assert!(matches!(failure.failure, NetworkFailure::WrongName(_)), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_that_does_not_fit_the_port_is_told() {
    let server = server().await;
    let secure = format!("https://{}", server.address());
    for failure in failures(&Client::new(&secure).unwrap()).await {
        assert!(matches!(failure.failure, NetworkFailure::NotTls(_)), "{failure}");
        assert!(failure.to_string().contains("http://"), "{failure}");
    }
    let (front, _) = tls_in_front_of(server.address(), "127.0.0.1").await;
    for failure in failures(&Client::new(&format!("http://{front}")).unwrap()).await {
        assert!(matches!(failure.failure, NetworkFailure::NotHttp(_)), "{failure}");
        assert!(failure.to_string().contains("https://"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_there_or_refuses_is_told_as_the_proxy() {
    let server = server().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let through = |proxy: String| Client::builder(&server.url()).proxy(&proxy).build().unwrap();
    for failure in failures(&through(format!("http://{closed}"))).await {
        let NetworkFailure::Proxy { proxy, failure } = failure.failure else { panic!("{failure}") };
        assert_eq!(proxy, closed.to_string());
        assert!(matches!(*failure, NetworkFailure::Refused { .. }), "{failure}");
    }
    // A server of rooms is no proxy.
    for failure in failures(&through(server.url())).await {
        assert!(matches!(failure.failure, NetworkFailure::ProxyRefused { .. }), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_or_path_is_not_taken_for_a_room_that_does_not_exist() {
    let server = server().await;
    let elsewhere = Client::new(&format!("{}/elsewhere", server.url())).unwrap();
    for refused in refusals(&elsewhere).await {
        assert!(matches!(refused, RequestError::WrongPath { .. }), "{refused}");
        assert!(refused.to_string().contains("/elsewhere/"), "{refused}");
    }
    let other = Router::new().fallback(|| async { (StatusCode::NOT_IMPLEMENTED, "<html>") });
    let address = serve(other).await;
    for refused in refusals(&Client::new(&format!("http://{address}")).unwrap()).await {
        assert!(matches!(refused, RequestError::Protocol { .. }), "{refused}");
        let text = refused.to_string();
        assert!(text.contains(&address.to_string()) && text.contains("501"), "{text}");
    }
    let unknown = client(&server).join_room("ABC234", "123456", "guest").await.unwrap_err();
    assert_eq!(unknown.code(), Some("room_not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_too_often_is_told_until_when() {
    let server = testing::start_with(Server::builder(Secret::random())).await.unwrap();
    let client = client(&server);
    for _ in 0..10 {
        let refused = client.join_room("ABC234", "123456", "guest").await.unwrap_err();
        assert_eq!(refused.code(), Some("room_not_found"));
    }
    let limited = client.join_room("ABC234", "123456", "guest").await.unwrap_err();
    assert_eq!(limited.code(), Some("rate_limited"));
    assert!(limited.retry_after().is_some_and(|after| !after.is_zero()), "{limited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_english_or_in_the_language_that_is_asked_for() {
    let server = server().await;
    let english = client(&server);
    let chinese = Client::builder(&server.url()).language(Language::Zh).build().unwrap();
    for (client, password, token) in
        [(english, "wrong password", "the token is not valid"), (chinese, "密码错误", "令牌无效")]
    {
        let access = server.access_token("alice");
        let (room, _creator) =
            client.create(&access, &NewRoom::default(), listener()).await.unwrap();
        let wrong = if room.password == "000000" { "000001" } else { "000000" };
        let refused = client.join_room(&room.room_id, wrong, "guest").await.unwrap_err();
        assert!(refused.to_string().contains(password), "{refused}");
        let refused = client.enter(&room.room_id, "none", vec![], listener()).await.unwrap_err();
        assert!(refused.to_string().contains(token), "{refused}");
    }
}

/// Keeps the socket open.
async fn silence(_socket: WebSocket) {
    pending::<()>().await;
}

async fn serve(router: Router) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(socket, router).await });
    address
}

/// How requests and signaling fail on their way to the server.
async fn failures(client: &Client) -> Vec<NetworkError> {
    let mut failures = Vec::new();
    for refused in refusals(client).await {
        let RequestError::Network(failure) = refused else { panic!("{refused:?}") };
        assert!(failure.to_string().contains(&failure.url) && !failure.url.contains("secret"));
        let is_late = matches!(failure.failure, NetworkFailure::Timeout { .. });
        let is_refused = matches!(failure.failure, NetworkFailure::ProxyRefused { .. });
        assert_eq!(failure.source().is_none(), is_late || is_refused, "{failure:?}");
        failures.push(failure);
    }
    failures
}

/// How a request and the opening of a socket fail.
async fn refusals(client: &Client) -> [RequestError; 2] {
    let joined = client.join_room("ABC234", "secret", "guest").await.unwrap_err();
    let options = listener().enter_timeout(Duration::from_secs(1));
    let entered = client.enter("ABC234", "secret", vec![], options).await;
    let Err(EnterError::Request(entered)) = entered else { panic!("{entered:?}") };
    [joined, entered]
}
