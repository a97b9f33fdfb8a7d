//! The program is killed while events wait.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use futures_util::future;
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use super::receiver::{Receiver, Reply, SECRET};
use super::{brief_room, until_metric};
use crate::common::program::{Served, durable};
use crate::common::{ADMIN_KEY, PATIENCE, answer, text};

async fn start(receiver: &Receiver, folder: &Path) -> Served {
    let key = folder.join("key");
    fs::write(&key, ADMIN_KEY).unwrap();
    let mut command = receiver.program(folder, &[SECRET]);
    command.arg("--admin-key-file").arg(key);
    Served::start(durable(&mut command, &folder.join("data"))).await
}

#[tokio::test]
async fn what_waits_when_the_program_is_killed_is_sent_by_the_next_one() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    receiver.answers(|_| Reply::Status(503));
    let served = start(&receiver, folder.path()).await;
    let room = served.api.room().await;
    let (_creator, creator_id) = served.api.creator(&room).await;
    let before = receiver.attempted(1).await;
    served.running.killed().await;

    receiver.answers(|_| Reply::Status(200));
    let count = receiver.attempts().len();
    let served = start(&receiver, folder.path()).await;
    // Nobody is told that the creator is lost but by the process that notices.
    receiver.types_until(&room.id, "participant_left").await;
    let sent = receiver.attempts().split_off(count);
    let types: Vec<_> = sent.iter().map(|got| text(&got.event["type"])).collect();
    assert_eq!(types, ["room_started", "participant_joined", "participant_left"]);
    assert_eq!((&sent[0].id, &sent[0].body), (&before[0].id, &before[0].body));
    let left = &sent[2].event["data"];
    assert_eq!((&left["participant"]["id"], &left["reason"]), (&json!(creator_id), &json!("lost")));

    // What is delivered is not sent again. A later room shows that its removal is on disk.
    until_metric(&served, "signal_webhook_queue", 0.0).await;
    let last = brief_room(&served.api).await;
    receiver.types_until(&last.id, "room_finished").await;
    until_metric(&served, "signal_webhook_queue", 0.0).await;
    served.running.killed().await;
    let served = start(&receiver, folder.path()).await;
    let room_of_the_third = brief_room(&served.api).await;
    receiver.types_until(&room_of_the_third.id, "room_finished").await;
    let of_room = receiver.attempts().iter().filter(|got| got.room() == room.id).count();
    assert_eq!(of_room, count + types.len());
}

#[tokio::test]
async fn a_room_is_on_disk_exactly_if_its_event_is() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    for _ in 0..4 {
        receiver.answers(|_| Reply::Status(503));
        let served = start(&receiver, folder.path()).await;
        let body = json!({});
        let creating = (0..24).map(|_| Box::pin(create(&served, &body)));
        // The others are anywhere between their request and their answer.
        let _ = future::select_all(creating).await;
        served.running.killed().await;

        receiver.answers(|_| Reply::Status(200));
        let told = receiver.attempts().len();
        let served = start(&receiver, folder.path()).await;
        until_metric(&served, "signal_webhook_queue", 0.0).await;
        let started = receiver.attempts();
        // The end of an earlier room is sent again if the kill came before its removal.
        let started = started[told..].iter().filter(|got| got.event["type"] == "room_started");
        let started: BTreeSet<_> = started.map(|got| got.room().to_owned()).collect();
        let request = served.operators.request(Method::GET, "/admin/rooms").bearer_auth(ADMIN_KEY);
        let rooms = answer(request).await.data();
        let rooms: BTreeSet<_> =
            rooms["rooms"].as_array().unwrap().iter().map(|room| text(&room["room_id"])).collect();
        assert!(!rooms.is_empty());
        assert_eq!(started, rooms);
        for room in rooms {
            let path = format!("/admin/rooms/{room}");
            let close = served.operators.request(Method::DELETE, &path).bearer_auth(ADMIN_KEY);
            answer(close).await.data();
        }
        until_metric(&served, "signal_webhook_queue", 0.0).await;
        served.running.killed().await;
    }
}

/// Asks for a room, and fails if the server ends meanwhile.
async fn create(served: &Served, body: &serde_json::Value) -> Option<reqwest::Response> {
    let request = served.api.request(Method::POST, "/api/webrtc/rooms");
    let request = request.bearer_auth(served.api.access_token("alice")).json(body);
    timeout(PATIENCE, request.send()).await.ok()?.ok()
}
