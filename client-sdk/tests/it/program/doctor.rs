//! `room-bot doctor` names every obstacle, and nothing else.

use std::net::TcpListener;

use client_sdk::NewRoom;
use serde_json::Value;
use signal_server::testing::{self, TestServer};
use signal_server::{Secret, Server};

use crate::common;
use crate::common::coturn::{self, Coturn, SECRET};
use crate::common::program::{objects, run, silent_port, utf8};
use crate::common::tls::tls_in_front_of;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_in_the_way_of_calls_over_every_transport() {
    let coturn = Coturn::start().await;
    let urls = [
        coturn::url(coturn.port()),
        format!("turn:{}?transport=tcp", coturn.tcp()),
        coturn.tls_url(),
    ];
    let server = server(SECRET, &urls, &[format!("stun:127.0.0.1:{}", coturn.port())]).await;
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("certificate");
    std::fs::write(&certificate, coturn.certificate()).unwrap();
    let found = doctor(&server, &["--trust", certificate.to_str().unwrap()], 0).await;
    let checks: Vec<(&str, &str)> = found.iter().map(short).collect();
    let expected = [
        ("dns", "passed"),
        ("tcp", "passed"),
        ("http", "passed"),
        ("room", "passed"),
        ("websocket", "passed"),
        ("turn udp", "passed"),
        ("turn tcp", "passed"),
        ("turn tls", "passed"),
        ("stun", "passed"),
        ("udp", "passed"),
    ];
    assert_eq!(checks, expected, "{found:?}");
    // Not even the room that it created is left.
    let client = common::client(&server);
    assert!(client.list_rooms(&server.access_token("alice")).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_the_command_line_are_checked_without_a_token() {
    let coturn = Coturn::start().await;
    let url = coturn::url(coturn.port());
    let server = server(SECRET, std::slice::from_ref(&url), &[]).await;
    let token = server.access_token("alice");
    let room = common::client(&server).create_room(&token, &NewRoom::default()).await.unwrap();
    let turn = &room.ice_servers[0];
    let (name, credential) = (turn.username.clone().unwrap(), turn.credential.clone().unwrap());
    let stun = format!("stun:127.0.0.1:{}", coturn.port());
    let args = ["doctor", "--json", "--ice", &url, "--ice", &stun, "--ice-username", &name];
    for (credential, relay, code) in [(credential.as_str(), "passed", 0), ("wrong", "failed", 1)] {
        let output = run(&args, &[("ROOM_BOT_ICE_CREDENTIAL", credential)]).await;
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let found = objects(&output);
        let checks: Vec<(&str, &str)> = found.iter().map(short).collect();
        assert_eq!(checks, [("turn udp", relay), ("stun", "passed"), ("udp", "passed")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_of_a_relay_has_a_cause_of_its_own() {
    let coturn = Coturn::start().await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_silent, silent) = silent_port();
    let plain = common::server().await;
    let urls = [
        coturn::url(coturn.port()),
        coturn::url(silent),
        coturn::url(closed.port()),
        format!("turn:{closed}?transport=tcp"),
        // The certificate is not trusted.
        coturn.tls_url(),
        format!("turns:{}", plain.address()),
        "turn:no-such-host.invalid".to_owned(),
    ];
    let server = server("another secret than coturn has", &urls, &[]).await;
    let found = doctor(&server, &[], 1).await;
    for (url, cause) in urls.iter().zip([
        "a TURN server refuses with error 401",
        "no answer over UDP",
        "nothing listens at",
        "nothing listens at",
        "no trusted authority has issued",
        "does not speak TLS",
        "has no address",
    ]) {
        let finding = found.iter().find(|finding| finding["of"] == **url).unwrap();
        let detail = finding["detail"].as_str().unwrap();
        assert!(finding["result"] == "failed" && detail.contains(cause), "{cause}: {finding}");
        assert!(!finding["advice"].as_str().unwrap().is_empty());
    }
    // One relay answered over UDP, though it refused.
    assert_eq!(short(found.last().unwrap()), ("udp", "passed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn udp_that_is_blocked_is_told_where_tcp_works() {
    let coturn = Coturn::start().await;
    let (_silent, silent) = silent_port();
    let urls = [coturn::url(silent), format!("turn:{}?transport=tcp", coturn.tcp())];
    let server = server(SECRET, &urls, &[]).await;
    let found = doctor(&server, &[], 1).await;
    let verdict = found.last().unwrap();
    assert_eq!(short(verdict), ("udp", "failed"));
    assert!(verdict["detail"].as_str().unwrap().starts_with("blocked"), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_on_the_way_to_the_server_has_a_cause_of_its_own() {
    let server = common::server().await;
    let address = server.address();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (front, _) = tls_in_front_of(address, "127.0.0.1").await;
    let (other_name, certificate) = tls_in_front_of(address, "other.example").await;
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("certificate");
    std::fs::write(&trusted, certificate).unwrap();
    let trust = ["--trust", trusted.to_str().unwrap()];
    let cases: [(String, &[&str], &str, &str); 6] = [
        (format!("http://{closed}"), &[], "tcp", "nothing listens at"),
        (format!("https://{address}"), &[], "tls", "does not speak TLS"),
        (format!("http://{front}"), &[], "http", "does not speak plain HTTP"),
        (format!("https://{front}"), &[], "tls", "no trusted authority has issued"),
        (format!("https://{other_name}"), &trust, "tls", "for another name"),
        ("http://no-such-host.invalid".to_owned(), &[], "dns", "has no address"),
    ];
    for (url, more, check, cause) in cases {
        let found = doctor_at(&url, "token", more, 1).await;
        let last = found.last().unwrap();
        assert_eq!(short(last), (check, "failed"), "{url}: {found:?}");
        assert!(last["detail"].as_str().unwrap().contains(cause), "{last}");
        let earlier = &found[..found.len() - 1];
        assert!(earlier.iter().all(|finding| finding["result"] == "passed"), "{found:?}");
    }
    let found = doctor_at(&server.url(), "not-a-token", &[], 1).await;
    let last = found.last().unwrap();
    assert!(
        short(last) == ("room", "failed") && last["detail"].as_str().unwrap().contains("token")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_a_table_and_what_to_do() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = run(&["doctor", "--server", &format!("http://{closed}")], &[]).await;
    let told = utf8(&output.stdout);
    assert!(told.contains("| tcp ") && told.contains("FAILED"), "{told}");
    assert!(told.contains(&format!("tcp {closed}: nothing listens at {closed}")), "{told}");
    assert!(told.contains("\n    The server is not running"), "{told}");
}

async fn doctor(server: &TestServer, more: &[&str], code: i32) -> Vec<Value> {
    doctor_at(&server.url(), &server.access_token("alice"), more, code).await
}

async fn doctor_at(url: &str, token: &str, more: &[&str], code: i32) -> Vec<Value> {
    let args = [&["doctor", "--server", url, "--json"], more].concat();
    let output = run(&args, &[("ROOM_BOT_TOKEN", token)]).await;
    let shown = format!("{}{}", utf8(&output.stdout), utf8(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{shown}");
    assert!(!shown.contains(token) || token == "token", "{shown}");
    objects(&output)
}

fn short(finding: &Value) -> (&str, &str) {
    (finding["check"].as_str().unwrap(), finding["result"].as_str().unwrap())
}

async fn server(secret: &str, turn: &[String], stun: &[String]) -> TestServer {
    let builder = Server::builder(Secret::random()).turn(Secret::new(secret), turn.to_vec());
    testing::start_with(builder.stun(stun.to_vec())).await.unwrap()
}
