//! The program `room-bot` against a real server: rooms, calls, recordings.

mod doctor;
mod files;

use std::path::Path;
use std::process::Command;

use client_sdk::{Client, MediaKind};
use serde_json::{Value, json};

use crate::common::program::{Running, create, objects, run, utf8};
use crate::common::wire::Wire;
use crate::common::{InTime, Witness, client, listener, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_created_and_joined_and_a_participant_kicked() {
    let server = server().await;
    let room = create(&server).await;
    let [id, password, link] = ["room_id", "password", "link"].map(|name| text(&room[name]));
    let (url, token) = (server.url(), server.access_token("alice"));
    let secrets = [("ROOM_BOT_TOKEN", token.as_str())];

    // One by the link, which is a secret, and one by number and password.
    let mut first = Running::join(&[&link, "--name", "first", "--clip"], &[], None);
    let first_id = text(&first.event("entered").await["id"]);
    let by_password = [id.as_str(), "--server", &url, "--name", "second"];
    let mut second = Running::join(&by_password, &[("ROOM_BOT_PASSWORD", &password)], None);
    let second_id = text(&second.event("entered").await["id"]);
    for kind in ["audio", "video"] {
        let track = second.event("track").await;
        assert!(["audio", "video"].contains(&track["kind"].as_str().unwrap()), "{kind}: {track}");
        assert_eq!(track["participant"], first_id);
    }

    let listed = run(&["participants", &id, "--server", &url, "--json"], &secrets).await;
    let listed = objects(&listed);
    let names: Vec<&Value> = listed.iter().map(|seat| &seat["name"]).collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!(listed[1]["id"], second_id);
    let table = run(&["participants", &id, "--server", &url], &secrets).await;
    assert!(utf8(&table.stdout).contains(&format!("| {first_id} | first ")), "{table:?}");

    let kicked = run(&["kick", &id, "second", "--server", &url], &secrets).await;
    assert_eq!(utf8(&kicked.stdout).trim(), format!("removed second ({second_id})"));
    assert_eq!(second.ended().await, Some(3));
    first.event("participant_left").await;
    first.signal("INT").await;
    assert_eq!(first.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_plays_and_can_be_played_to_others() {
    let server = server().await;
    let room = create(&server).await;
    let link = text(&room["link"]);
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("calls").display().to_string();
    let mut recorder =
        Running::join(&[&link, "--record", &directory, "--exit-when-alone"], &[], None);
    recorder.event("entered").await;
    let film = "tests/fixtures/vp9.ivf";
    let once = Running::join(&[&link, "--play", film, "--exit-after-play"], &[], None);
    assert_eq!(once.ended().await, Some(0));
    // Whoever recorded is alone now.
    let recorded = recorder.event("recorded").await;
    assert_eq!(recorder.ended().await, Some(0));
    let path = text(&recorded["path"]);
    let pictures = pictures(Path::new(&path));
    assert!(pictures >= 20, "{pictures} of 30 pictures");

    let player = Running::join(&[&link, "--play", &path], &[], None);
    let viewer = client(&server).join_by_invite(&link.parse().unwrap(), "viewer", listener()).await;
    let mut viewer = Witness::new(viewer.unwrap());
    viewer.until("video", |seen| !seen.tracks.is_empty()).await;
    let (from, _) = *viewer.tracks.keys().next().unwrap();
    let mut video = viewer.tracks.remove(&(from, MediaKind::Video)).unwrap();
    video.recv().in_time("a picture").await.unwrap();
    player.signal("TERM").await;
    assert_eq!(player.ended().await, Some(0));
    viewer.until("the leave", |seen| seen.present.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_that_is_shared_alone_is_seen_by_those_who_were_there_and_who_come() {
    let server = server().await;
    let link = text(&create(&server).await["link"]);
    let mut first = Running::join(&[&link], &[], None);
    first.event("entered").await;
    let share = [&*link, "--share", "tests/fixtures/vp9.ivf"];
    let mut sharer = Running::join(&share, &[], None);
    let sharer_id = text(&sharer.event("entered").await["id"]);
    let mut last = Running::join(&[&link], &[], None);
    for viewer in [&mut first, &mut last] {
        let track = viewer.event("track").await;
        assert_eq!((&track["participant"], &track["kind"]), (&json!(sharer_id), &json!("video")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_sent_back_over_every_channel() {
    let server = server().await;
    let room = create(&server).await;
    let link = text(&room["link"]);
    let mut bot = Running::join(&[&link, "--echo"], &[], None);
    bot.event("entered").await;
    let client = Client::new(&server.url()).unwrap();
    let me = client.join_by_invite(&link.parse().unwrap(), "me", talker()).await.unwrap();
    let mut me = Witness::new(me);
    me.until("a channel", |seen| !seen.channels.is_empty()).await;
    let to = *me.channels.iter().next().unwrap();
    me.participant.send_data(to, "hello").await.unwrap();
    me.until("the echo", |seen| !seen.data.is_empty()).await;
    assert_eq!(me.data, [(to, "echo: hello".to_owned())]);
    let mut named = me.participant.open_channel(to, "chat", Default::default()).await.unwrap();
    named.send_text("hi").await.unwrap();
    let echo = named.recv().in_time("the echo").await.unwrap();
    assert_eq!((&echo.data[..], echo.is_text), (&b"echo: hi"[..], true));
    assert_eq!(bot.event("data").await["text"], "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait_for_the_server() {
    let server = server().await;
    let (wire, _) = Wire::to(server.address()).await;
    let room = create(&server).await;
    let link = text(&room["link"]).replace(&server.url(), &wire.url());
    let mut bot = Running::join(&["-"], &[], Some(&link));
    bot.event("entered").await;
    wire.hold();
    bot.signal("INT").await;
    // The server does not learn that it leaves.
    wire.until_held(1).await;
    bot.signal("INT").await;
    assert_eq!(bot.ended().await, Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_with_what_to_do_and_secrets_are_not_shown() {
    let server = server().await;
    let url = server.url();
    let room = create(&server).await;
    let (id, secret) = (text(&room["room_id"]), "not-the-token-of-anybody");
    let given = [("ROOM_BOT_TOKEN", secret), ("ROOM_BOT_PASSWORD", secret)];
    let cases: [(&[&str], bool, i32, &str); 8] = [
        (&["create", "--server", &url], false, 2, "ROOM_BOT_TOKEN"),
        (&["create", "--server", &url], true, 1, "unauthorized"),
        (&["create", "--server", "http://127.0.0.1:1"], true, 1, "nothing listens at 127.0.0.1:1"),
        (&["join", &id, "--server", &url], false, 2, "ROOM_BOT_PASSWORD"),
        (&["join", &id, "--server", &url], true, 1, "wrong_password"),
        (&["join", "no link"], false, 2, "expected a link to a room"),
        (&["join", &id, "--play", "Cargo.toml"], false, 1, "cannot play Cargo.toml"),
        (&["kick", &id, "nobody", "--server", &url], true, 1, "unauthorized"),
    ];
    for (args, has_secrets, code, expected) in cases {
        let output = run(args, if has_secrets { &given } else { &[] }).await;
        let told = utf8(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        assert!(told.starts_with("error: ") && told.contains(expected), "{args:?}: {told}");
        assert!(!told.contains(secret), "{args:?}: {told}");
    }
    for command in ["", "create", "join", "participants", "kick", "doctor"] {
        let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = run(&args, &[("ROOM_BOT_TOKEN", secret), ("ROOM_BOT_LINK", secret)]).await;
        let help = utf8(&help.stdout);
        assert!(help.contains("Examples:") && !help.contains(secret), "{help}");
    }
}

/// How many pictures of a file can be decoded.
fn pictures(path: &Path) -> usize {
    let counted = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-select_streams", "v:0"])
        .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .expect("ffprobe");
    assert!(counted.stderr.is_empty(), "{}", utf8(&counted.stderr));
    utf8(&counted.stdout).trim().trim_end_matches(',').parse().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
