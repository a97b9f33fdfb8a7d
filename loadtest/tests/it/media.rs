//! Runs with media.

use serde_json::Value;

use crate::common::{Server, loadtest, result, results};

#[test]
fn a_small_run_connects_every_pair_with_media_both_ways() {
    let output = loadtest(&["--rooms", "1", "--peers", "3", "--duration", "2", "--json", "-"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    let report = results(printed.as_bytes());
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
        ("ice", 6),
        ("dtls", 6),
        ("first_media", 6),
        ("first_frame", 6),
    ];
    for (kind, count) in counts {
        assert_eq!(report["latency_ms"][kind]["count"], count, "{kind} in {printed}");
    }
    let (packets, media) = (&report["packets"], &report["media"]);
    let [planned, received, lost, unsent] =
        ["planned", "received", "lost", "unsent"].map(|count| packets[count].as_u64().unwrap());
    assert_eq!(planned, received + lost + unsent, "{packets}");
    for kind in ["audio", "video"] {
        assert_eq!(media["by_kind"][kind]["streams"], 6, "{media:#}");
        let of_kind = |window: &Value| window["media"][kind]["received"].as_u64();
        let windows = report["windows"].as_array().unwrap().iter().filter_map(of_kind);
        assert_eq!(windows.sum::<u64>(), media["by_kind"][kind]["received"], "{kind}");
    }
    assert_eq!(media["streams"].as_array().unwrap().len(), 12);
    assert_eq!(media["silent"], Value::Array(Vec::new()));
    let relayed = &report["relayed"];
    assert_eq!(relayed["lost"], 0);
    assert_eq!(report["latency_ms"]["relay"]["count"], relayed["sent"]);
}

#[test]
fn a_preset_has_its_rates_and_its_marked_frames_are_timed() {
    let flags = ["--rooms", "1", "--peers", "2", "--duration", "3", "--preset", "360p"];
    let output = loadtest(&[&flags[..], &["--json", "-"]].concat());
    let report = results(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    for kind in ["mouth_to_ear", "glass_to_glass"] {
        // Two a second from each to the other.
        let told = &report["latency_ms"][kind];
        assert!(told["count"].as_u64() > Some(4), "{kind} in {report:#}");
        assert!(told["p50"].as_f64() > Some(0.0), "{kind}: {told}");
    }
    let bytes_of_a_frame = |kind: &str| {
        let quality = &report["media"]["by_kind"][kind];
        let median = |figure: &str| quality[figure]["p50"].as_f64().unwrap();
        median("bitrate") / 8.0 / median("frame_rate")
    };
    assert!((bytes_of_a_frame("audio") - 80.0).abs() < 1.0);
    // Two packets, each with a few bytes of its own.
    assert!((bytes_of_a_frame("video") - 2086.0).abs() < 40.0, "{}", bytes_of_a_frame("video"));
}

#[test]
fn whoever_watches_receives_and_nobody_expects_anything_of_it() {
    let flags = ["--rooms", "1", "--peers", "3", "--publishers", "1", "--preset", "voice"];
    let output = loadtest(&[&flags[..], &["--duration", "2", "--json", "-"]].concat());
    let report = results(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let streams = report["media"]["streams"].as_array().unwrap();
    let from: Vec<&Value> = streams.iter().map(|stream| &stream["from"]).collect();
    assert!(from.len() == 2 && from[0] == from[1], "{streams:?}");
    assert_eq!(report["latency_ms"]["first_frame"]["count"], 2);
}

#[test]
fn participants_with_media_do_what_those_without_do_and_lose_nothing() {
    let server = Server::start();
    let acts = ["--cut-every", "3s", "--share-every", "2s", "--message-rate", "2"];
    let flags = ["--rooms", "1", "--peers", "3", "--duration", "10"];
    let (run, lines) = server.run(&[&flags[..], &acts].concat(), "6/6 connections");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
    for kind in ["message", "resume"] {
        assert!(report["latency_ms"][kind]["count"].as_u64() > Some(0), "no {kind} in {report:#}");
    }
    let media = &report["media"]["by_kind"];
    assert!(media["screen"]["received"].as_u64() > Some(0), "{media:#}");
    assert_eq!(report["losses"], serde_json::json!({}), "{report:#}");
}

#[test]
fn connections_that_are_negotiated_anew_stay() {
    let flags = ["--rooms", "1", "--peers", "2", "--duration", "6", "--renegotiate-every", "2s"];
    let output = loadtest(&[&flags[..], &["--no-video", "--json", "-"]].concat());
    let report = results(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["media"]["by_kind"]["audio"]["streams"], 2, "{report:#}");
}

#[test]
fn people_with_media_who_come_and_go_are_expected_to() {
    let server = Server::start();
    let flags = ["--rooms", "1", "--peers", "3", "--duration", "12", "--no-video"];
    let flags = [&flags[..], &["--stay", "6s", "--churn"]].concat();
    let (run, lines) = server.run(&flags, "participants");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
    assert!(report["latency_ms"]["leave"]["count"].as_u64() > Some(0), "{report:#}");
    assert!(report["participants"]["reached"].as_u64() > Some(4), "{report:#}");
}
