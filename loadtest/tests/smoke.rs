//! Runs the program as its user would.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use signal_server::testing;
use tokio::runtime::Runtime;

#[test]
fn a_small_run_connects_every_pair_with_media_both_ways() {
    let output = loadtest(&["--rooms", "1", "--peers", "3", "--duration", "2", "--json", "-"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["participants"], serde_json::json!({"wanted": 3, "reached": 3}));
    assert_eq!(report["connections"], serde_json::json!({"wanted": 6, "reached": 6}));
    assert_eq!(
        (&report["silent_connections"], &report["failures"]),
        (&0.into(), &Value::Array(Vec::new()))
    );
    // Six directions, each with 50 packets of sound a second and some of pictures, for two seconds.
    assert!(report["packets"]["received"].as_u64().unwrap() > 600, "{printed}");
    let counts = [
        ("http_join", 2),
        ("websocket_joined", 3),
        ("fan_out", 2),
        ("connected", 6),
        ("first_media", 6),
    ];
    for (kind, count) in counts {
        assert_eq!(report["latency_ms"][kind]["count"], count, "{kind} in {printed}");
    }
    let relayed = &report["relayed"];
    assert_eq!(relayed["lost"], 0);
    assert_eq!(report["latency_ms"]["relay"]["count"], relayed["sent"]);
}

#[test]
fn a_table_is_for_people_and_says_how_it_went() {
    let output = loadtest(&["--rooms", "1", "--peers", "2", "--duration", "1", "--no-video"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for expected in ["1 rooms of 2 with audio", "fan out", "everybody was connected to everybody"] {
        assert!(printed.contains(expected), "no {expected} in\n{printed}");
    }
}

#[test]
fn a_server_that_is_not_there_is_a_failure_that_names_it() {
    let output = loadtest(&["--url", "http://127.0.0.1:9", "--token", "x"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let expected = "cannot create a room at http://127.0.0.1:9: cannot reach http://127.0.0.1:9/";
    assert!(told.contains(expected) && told.contains("nothing listens"), "{told}");
}

#[test]
fn wrong_arguments_are_told_apart_from_failures() {
    for wrong in [&["--peers", "1"][..], &["--url", "http://127.0.0.1:9"], &["--no-such-flag"]] {
        assert_eq!(loadtest(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let help = String::from_utf8(loadtest(&["--help"]).stdout).unwrap();
    assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
}

#[test]
fn a_server_that_dies_in_mid_run_is_a_failure_that_says_when() {
    let server = Runtime::new().unwrap();
    let running = server.block_on(testing::start()).unwrap();
    let (url, token) = (running.url(), running.access_token("load"));
    let flags = ["--rooms", "1", "--peers", "3", "--duration", "6", "--no-video", "--json", "-"];
    let mut run = command(&["--url", &url, "--token", &token]);
    run.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = run.spawn().unwrap();
    let progress = BufReader::new(run.stderr.take().unwrap());
    let mut lines = progress.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("6/6 connections")), "it never connected");
    // Every socket of the server is gone at once, as when its process is killed.
    server.shutdown_background();
    drop(running);
    drop(lines.collect::<Vec<_>>());
    let output = run.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    let sockets = &report["losses"]["signaling_sockets"];
    assert_eq!((&sockets["lost"], &sockets["back"]), (&3.into(), &0.into()), "{printed}");
    assert!(report["server_gone_at_seconds"].as_f64().unwrap() < 6.0, "{printed}");
    // Media is peer to peer: it goes on.
    assert_eq!(report["losses"].as_object().unwrap().len(), 1, "{printed}");
    let relayed = &report["relayed"];
    assert!(relayed["lost"].as_u64() > Some(0), "{printed}");
    assert!(relayed["planned"].as_u64() > relayed["sent"].as_u64(), "{printed}");
    let (relay, media) = (&report["latency_ms"]["relay"], &report["packets"]["period_seconds"]);
    assert!(relay["to_seconds"].as_f64() < media[1].as_f64(), "{printed}");
}

fn loadtest(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.env_remove("LOADTEST_URL").env_remove("LOADTEST_TOKEN").args(arguments);
    command
}
