//! Rooms that outlive the program, which is killed and started again on the same data directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::program::{Durable, Running, durable, limited, program, run, utf8};
use crate::common::{Api, Participant, Room, answer, text};

#[tokio::test]
async fn whoever_was_in_a_room_resumes_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let unused = api.ws_token(&room, "later").await;
    let (mut guest, guest_joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let guest_id = text(&guest_joined["participant_id"]);
    assert_eq!(creator.hear().await["type"], "peer_joined");
    guest.say(&json!({"type": "update", "state": {"muted": true}})).await;
    assert_eq!(creator.hear().await["state"], json!({"muted": true}));
    let mut token = text(&guest_joined["resume_token"]);

    // Twice, so that what the resume itself has changed has to be on disk as well.
    for _ in 0..2 {
        server = server.crash_and_restart().await;
        let (back, resumed) = api.resume(&room, &token).await;
        assert_eq!(
            (&resumed["type"], &resumed["replayed"]),
            (&json!("resumed"), &Value::Null),
            "{resumed}"
        );
        assert_eq!(resumed["participant_id"], json!(guest_id));
        let others = resumed["participants"].as_array().unwrap();
        assert_eq!(
            (others.len(), &others[0]["connected"]),
            (1, &json!(false)),
            "the creator is waited for"
        );
        token = text(&resumed["resume_token"]);
        guest = back;
    }
    // With the process alive nothing is lost.
    drop(guest);
    let url = format!("{}&resume={token}&last_seq=0", api.socket_url(&room.id, ""));
    let (mut guest, _) = Participant::connect(url).await.unwrap();
    assert_eq!(guest.hear().await["replayed"], 0);

    // Tokens were signed with the secret that is kept beside the rooms.
    let (_, later) = api.enter_v2(&room, &unused).await;
    let names: Vec<_> =
        later["participants"].as_array().unwrap().iter().map(|peer| &peer["name"]).collect();
    assert_eq!(names, ["alice", "guest"]);
    // A state ends with the process: its participant sends it again.
    assert_eq!(later["participants"][1]["state"], Value::Null);
}

#[tokio::test]
async fn a_server_secret_that_is_replaced_ends_passwords_and_unused_tokens_but_no_seat_and_no_invite()
 {
    let data = tempfile::tempdir().unwrap();
    let mut server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let created = api.create(&json!({})).await.data();
    let (id, password) = (text(&created["room_id"]), text(&created["password"]));
    let room = Room { id: id.clone(), password, access_token: api.access_token("alice") };
    let unused = api.ws_token(&room, "later").await;
    let (_guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    server.running.child.kill().await.unwrap();

    let mut command = program(&["serve", "--listen", &server.address.to_string()]);
    durable(&mut command, data.path())
        .env("SIGNAL_SERVER_SECRET", "another-secret-of-the-tests-0123456789");
    let mut running = Running::start(&mut command);
    running.announcement().await;
    let (_guest, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(resumed["participant_id"], joined["participant_id"]);
    assert_eq!(api.attach(&id, &unused).await.error().await, "token_invalid");
    let by_password = api.join(&id, &json!({"password": room.password})).await;
    assert_eq!(by_password.refused(), (401, "wrong_password"));
    let invited = api.join(&id, &json!({"invite_token": created["invite_token"]})).await.data();
    api.enter_v2(&room, &text(&invited["ws_token"])).await;
}

#[tokio::test]
async fn what_is_said_to_somebody_who_has_not_resumed_yet_is_refused_and_may_be_said_again() {
    let data = tempfile::tempdir().unwrap();
    let server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let room = api.room().await;
    let (_creator, creator_joined) = api.enter_v2(&room, &room.access_token).await;
    let (_guest, guest_joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let guest = text(&guest_joined["participant_id"]);
    let _server = server.crash_and_restart().await;
    let (mut creator, _) = api.resume(&room, &text(&creator_joined["resume_token"])).await;
    for message in [
        json!({"type": "message", "to": guest, "topic": "t", "data": 1, "req": "1"}),
        json!({"type": "offer", "to": guest, "sdp": "x", "neg": 1, "req": "2"}),
    ] {
        creator.say(&message).await;
        let refused = creator.hear().await;
        assert_eq!(
            (&refused["code"], &refused["about"]),
            (&json!("peer_unreachable"), &json!(guest))
        );
        assert_eq!((&refused["req"], &refused["retryable"]), (&message["req"], &json!(true)));
    }
    let (mut guest, _) = api.resume(&room, &text(&guest_joined["resume_token"])).await;
    assert_eq!(creator.hear().await["type"], "peer_updated");
    creator
        .say(
            &json!({"type": "message", "to": text(&guest_joined["participant_id"]), "topic": "t", "data": 1}),
        )
        .await;
    assert_eq!(guest.hear().await["type"], "message");
}

#[tokio::test]
async fn a_v1_seat_ends_with_the_process_and_a_room_that_was_closed_stays_closed() {
    let data = tempfile::tempdir().unwrap();
    let server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let (room, closed) = (api.room().await, api.room().await);
    let (_creator, _) = api.creator(&room).await;
    let (_, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    assert_eq!(joined["participants"].as_array().unwrap().len(), 1);
    api.close(&closed.id, &closed.access_token).await.data();

    let _server = server.crash_and_restart().await;
    let (_guest, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(resumed["participants"], json!([]));
    let body = json!({"password": closed.password});
    assert_eq!(api.join(&closed.id, &body).await.refused(), (404, "room_not_found"));
}

#[tokio::test]
async fn guesses_that_were_answered_stay_counted() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let room = api.room().await;
    // One network takes half of them.
    for guess in 0..10 {
        if guess % 5 == 4 {
            server = server.crash_and_restart().await;
        }
        let body = json!({"password": "wrong!"});
        assert_eq!(
            api.join(&room.id, &body).await.refused(),
            (401, "wrong_password"),
            "guess {guess}"
        );
    }
    let _server = server.crash_and_restart().await;
    let body = json!({"password": room.password});
    assert_eq!(api.join(&room.id, &body).await.refused(), (429, "password_locked"));
}

#[tokio::test]
async fn what_is_kept_is_for_the_servers_own_eyes() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("made/on/demand");
    let _server = Durable::start(&data).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["server-secret", "rooms.redb"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn without_settings_rooms_are_kept_in_the_working_directory_and_ephemeral_ones_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let made = || {
        fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    for (ephemeral, expected) in [(true, vec![]), (false, vec!["signal-data"])] {
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        command.current_dir(folder.path());
        if !ephemeral {
            command.env_remove("SIGNAL_EPHEMERAL");
        }
        let mut server = Running::start(&mut command);
        server.announcement().await;
        assert_eq!(made(), expected);
    }
    assert!(folder.path().join("signal-data/rooms.redb").exists());
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_told_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let _server = Durable::start(data.path()).await;
    let output =
        run(durable(&mut program(&["serve", "--listen", "127.0.0.1:0"]), data.path())).await;
    assert_eq!(output.status.code(), Some(1));
    for told in
        [data.path().to_str().unwrap(), "in use by another process", "--data-dir", "--ephemeral"]
    {
        assert!(utf8(&output.stderr).contains(told), "{told} is not in\n{}", utf8(&output.stderr));
    }
}

#[tokio::test]
async fn a_damaged_file_or_secret_is_refused_with_its_name() {
    for (file, content) in
        [("rooms.redb", "not a database".repeat(1000)), ("server-secret", "short".into())]
    {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(file), content).unwrap();
        let output =
            run(durable(&mut program(&["serve", "--listen", "127.0.0.1:0"]), data.path())).await;
        assert_eq!(output.status.code(), Some(1), "{file}");
        for told in [file, "is damaged"] {
            assert!(
                utf8(&output.stderr).contains(told),
                "{told} is not in\n{}",
                utf8(&output.stderr)
            );
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_new_rooms_and_nothing_else_until_there_is_space_again() {
    let data = tempfile::tempdir().unwrap();
    // The system refuses to let files grow beyond the limit, as if the disk were full.
    let many = ["--creates-per-minute", "1000000", "--max-open-rooms", "1000000"];
    let mut command =
        limited("-S -f 512", &[["serve", "--listen", "127.0.0.1:0"].as_slice(), &many].concat());
    let mut server = Running::start(durable(&mut command, data.path()));
    let printed = server.announcement().await;
    let address = printed.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
    let address = address.parse().unwrap();
    let api = Api::at(address);
    let room = api.room().await;
    let (mut creator, joined) = api.enter_v2(&room, &room.access_token).await;
    let fill = json!({"name": "很长的房间名".repeat(5)});
    let mut created = 0;
    let refused = loop {
        let answer = api.create(&fill).await;
        if answer.status != 200 {
            break answer;
        }
        created += 1;
        assert!(created < 20_000, "the disk does not get full");
        if created % 50 == 0 {
            // However long this takes, the creator has to answer the server's pings.
            creator.say(&json!({"type": "ping", "t": created})).await;
            assert_eq!(creator.hear().await["type"], "pong");
        }
    };
    assert_eq!(refused.refused(), (503, "storage_unavailable"));

    // Guests come and go, and lost sockets are resumed.
    let guest = api.ws_token(&room, "guest").await;
    let (mut guest, _) = api.enter_v2(&room, &guest).await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    guest.say(&json!({"type": "leave"})).await;
    assert_eq!(guest.closed().await, 1000);
    assert_eq!(creator.hear().await["reason"], "left");
    drop(creator);
    let (_creator, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(resumed["type"], "resumed");

    let pid = server.child.id().unwrap().to_string();
    let more = tokio::process::Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited:"])
        .status()
        .await;
    assert!(more.unwrap().success());
    // It is tried again within a second.
    while api.create(&fill).await.status != 200 {}
    // What was answered while the disk was full is on it now.
    server.child.kill().await.unwrap();
    let _server = Durable::start_at(&address.to_string(), data.path()).await;
    let (_creator, again) = api.resume(&room, &text(&resumed["resume_token"])).await;
    assert_eq!(
        (&again["type"], &again["participants"]),
        (&json!("resumed"), &json!([])),
        "{again}"
    );
}

#[tokio::test]
async fn what_a_creator_has_changed_stays_changed() {
    let data = tempfile::tempdir().unwrap();
    let server = Durable::start(data.path()).await;
    let api = Api::at(server.address);
    let room = api.room_with(&json!({"on_creator_leave": "keep", "expires_minutes": 60})).await;
    let (_, joined) = api.enter_v2(&room, &api.ws_token(&room, "kicked").await).await;
    let kicked = format!("/participants/{}", text(&joined["participant_id"]));
    api.ask(Method::DELETE, &room, &kicked).await.data();
    let all = json!({
        "name": "改名", "locked": true, "max_participants": 3, "expires_minutes": 90, "rotate_password": true
    });
    let changed = api.change(&room, &all).await.data();
    let before = api.ask(Method::GET, &room, "").await.data();
    assert_eq!((&before["name"], &before["locked"]), (&json!("改名"), &json!(true)));

    let _server = server.crash_and_restart().await;
    assert_eq!(api.ask(Method::GET, &room, "").await.data(), before);
    let list =
        answer(api.request(Method::GET, "/api/webrtc/rooms").bearer_auth(&room.access_token)).await;
    assert_eq!(list.data()["rooms"][0]["room_id"], before["room_id"]);
    let old = json!({"password": room.password});
    assert_eq!(api.join(&room.id, &old).await.refused(), (401, "wrong_password"));
    let new = json!({"password": changed["password"]});
    assert_eq!(api.join(&room.id, &new).await.refused(), (403, "room_locked"));
    // Counted from the creation still.
    let later = api.change(&room, &json!({"expires_minutes": 60, "locked": false})).await.data();
    assert!(text(&later["expires_at"]) < text(&before["expires_at"]));
    api.join(&room.id, &json!({"invite_token": changed["invite_token"]})).await.data();
}

/// When the rooms of the data directory in `data/0.1.0` were created, one of them for an hour.
const CREATED_AT: u64 = 1_795_856_351_467;

/// Moves the times of all records, as if the directory had been written just now.
fn age(data: &Path) {
    let table = redb::TableDefinition::<&str, &[u8]>::new("rooms");
    let database = redb::Database::open(data.join("rooms.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let by = now.as_millis() as u64 - CREATED_AT;
    {
        let mut rooms = transaction.open_table(table).unwrap();
        let kept: Vec<_> = redb::ReadableTable::iter(&rooms)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|(id, record)| (id.value().to_owned(), record.value().to_vec()))
            .collect();
        for (id, mut record) in kept {
            let texts = |record: &[u8], at: usize| {
                let length = record[at..at + 4].try_into().map(u32::from_le_bytes).unwrap();
                at + 4 + length as usize
            };
            // The format, the id, epoch and version; name, creator and the creator's id; a setting.
            let after_versions = texts(&record, 1) + 16;
            let at = (0..3).fold(after_versions, |at, _| texts(&record, at)) + 1;
            for at in [at, at + 8] {
                let time = record[at..at + 8].try_into().map(u64::from_le_bytes).unwrap();
                record[at..at + 8].copy_from_slice(&(time + by).to_le_bytes());
            }
            rooms.insert(id.as_str(), record.as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[tokio::test]
async fn a_data_directory_of_version_0_1_0_opens_with_its_rooms() {
    let data = tempfile::tempdir().unwrap();
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/data/0.1.0/rooms.redb");
    fs::copy(kept, data.path().join("rooms.redb")).unwrap();
    age(data.path());
    let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
    durable(&mut command, data.path())
        .env("SIGNAL_SERVER_SECRET", "server-secret-of-the-tests-0123456789abcdef");
    let mut running = Running::start(&mut command);
    let printed = running.announcement().await;
    let address = printed.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
    let api = Api::at(address.parse().unwrap());
    let (id, password) = ("EWRR7Y".to_owned(), "847170".to_owned());
    let room = Room { id, password, access_token: api.access_token("alice") };

    let guest = "NaUovArwaJCptonTiOThD9lwmMMGzFyNMHFBkCdoHps";
    let (_guest, resumed) = api.resume(&room, guest).await;
    assert_eq!(resumed["participant_id"], "p_zzzy3mdd", "{resumed}");
    let (_creator, resumed) =
        api.resume(&room, "wGuQdNkRj5FppJMNeEt1JfsUaG1fb4QNKy3HMiTzmhE").await;
    assert_eq!(resumed["participants"][0]["state"], json!({"muted": true}), "{resumed}");
    let shown = api.ask(Method::GET, &room, "").await.data();
    assert_eq!(
        (&shown["password_attempts_left"], &shown["max_participants"]),
        (&json!(17), &json!(6))
    );
    let joined = api.join(&room.id, &json!({"password": room.password})).await.data();
    let (_, entered) = api.enter_v2(&room, &text(&joined["ws_token"])).await;
    assert!(text(&entered["participant_id"]).as_str() < "p_zzzwbnmz", "{entered}");
    let closed = api.join("TAA9YN", &json!({"password": "899227"})).await;
    assert_eq!(closed.refused(), (404, "room_not_found"));
    api.join("XRG7UX", &json!({"password": "secret"})).await.data();
}
