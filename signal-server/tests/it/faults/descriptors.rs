//! A server that uses all the files and sockets that it may open.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::broadcast;
use crate::common::program::{Served, durable, limited};
use crate::common::{PATIENCE, text};

/// As `ulimit -n` says.
const FILES: usize = 40;

#[tokio::test]
async fn without_files_left_calls_go_on_and_are_saved_and_newcomers_wait() {
    let data = tempfile::tempdir().unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--header-seconds", "3600"];
    let mut command = limited(&format!("-n {FILES}"), &args);
    let server = Served::start(durable(&mut command, data.path())).await;
    let api = &server.api;
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let (mut guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    let saves = server.metric("signal_save_seconds_count").await;

    // The system accepts connections for which the server has no file.
    let mut taken = Vec::new();
    for _ in 0..FILES + 20 {
        taken.push(TcpStream::connect(api.address()).await.unwrap());
    }
    let exhausted = async {
        while server.open_files() < FILES {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, exhausted).await.expect("it takes all the files there are");
    let body = json!({"password": room.password});
    let join = api.join(&room.id, &body);
    tokio::pin!(join);
    // For as long as it takes the server to try more than once.
    let call = async {
        for number in 0..30 {
            guest.say(&broadcast(number)).await;
            assert_eq!(creator.hear().await["data"], number);
            let name = format!("name {number}");
            creator.say(&json!({"type": "update", "name": name})).await;
            assert_eq!(guest.hear().await["name"], json!(name));
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        _ = &mut join => panic!("there was a file"),
        () = call => {}
    }
    // Over a connection that was there before.
    assert!(server.metric("signal_save_seconds_count").await >= saves + 30.0);

    drop(taken);
    assert_ne!(text(&join.await.data()["ws_token"]), "");
    drop(guest);
    assert_eq!(creator.hear().await["connected"], false);
    let (_guest, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(resumed["type"], "resumed");
    server.running.signal("TERM");
    let (status, log) = server.running.ended().await;
    assert_eq!(status, 0, "{log}");
    assert_eq!(log.matches("ulimit -n").count(), 1, "{log}");
    assert!(!log.contains("cannot save"), "{log}");
}
