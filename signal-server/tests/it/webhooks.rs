//! Events of rooms, sent by the program to a receiver.

mod crash;
mod receiver;
mod stores;
mod tls;

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use self::receiver::{Attempt, NEW_SECRET, Receiver, Reply, SECRET};
use crate::common::program::{Served, durable, program, run, utf8};
use crate::common::{ADMIN_KEY, Api, PATIENCE, Room, answer, keys, text, until};

/// Alice creates a room, enters, and closes it.
async fn brief_room(api: &Api) -> Room {
    let room = api.room().await;
    api.creator(&room).await;
    api.close(&room.id, &room.access_token).await.data();
    room
}

const BRIEFLY: [&str; 4] =
    ["room_started", "participant_joined", "participant_left", "room_finished"];

#[tokio::test]
async fn events_arrive_signed_in_order_and_once() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let mut command = receiver.program(folder.path(), &[SECRET]);
    let served = Served::start(durable(&mut command, &folder.path().join("data"))).await;
    let api = &served.api;
    let room = api.room_with(&json!({"name": "Stand-up"})).await;
    let (_creator, _) = api.creator(&room).await;
    let (mut guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "小红").await).await;
    guest.say(&json!({"type": "update", "name": "小明"})).await;
    guest.say(&json!({"type": "ping", "t": 1})).await;
    assert_eq!(guest.hear().await["type"], "pong");
    drop(guest);
    let types = receiver.types_until(&room.id, "participant_detached").await;
    let (_guest, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(resumed["type"], "resumed");
    api.change(&room, &json!({"name": "Retro", "locked": true})).await.data();
    api.change(&room, &json!({"rotate_password": true})).await.data();
    api.close(&room.id, &room.access_token).await.data();
    let expected = [
        "room_started",
        "participant_joined",
        "participant_joined",
        "participant_renamed",
        "participant_detached",
        "participant_resumed",
        "room_changed",
        "room_changed",
        "participant_left",
        "participant_left",
        "room_finished",
    ];
    assert_eq!(types, expected[..5]);
    assert_eq!(receiver.types_until(&room.id, "room_finished").await, expected);

    let attempts = receiver.attempts();
    for attempt in &attempts {
        assert!(attempt.is_signed_with(SECRET) && !attempt.is_signed_with(NEW_SECRET));
        assert_eq!(attempt.event["id"], attempt.id.as_str());
        assert_eq!(keys(&attempt.event), ["data", "id", "timestamp", "type"]);
        assert_eq!(attempt.event["data"]["room"], json!({"id": room.id, "creator": "alice"}));
    }
    let mut ids: Vec<_> = attempts.iter().map(|attempt| &attempt.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), expected.len(), "each event has its own id");
    let second = |attempt: &Attempt| text(&attempt.event["timestamp"])[..19].to_owned();
    let times: Vec<_> = attempts.iter().map(second).collect();
    assert!(times.is_sorted(), "{times:?}");
    let data = |index: usize| &attempts[index].event["data"];
    let guest = json!({"id": joined["participant_id"], "name": "小红"});
    assert_eq!(data(2)["participant"], guest);
    assert_eq!(data(3)["participant"]["name"], "小明");
    assert!(data(4)["until"].is_string(), "{}", data(4));
    assert_eq!(data(6)["changed"], json!({"name": "Retro", "locked": true}));
    assert_eq!(data(7)["changed"], json!({"password": true}));
    assert_eq!(data(8)["reason"], "room_closed");
    assert_eq!(data(10)["reason"], "closed_by_creator");
    until_metric(&served, "signal_webhook_events_total{outcome=\"delivered\"}", 11.0).await;
    assert_eq!(served.metric("signal_webhook_queue").await, 0.0);
}

/// Waits until a metric has this value.
async fn until_metric(served: &Served, name: &str, value: f64) {
    let waiting = async {
        while number_of(served, name).await != value {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("the metric gets this value");
}

/// The value of a metric; 0 before anything is counted.
async fn number_of(served: &Served, name: &str) -> f64 {
    let metrics = served.metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |number| number.parse().unwrap())
}

#[tokio::test]
async fn no_event_contains_a_password_a_token_or_an_address() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let key = folder.path().join("key");
    fs::write(&key, ADMIN_KEY).unwrap();
    let mut command = receiver.program(folder.path(), &[SECRET]);
    let served = Served::start(command.arg("--admin-key-file").arg(&key)).await;
    let api = &served.api;
    let created = api.create(&json!({})).await.data();
    let access_token = api.access_token("alice");
    let room =
        Room { id: text(&created["room_id"]), password: text(&created["password"]), access_token };
    let joined = api.join(&room.id, &json!({"password": room.password})).await.data();
    let (_guest, entered) = api.enter_v2(&room, &text(&joined["ws_token"])).await;
    let token = json!({"user": "user-17", "attributes": {"role": "host"}});
    let path = format!("/admin/rooms/{}/tokens", room.id);
    let request = served.operators.request(Method::POST, &path).bearer_auth(ADMIN_KEY);
    let minted = answer(request.json(&token)).await.data();
    let (_user, known) = api.enter_v2(&room, &text(&minted["ws_token"])).await;
    let permissions = json!({"message": false, "update": true, "publish": true, "moderate": true});
    let participant = text(&known["participant_id"]);
    let path = format!("/admin/rooms/{}/participants/{participant}/permissions", room.id);
    let request = served.operators.request(Method::PUT, &path).bearer_auth(ADMIN_KEY);
    answer(request.json(&permissions)).await.data();
    let rotated = api.change(&room, &json!({"rotate_password": true})).await.data();
    for guess in 0..10 {
        api.join(&room.id, &json!({"password": format!("wrong{guess}")})).await;
    }
    api.close(&room.id, &room.access_token).await.data();
    receiver.types_until(&room.id, "room_finished").await;

    let attempts = receiver.attempts();
    let user = attempts.iter().find(|got| got.event["data"]["participant"]["user"] == "user-17");
    let user = user.expect("the user of the token is told");
    assert_eq!(user.event["data"]["participant"]["attributes"], json!({"role": "host"}));
    let permitted =
        attempts.iter().find(|got| got.event["type"] == "participant_permissions_changed");
    let permitted = permitted.expect("the change of permissions is told");
    assert_eq!(permitted.event["data"]["permissions"], permissions);
    assert_eq!(permitted.event["data"]["participant"]["id"], json!(participant));
    let secrets = [
        ("the password", text(&created["password"])),
        ("the invite", text(&created["invite_token"])),
        ("the creator's token", text(&created["ws_token"])),
        ("the access token", room.access_token),
        ("a guest's token", text(&joined["ws_token"])),
        ("a minted token", text(&minted["ws_token"])),
        ("a resume token", text(&entered["resume_token"])),
        ("another resume token", text(&known["resume_token"])),
        ("the new password", text(&rotated["password"])),
        ("the new invite", text(&rotated["invite_token"])),
        ("a wrong password", "wrong1".to_owned()),
        ("the signing secret", SECRET.to_owned()),
        ("the admin key", ADMIN_KEY.to_owned()),
        ("the client's address", "127.0.0.1".to_owned()),
    ];
    for attempt in attempts {
        // A password is six digits, which an id may have too.
        let mut event = attempt.event.clone();
        event["id"] = Value::Null;
        event["timestamp"] = Value::Null;
        for (what, secret) in &secrets {
            assert!(!event.to_string().contains(secret), "{what} is in {event}");
        }
    }
}

#[tokio::test]
async fn an_event_is_sent_until_it_is_taken_and_holds_up_no_other_room() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let mut command = receiver.program(folder.path(), &[SECRET]);
    let served = Served::start(durable(&mut command, &folder.path().join("data"))).await;
    receiver.answers(|event| {
        Reply::Status(if event["data"]["room"]["creator"] == "alice" { 500 } else { 200 })
    });
    let failing = brief_room(&served.api).await;
    let bob = served.api.access_token("bob");
    let request = served.api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(bob);
    let created = answer(request.json(&json!({}))).await.data();
    let other = text(&created["room_id"]);
    let mut seat = served.api.attach(&other, &text(&created["ws_token"])).await;
    seat.joined().await;
    seat.say(&json!({"type": "leave"})).await;
    assert_eq!(receiver.types_until(&other, "room_finished").await, BRIEFLY);
    let failed = receiver.types_of(&failing.id);
    assert!(failed.iter().all(|kind| kind == "room_started"), "{failed:?}");

    until(|| receiver.types_of(&failing.id).len() >= 2).await;
    receiver.answers(|_| Reply::Status(200));
    let types = receiver.types_until(&failing.id, "room_finished").await;
    let repeated = types.len() - BRIEFLY.len();
    assert_eq!(types[repeated..], BRIEFLY);
    let attempts = receiver.attempts();
    let started = attempts.iter().filter(|got| got.room() == failing.id).take(repeated + 1);
    let started: Vec<_> = started.collect();
    assert!(started.iter().all(|got| got.id == started[0].id && got.body == started[0].body));
    assert!(started.iter().all(|got| got.is_signed_with(SECRET)));
    let (first, last) = (started[0].at, started[repeated].at);
    assert!(first < last, "each attempt is signed with its own time");
    let refused = "signal_webhook_attempts_total{result=\"refused\"}";
    until_metric(&served, refused, repeated as f64).await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_no_more_until_the_next_start() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let data = folder.path().join("data");
    let mut command = receiver.program(folder.path(), &[SECRET]);
    let served = Served::start(durable(&mut command, &data)).await;
    receiver.answers(|_| Reply::Status(410));
    brief_room(&served.api).await;
    until_metric(&served, "signal_webhook_events_total{outcome=\"dropped\"}", 4.0).await;
    let count = receiver.attempts().len();
    brief_room(&served.api).await;
    until_metric(&served, "signal_webhook_events_total{outcome=\"dropped\"}", 8.0).await;
    assert_eq!(receiver.attempts().len(), count);
    assert_eq!(served.metric("signal_webhook_queue").await, 0.0);
    let log = served.running.killed().await;
    assert!(log.contains("410 Gone"), "{log}");

    receiver.answers(|_| Reply::Status(200));
    let mut command = receiver.program(folder.path(), &[SECRET]);
    let served = Served::start(durable(&mut command, &data)).await;
    let room = brief_room(&served.api).await;
    assert_eq!(receiver.types_until(&room.id, "room_finished").await, BRIEFLY);
    let rest = &receiver.attempts()[count..];
    assert!(rest.iter().all(|attempt| attempt.room() == room.id), "the others are forgotten");
}

#[tokio::test]
async fn while_one_secret_replaces_another_events_are_signed_with_both() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let served = Served::start(&mut receiver.program(folder.path(), &[NEW_SECRET, SECRET])).await;
    served.api.room().await;
    let attempt = receiver.attempted(1).await.remove(0);
    assert!(attempt.is_signed_with(SECRET) && attempt.is_signed_with(NEW_SECRET));
}

#[tokio::test]
async fn a_redirect_is_not_followed_but_a_failure() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let served = Served::start(&mut receiver.program(folder.path(), &[SECRET])).await;
    let attempts = AtomicU32::new(0);
    receiver.answers(move |_| match attempts.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::Redirect,
        _ => Reply::Status(200),
    });
    let room = served.api.room().await;
    let attempts = receiver.attempted(2).await;
    assert_eq!((attempts[0].room(), &attempts[0].id), (&*room.id, &attempts[1].id));
    until_metric(&served, "signal_webhook_events_total{outcome=\"delivered\"}", 1.0).await;
    assert_eq!(receiver.elsewhere(), 0);
}

#[tokio::test]
async fn a_receiver_that_asks_for_patience_is_asked_again_when_it_wants() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let served = Served::start(&mut receiver.program(folder.path(), &[SECRET])).await;
    let attempts = AtomicU32::new(0);
    receiver.answers(move |_| match attempts.fetch_add(1, Ordering::Relaxed) {
        // Otherwise it would be asked after a second.
        0 => Reply::Later(4),
        _ => Reply::Status(200),
    });
    served.api.room().await;
    let attempts = receiver.attempted(2).await;
    assert!(attempts[1].at - attempts[0].at >= 3, "the times are whole seconds");
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off_and_its_event_is_delivered() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let served = Served::start(&mut receiver.program(folder.path(), &[SECRET])).await;
    receiver.answers(|_| Reply::Endless);
    let room = brief_room(&served.api).await;
    assert_eq!(receiver.types_until(&room.id, "room_finished").await, BRIEFLY);
    until_metric(&served, "signal_webhook_events_total{outcome=\"delivered\"}", 4.0).await;
    // The buffers of the system hold some megabytes of each.
    let sent = receiver.sent_bytes();
    assert!(sent < 64 * 1024 * 1024, "{sent}");
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_for_one_room_holds_up_no_other() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let served = Served::start(&mut receiver.program(folder.path(), &[SECRET])).await;
    receiver.answers(|_| Reply::Never);
    let silent = served.api.room().await;
    receiver.attempted(1).await;
    receiver.answers(|_| Reply::Status(200));
    let room = brief_room(&served.api).await;
    assert_eq!(receiver.types_until(&room.id, "room_finished").await, BRIEFLY);
    let unreachable = "signal_webhook_attempts_total{result=\"unreachable\"}";
    assert_eq!(number_of(&served, unreachable).await, 0.0, "the first one still waits");
    // An attempt takes at most 10 s.
    until(|| receiver.types_of(&silent.id).len() == 2).await;
    until_metric(&served, unreachable, 1.0).await;
}

#[tokio::test]
async fn only_the_events_that_are_asked_for_are_sent() {
    let (receiver, folder) = (Receiver::start().await, tempfile::tempdir().unwrap());
    let mut command = receiver.program(folder.path(), &[SECRET]);
    command.args(["--webhook-event", "room_finished", "--webhook-event", "participant_joined"]);
    let served = Served::start(durable(&mut command, &folder.path().join("data"))).await;
    let room = brief_room(&served.api).await;
    let types = receiver.types_until(&room.id, "room_finished").await;
    assert_eq!(types, ["participant_joined", "room_finished"]);
    let mut unknown = program(&["serve", "--webhook-event", "egress_started"]);
    let told = run(&mut unknown).await;
    assert!(utf8(&told.stderr).contains("room_started"), "{told:?}");
}
