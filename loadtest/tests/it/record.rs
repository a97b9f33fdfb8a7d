//! What happens in rooms, recorded and replayed.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{PROGRAM, SIGNALING, Server, loadtest, result, send};

#[test]
fn what_happened_in_rooms_is_recorded_and_happens_again() {
    let server = Server::start();
    let there = ["--url", &server.url, "--token", &server.token];
    let watch = [&["record"], &there[..], &["--every", "100ms", "--duration", "600s"]].concat();
    let recording =
        Command::new(PROGRAM).args(watch).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let recording = recording.unwrap();
    let flags = [&SIGNALING[..], &["--duration", "3", "--stay", "2s"]].concat();
    let (run, lines) = server.run(&flags, "participants");
    let (_, first) = result(run, lines);
    send("-INT", &recording);
    let shape = recording.wait_with_output().unwrap().stdout;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &shape).unwrap();
    let shape = String::from_utf8(shape).unwrap();
    // Those of the probe are there too, in a room of their own.
    let stays = shape.lines().filter(|line| !line.starts_with('#')).count() as u64;
    let entered = first["participants"]["reached"].as_u64().unwrap();
    assert!((entered..=entered + 9).contains(&stays), "{entered} in {shape}");

    let path = file.path().to_str().unwrap();
    let flags = ["--depth", "signaling", "--replay", path, "--duration", "0"];
    let (run, lines) = server.run(&flags, "participants");
    let (status, again) = result(run, lines);
    assert_eq!(status, Some(0), "{again:#}");
    assert_eq!(again["participants"], serde_json::json!({"wanted": stays, "reached": stays}));
    let settings = &again["settings"];
    assert_eq!((&settings["peers"], &settings["joins_per_second"]), (&Value::Null, &Value::Null));
    assert_eq!(settings["replay"]["stays"], stays, "{settings:#}");
    let stay = ["--depth", "signaling", "--replay", path, "--stay", "2s"];
    assert_eq!(loadtest(&stay).status.code(), Some(2));
    // The file has its own rooms, so that no other number of them can be tried.
    let capacity = ["find-capacity", "--depth", "signaling", "--replay", path];
    let output = Command::new(PROGRAM).args(capacity).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn record_refuses_flags_that_would_have_no_effect() {
    let server = ["--url", "http://127.0.0.1:9", "--token", "t"];
    for wrong in [
        [&server[..], &["--server-pid", "1"]].concat(),
        [&server[..], &["--server-metrics", "http://127.0.0.1:9/metrics"]].concat(),
        vec!["--log", "server.log", "--every", "1s"],
        vec!["--log", "server.log", "--duration", "1h"],
    ] {
        let output = Command::new(PROGRAM).arg("record").args(&wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
}

#[test]
fn a_log_is_recorded_whatever_server_the_environment_names() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let opened = r#"{"timestamp":"2026-01-02T03:04:05Z","fields":{"message":"socket opened","conn":0,"room":"482913"}}"#;
    std::fs::write(log.path(), opened).unwrap();
    let record = ["record", "--log", log.path().to_str().unwrap()];
    let mut recording = Command::new(PROGRAM);
    let recording = recording.args(record).env("LOADTEST_URL", "http://127.0.0.1:9");
    let output = recording.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.ends_with("\n0,0.000,\n"), "{printed}");
    let both = recording.args(["--url", "http://127.0.0.1:9", "--token", "t"]).output().unwrap();
    assert_eq!(both.status.code(), Some(2), "{both:?}");
    let help = Command::new(PROGRAM).args(["record", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("user whose rooms are listed"), "{help}");
}
