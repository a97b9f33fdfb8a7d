//! The command `rooms`, as an operator runs it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::program::{Served, program, run, utf8};
use crate::common::{ADMIN_KEY, Room, keys, text};

/// A server with an admin key, and the command for it.
struct Managed {
    served: Served,
    key_file: PathBuf,
    _folder: TempDir,
}

/// The output of a command.
#[derive(Debug)]
struct Printed {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Managed {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("key");
        fs::write(&key_file, format!("{ADMIN_KEY}\n")).unwrap();
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        command.arg("--admin-key-file").arg(&key_file);
        Self { served: Served::start(&mut command).await, key_file, _folder: folder }
    }

    async fn rooms(&self, args: &[&str]) -> Printed {
        let url = format!("http://{}", self.served.operators.address());
        let mut command = program(&["rooms"]);
        command.args(args).env("SIGNAL_ADMIN_URL", url);
        printed(command.env("SIGNAL_ADMIN_KEY_FILE", &self.key_file)).await
    }
}

impl Printed {
    /// The standard output of a command, which has to succeed.
    fn done(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }

    /// The standard error of a command, which has to fail with this status.
    fn failed(self, status: i32) -> String {
        assert_eq!(self.status, status, "{self:?}");
        self.stderr
    }
}

async fn printed(command: &mut tokio::process::Command) -> Printed {
    let output = run(command).await;
    Printed {
        status: output.status.code().unwrap(),
        stdout: utf8(&output.stdout).to_owned(),
        stderr: utf8(&output.stderr).to_owned(),
    }
}

#[tokio::test]
async fn rooms_are_listed_and_shown_for_people_and_as_json() {
    let managed = Managed::start().await;
    let headings = managed.rooms(&["list"]).await.done();
    assert_eq!(
        cells(&headings),
        [["ROOM", "PARTICIPANTS", "LOCKED", "EXPIRES", "CREATOR", "NAME"]]
    );
    let room = managed.served.api.room_with(&json!({"name": "Stand-up"})).await;
    let (_creator, creator_id) = managed.served.api.creator(&room).await;

    let listed = managed.rooms(&["list"]).await.done();
    let [_, row] = &cells(&listed)[..] else { panic!("{listed}") };
    assert_eq!([&row[..3], &row[4..]].concat(), [&room.id, "1/10", "no", "alice", "Stand-up"]);
    let listed = managed.rooms(&["list", "--json"]).await.json();
    assert_eq!(listed["rooms"][0]["name"], "Stand-up");

    let shown = managed.rooms(&["show", &room.id.to_lowercase()]).await.done();
    for told in [
        "name                     Stand-up",
        "participants             1 of 10",
        "password attempts left   20",
        "when the creator leaves  close",
        &creator_id,
    ] {
        assert!(shown.contains(told), "{told} is not in\n{shown}");
    }
    let shown = managed.rooms(&["show", &room.id, "--json"]).await.json();
    assert_eq!(shown["participants"][0]["id"], creator_id);
}

#[tokio::test]
async fn a_list_of_more_than_a_page_is_printed_whole() {
    let managed = Managed::start().await;
    for number in 0..1001 {
        let creator = format!("user-{}", number / 100);
        let create = managed.served.operators.request(Method::POST, "/admin/rooms");
        let create = create.bearer_auth(ADMIN_KEY).json(&json!({"creator": creator, "name": "x"}));
        assert_eq!(create.send().await.unwrap().status(), 200);
    }
    let listed = managed.rooms(&["list", "--json"]).await.json();
    assert_eq!(keys(&listed), ["rooms"]);
    let rooms = listed["rooms"].as_array().unwrap().iter();
    let ids: BTreeSet<_> = rooms.map(|room| text(&room["room_id"])).collect();
    assert_eq!(ids.len(), 1001);
}

/// The cells of a table, without the line below the headings.
fn cells(table: &str) -> Vec<Vec<&str>> {
    let rows = table.lines().filter(|line| !line.starts_with("|--"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[tokio::test]
async fn a_room_is_created_for_a_user_and_opened_with_what_is_printed() {
    let managed = Managed::start().await;
    let api = &managed.served.api;
    let data = ["--data", "meeting=17", "--data", "team=a"];
    let create = ["create", "--creator", "alice", "--name", "Stand-up", "--keep"];
    let create = [create.as_slice(), &data].concat();
    let printed = managed.rooms(&create).await.done();
    let of = |name: &str| {
        let mut lines = printed.lines();
        lines.find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
    };
    let (password, access_token) = (of("password "), api.access_token("alice"));
    let room = Room { id: of("room "), password, access_token };
    api.creator(&room).await;
    api.guest(&room, "guest").await;
    api.join(&room.id, &json!({"invite_token": of("invite token ")})).await.data();
    let shown = managed.rooms(&["show", &room.id, "--json"]).await.json();
    assert_eq!((&shown["name"], &shown["on_creator_leave"]), (&json!("Stand-up"), &json!("keep")));
    assert_eq!(shown["data"], json!({"meeting": "17", "team": "a"}));
}

#[tokio::test]
async fn a_room_is_changed_left_by_those_removed_and_closed() {
    let managed = Managed::start().await;
    let api = &managed.served.api;
    let room = api.room().await;
    let args = ["change", &room.id, "--name", "Retro", "--lock", "--max-participants", "20"];
    managed.rooms(&args).await.done();
    let shown = managed.rooms(&["show", &room.id, "--json"]).await.json();
    assert_eq!(
        (&shown["name"], &shown["locked"], &shown["max_participants"]),
        (&json!("Retro"), &json!(true), &json!(20))
    );
    managed.rooms(&["change", &room.id, "--unlock", "--expires-minutes", "240"]).await.done();
    assert_eq!(managed.rooms(&["show", &room.id, "--json"]).await.json()["locked"], false);

    let (mut kicked, id) = api.guest(&room, "kicked").await;
    managed.rooms(&["kick", &room.id, &id]).await.done();
    assert_eq!(kicked.read_until_closed().await, 4511);
    let (mut banned, id) = api.guest(&room, "banned").await;
    let told = managed.rooms(&["ban", &room.id, &id]).await.done();
    assert_eq!(banned.read_until_closed().await, 4511);
    let password = told.lines().find_map(|line| line.strip_prefix("password ")).unwrap().trim();
    api.join(&room.id, &json!({"password": password})).await.data();
    let rotated = managed.rooms(&["rotate-password", &room.id, "--json"]).await.json();
    assert_eq!(api.join(&room.id, &json!({"password": password})).await.status, 401);
    api.join(&room.id, &json!({"password": rotated["password"]})).await.data();
    managed.rooms(&["restore-attempts", &room.id]).await.done();
    let shown = managed.rooms(&["show", &room.id, "--json"]).await.json();
    assert_eq!(shown["password_attempts_left"], 20);

    assert_eq!(managed.rooms(&["close", &room.id]).await.done(), "closed\n");
    let refused = managed.rooms(&["close", &room.id]).await.failed(1);
    assert!(refused.contains("(room_not_found)"), "{refused}");
}

#[tokio::test]
async fn a_token_lets_a_user_in_who_gets_messages_until_it_is_banned() {
    let managed = Managed::start().await;
    let api = &managed.served.api;
    let room = api.room().await;
    let token_of = |name| ["token", &room.id, "--name", name, "--user", "u/1", "--attribute"];
    let args = [&token_of("Bob")[..], &["role=host"]].concat();
    let token = managed.rooms(&args).await.done();
    let (mut bob, joined) = api.enter_v2(&room, token.trim()).await;
    let bob_id = text(&joined["participant_id"]);
    let shown = managed.rooms(&["show", &room.id]).await.done();
    let row = cells(&shown).into_iter().find(|row| row[0] == bob_id).unwrap();
    let permitted = "message publish update";
    assert_eq!(row, [&bob_id, "yes", "no", "u/1", "Bob", permitted, "role=host"]);
    let bob_row = |shown: &str| {
        let rows = cells(shown);
        rows.iter().find(|row| row[0] == bob_id).unwrap()[5..].join("|")
    };

    managed.rooms(&["set-attributes", &room.id, &bob_id, "role=guest", "team=a=b"]).await.done();
    let shown = bob_row(&managed.rooms(&["show", &room.id]).await.done());
    assert_eq!(shown, format!("{permitted}|role=guest team=a=b"));
    managed.rooms(&["set-attributes", &room.id, &bob_id]).await.done();
    managed.rooms(&["set-name", &room.id, &bob_id, "Robert"]).await.done();
    let shown = managed.rooms(&["show", &room.id]).await.done();
    let row = cells(&shown).into_iter().find(|row| row[0] == bob_id).unwrap();
    assert_eq!(row[4], "Robert");
    managed.rooms(&["set-permissions", &room.id, &bob_id, "moderate"]).await.done();
    assert_eq!(bob_row(&managed.rooms(&["show", &room.id]).await.done()), "moderate|");
    let told = bob.hear().await;
    assert_eq!(
        (&told["type"], &told["permissions"]["message"]),
        (&json!("permissions_updated"), &json!(false))
    );
    managed.rooms(&["set-data", &room.id, "meeting=17"]).await.done();
    let shown = managed.rooms(&["show", &room.id]).await.done();
    assert!(shown.contains("data                     meeting=17"), "{shown}");

    managed.rooms(&["send", &room.id, "notice", r#"{"n":1}"#]).await.done();
    let heard = bob.hear().await;
    assert_eq!((&heard["from"], &heard["data"]), (&json!("host"), &json!({"n": 1})));
    let (_v1, v1_id) = api.guest(&room, "v1").await;
    let sent = managed.rooms(&["send", &room.id, "notice", "1", "--to", &v1_id]).await;
    let told = sent.failed(1);
    assert!(
        told.contains(&format!("{v1_id} does not get the message: peer_unreachable")),
        "{told}"
    );

    managed.rooms(&["ban", &room.id, "--user", "u/1"]).await.done();
    assert_eq!(bob.read_until_closed().await, 4511);
    let refused = managed.rooms(&args).await.failed(1);
    assert!(refused.contains("banned"), "{refused}");
}

#[tokio::test]
async fn what_is_wrong_with_a_command_is_told_with_its_status() {
    let managed = Managed::start().await;
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let wrong_key = managed.key_file.with_file_name("wrong");
    fs::write(&wrong_key, ADMIN_KEY.to_uppercase()).unwrap();
    let short_key = managed.key_file.with_file_name("short");
    fs::write(&short_key, "short").unwrap();
    let public = format!("http://{}", managed.served.api.address());
    for (args, status, told) in [
        (&["list", "--admin-url", &format!("http://{nowhere}")][..], 1, "cannot reach"),
        (&["list", "--admin-url", &public], 1, "(not_found)"),
        (&["list", "--admin-key-file", wrong_key.to_str().unwrap()], 1, "(unauthorized)"),
        (&["list", "--admin-key-file", short_key.to_str().unwrap()], 2, "at least 32 characters"),
        (&["list", "--admin-key-file", "/nonexistent/key"], 2, "/nonexistent/key"),
        (&["list", "--admin-url", "nowhere"], 2, "--admin-url"),
        (&["show", "no room"], 2, "6 characters"),
        (&["change", "ABC234"], 2, "--lock"),
        (&["kick", "ABC234"], 2, "PARTICIPANT"),
        (&["send", "ABC234", "notice", "{"], 2, "expected JSON"),
        (&[], 2, "rotate-password"),
    ] {
        let failed = managed.rooms(args).await.failed(status);
        assert!(failed.contains(told), "{args:?}: {failed}");
        assert!(!failed.contains(ADMIN_KEY), "{args:?}: {failed}");
    }
    let without = printed(&mut program(&["rooms", "list"])).await.failed(2);
    assert!(without.contains("--admin-key-file"), "{without}");
    let help = printed(&mut program(&["rooms", "--help"])).await.done();
    assert!(help.contains("signal-server rooms close") && help.contains("Exit status"), "{help}");
}

#[tokio::test]
async fn the_key_may_be_in_the_configuration_file() {
    let managed = Managed::start().await;
    let config = managed.key_file.with_file_name("config.toml");
    fs::write(&config, format!("admin-key-file = {:?}\n", managed.key_file)).unwrap();
    let url = format!("http://{}", managed.served.operators.address());
    let mut command = program(&["rooms", "list", "--json", "--admin-url", &url]);
    let listed = printed(command.arg("--config").arg(&config)).await.json();
    assert_eq!(listed, json!({"rooms": []}));
}

#[tokio::test]
async fn a_server_with_a_weak_admin_key_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "a-weak-admin-key").unwrap();
    let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
    let told = printed(command.arg("--admin-key-file").arg(&key)).await.failed(2);
    assert!(told.contains("at least 32 characters") && !told.contains("a-weak-admin"), "{told}");
}

#[tokio::test]
async fn a_room_is_created_with_a_chosen_id_and_without_a_password_or_a_creator() {
    let managed = Managed::start().await;
    let create = ["create", "--id", "Daily-7", "--no-password", "--name", "Daily"];
    let printed = managed.rooms(&create).await.done();
    assert!(printed.contains("Daily-7") && !printed.contains("password"), "{printed}");
    let shown = managed.rooms(&["show", "Daily-7"]).await.done();
    assert!(shown.contains("Daily-7"), "{shown}");
    // It has neither a creator nor a password.
    for absent in ["creator  ", "when the creator leaves", "password attempts left"] {
        assert!(!shown.contains(absent), "{shown}");
    }
    let told = managed.rooms(&create).await.failed(1);
    assert!(told.contains("room_id"), "{told}");
    managed.rooms(&["close", "Daily-7"]).await.done();
    managed.rooms(&create).await.done();
    let told = managed.rooms(&["create", "--id", "abc234", "--name", "Daily"]).await.failed(2);
    assert!(told.contains("generated room id"), "{told}");
}
