//! A wall clock that is set while the server runs, by an hour and more.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::LONG_PATIENCE;
use crate::common::program::{Served, durable, program};
use crate::common::text;

/// An hour, which the access tokens of the tests are good for, and more than the tolerance on top
/// of it.
const JUMP: i64 = 70 * 60;

#[tokio::test]
async fn a_clock_that_jumps_ends_and_extends_nothing_but_tokens_until_a_restart() {
    let clock = WallClock::new();
    let data = tempfile::tempdir().unwrap();
    let server = clock.serve(data.path()).await;
    let api = &server.api;
    let short = api.room_with(&json!({"expires_minutes": 1})).await;
    let call = api.room_with(&json!({"expires_minutes": 60})).await;
    let hour = api.room_with(&json!({"expires_minutes": 60})).await;
    let day = api.room_with(&json!({"expires_minutes": 1440})).await;
    let (mut waiting, _) = api.enter_v2(&short, &short.access_token).await;
    let (mut creator, _) = api.enter_v2(&call, &call.access_token).await;
    let (first, first_joined) = api.enter_v2(&call, &api.ws_token(&call, "first").await).await;
    let (second, second_joined) = api.enter_v2(&call, &api.ws_token(&call, "second").await).await;
    let unused = api.ws_token(&day, "later").await;
    for _ in 0..2 {
        assert_eq!(creator.hear().await["type"], "peer_joined");
    }
    drop(first);
    assert_eq!(creator.hear().await["connected"], false);

    clock.set(JUMP);
    // Tokens go by the clock on the wall, which shows that it has jumped.
    assert_eq!(api.create(&json!({})).await.refused(), (401, "unauthorized"));
    let mut late = api.attach(&day.id, &unused).await;
    assert_eq!((late.error().await, late.closed().await), ("token_expired".to_owned(), 4500));
    // A grace of half a minute and a room of one minute do not.
    waiting.say(&json!({"type": "ping", "t": 1})).await;
    assert_eq!(waiting.hear().await["type"], "pong");
    let (mut first, resumed) = api.resume(&call, &text(&first_joined["resume_token"])).await;
    assert_eq!(resumed["type"], "resumed", "{resumed}");
    assert_eq!(creator.hear().await["connected"], true);
    let (third, third_joined) = api.enter_v2(&call, &api.ws_token(&call, "third").await).await;
    // A TURN server goes by the wall, and the call lasts as long as before.
    let later = turn_expiry(&third_joined) - turn_expiry(&first_joined);
    assert!((later - JUMP).abs() <= 1, "{later}");
    assert_eq!(third_joined["ice_expires_at"], first_joined["ice_expires_at"]);
    assert_eq!(creator.hear().await["type"], "peer_joined");
    first.say(&json!({"type": "leave"})).await;
    assert_eq!(creator.hear().await["reason"], "left");

    clock.set(-JUMP);
    api.create(&json!({})).await.data();
    drop((second, third));
    for _ in 0..2 {
        assert_eq!(creator.hear().await["connected"], false);
    }
    // Two graces end, and the short room.
    let graces = async {
        for _ in 0..2 {
            assert_eq!(creator.hear_within(LONG_PATIENCE).await["reason"], "lost");
        }
    };
    let (ended, ()) = tokio::join!(waiting.hear_within(LONG_PATIENCE), graces);
    assert_eq!(
        (&ended["type"], &ended["code"]),
        (&json!("room_closed"), &json!("expired")),
        "{ended}"
    );
    assert_eq!(waiting.closed().await, 4503);
    let (_, refused) = api.resume(&call, &text(&second_joined["resume_token"])).await;
    assert_eq!(refused["type"], "error");

    // What is on disk goes by the wall.
    let (_stays, joined) = api.enter_v2(&day, &day.access_token).await;
    let mut token = text(&joined["resume_token"]);
    let mut server = server;
    for jump in [-JUMP, JUMP] {
        server = clock.restart(server, jump, data.path()).await;
        let (_stays, resumed) = server.api.resume(&day, &token).await;
        assert_eq!(
            (&resumed["type"], &resumed["participants"]),
            (&json!("resumed"), &json!([])),
            "{resumed}"
        );
        token = text(&resumed["resume_token"]);
        let join = server.api.join(&hour.id, &json!({"password": hour.password})).await;
        match jump {
            JUMP => assert_eq!(join.refused(), (400, "room_expired")),
            _ => assert_ne!(join.data()["ws_token"], Value::Null),
        }
    }
    server.running.signal("TERM");
    let (status, log) = server.running.ended().await;
    assert_eq!(status, 0, "{log}");
}

/// When the credentials for TURN expire, in seconds since 1970.
fn turn_expiry(joined: &Value) -> i64 {
    let username = text(&joined["ice_servers"][0]["username"]);
    username.split_once(':').unwrap().0.parse().unwrap()
}

/// The wall clock of programs, which is off by what a file says; their monotonic clock is real.
struct WallClock {
    folder: tempfile::TempDir,
    library: PathBuf,
}

impl WallClock {
    fn new() -> Self {
        let clock = Self { folder: tempfile::tempdir().unwrap(), library: libfaketime() };
        clock.set(0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    /// Off by so many seconds from now on.
    fn set(&self, offset: i64) {
        let next = self.folder.path().join("next");
        fs::write(&next, format!("{offset:+}\n")).unwrap();
        // Nobody reads half of it.
        fs::rename(next, self.file()).unwrap();
    }

    async fn serve(&self, data_dir: &Path) -> Served {
        let turn =
            ["--turn-url", "turn:localhost:3478", "--turn-secret", "a secret of TURN servers"];
        let args = [["serve", "--listen", "127.0.0.1:0"].as_slice(), &turn].concat();
        let mut command = program(&args);
        durable(&mut command, data_dir)
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", self.file())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Served::start(&mut command).await
    }

    /// Waits until the server has ended in order, and starts it at another time.
    async fn restart(&self, server: Served, offset: i64, data_dir: &Path) -> Served {
        server.running.signal("TERM");
        let (status, log) = server.running.ended().await;
        assert_eq!(status, 0, "{log}");
        self.set(offset);
        self.serve(data_dir).await
    }
}

fn libfaketime() -> PathBuf {
    // Debian has a folder for each architecture, Fedora one for 64 bits.
    let folders = fs::read_dir("/usr/lib").unwrap().map(|folder| folder.unwrap().path());
    let mut libraries =
        folders.chain(["/usr/lib64".into()]).map(|folder| folder.join("faketime/libfaketime.so.1"));
    libraries
        .find(|library| library.exists())
        .expect("libfaketime is there: `./test` says how to install it")
}
