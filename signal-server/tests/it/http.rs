//! Connections, headers and bodies that are too many, too slow or too long, and the headers of
//! every answer.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use signal_server::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::common::tcp::{is_closed, said};
use crate::common::{Api, PATIENCE, Participant, builder};

#[tokio::test]
async fn more_connections_than_an_address_or_the_server_may_have_are_closed() {
    for limits in [
        Limits::with(|limits| limits.connections_per_address = 1),
        Limits::with(|limits| limits.connections = 2),
    ] {
        let api = Api::start_with(builder().limits(limits).unwrap()).await;
        let _kept = [
            TcpStream::connect(api.address()).await.unwrap(),
            TcpStream::connect(api.address()).await.unwrap(),
        ];
        let mut third = TcpStream::connect(api.address()).await.unwrap();
        assert!(is_closed(&mut third).await);
    }
}

#[tokio::test]
async fn a_socket_holds_its_connection_and_gives_it_back() {
    // Half of them are for other networks.
    let limits = Limits::with(|limits| limits.connections = 4);
    let api = Api::start_with(builder().limits(limits).unwrap()).await;
    let room = api.room().await;
    let token = api.ws_token(&room, "guest").await;
    let (mut creator, _) = api.creator(&room).await;
    let mut guest = api.attach(&room.id, &token).await;
    guest.joined().await;
    let mut third = TcpStream::connect(api.address()).await.unwrap();
    assert!(is_closed(&mut third).await);
    guest.close().await;
    guest.expect_end().await;
    creator.hear().await;
    let answered = async {
        loop {
            let request = api.request(Method::GET, "/nothing").send().await;
            if request.is_ok_and(|response| response.status() == 404) {
                break;
            }
        }
    };
    timeout(PATIENCE, answered).await.expect("the connection is given back");
}

#[tokio::test]
async fn whoever_dawdles_over_headers_is_closed_and_over_a_body_answered_408() {
    let limits = Limits::with(|limits| {
        // The last of them has to get through its headers, however busy the machine is.
        limits.header_patience = Duration::from_secs(2);
        limits.request_patience = Duration::from_millis(300);
    });
    let api = Api::start_with(builder().limits(limits).unwrap()).await;
    for begun in ["", "POST /api/webrtc/rooms HTTP/1.1\r\nHost: x\r\nX-"] {
        let mut stream = TcpStream::connect(api.address()).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        assert!(is_closed(&mut stream).await, "{begun}");
    }
    let begun = "POST /api/webrtc/rooms/ABC234/join HTTP/1.1\r\nHost: x\r\nAccept-Language: en\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let answer = said(&api, begun).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("request_timeout"), "{answer}");
}

#[tokio::test]
async fn a_body_that_trickles_in_keeps_no_connection() {
    let limits = Limits::with(|limits| {
        limits.connections = 1;
        limits.request_patience = Duration::from_millis(300);
    });
    let api = Api::start_with(builder().limits(limits).unwrap()).await;
    for path in ["/api/webrtc/rooms/ABC234/join", "/api/webrtc/rooms", "/nowhere"] {
        let mut slow = TcpStream::connect(api.address()).await.unwrap();
        let begun = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 8000\r\n\r\n"
        );
        slow.write_all(begun.as_bytes()).await.unwrap();
        let given_back = async {
            loop {
                // It goes on; what the server has closed takes no more.
                let _ = slow.write_all(b" ").await;
                let request = api.request(Method::GET, "/nothing").send().await;
                if request.is_ok_and(|response| response.status() == 404) {
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, given_back).await.expect("the connection is given back");
    }
}

#[tokio::test]
async fn whoever_still_sends_a_body_that_is_too_long_reads_the_refusal() {
    let api = Api::start().await;
    const LENGTH: usize = 8 * 1024 * 1024;
    let head = format!(
        "POST /api/webrtc/rooms/ABC234/join HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {LENGTH}\r\n\r\n"
    );
    let answer = said(&api, &(head + &"x".repeat(LENGTH))).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let api = Api::start().await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(17 * 1024));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: 1\r\n".repeat(70));
    for head in [long, many] {
        let answer = said(&api, &head).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(api.create(&json!({})).await.status, 200);
}

#[tokio::test]
async fn every_answer_tells_browsers_to_keep_nothing_and_to_run_nothing() {
    let api = Api::start().await;
    let create =
        api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(api.access_token("alice"));
    let unknown = api.request(Method::GET, "/nothing");
    let refused = api.request(Method::POST, "/api/webrtc/rooms");
    for (request, status) in [(create, 200), (unknown, 404), (refused, 401)] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(response.headers()[name], value, "{status}");
        }
    }
}

#[tokio::test]
async fn a_request_without_its_host_or_with_bare_line_feeds_is_refused() {
    let api = Api::start().await;
    for request in [
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /healthz HTTP/1.1\nHost: x\n\n",
        "GET /healthz HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    ] {
        let answer = said(&api, request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
    }
    let answer = said(&api, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_upgrade_to_another_version_is_told_which_one_there_is() {
    let api = Api::start().await;
    let request = api
        .request(Method::GET, "/ws/webrtc/rooms/ABC234?token=x")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "8")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
}

#[tokio::test]
async fn empty_parameters_beside_a_good_token_count_as_absent() {
    let api = Api::start().await;
    let room = api.room().await;
    for parameters in ["&v=", "&v=2&resume=&last_seq="] {
        let url = api.socket_url(&room.id, &room.access_token) + parameters;
        Participant::connect(url).await.unwrap().0.joined().await;
    }
}
