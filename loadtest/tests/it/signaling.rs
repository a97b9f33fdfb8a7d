//! Runs of signaling alone.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::common::{SIGNALING, Server, loadtest, result, send};

#[test]
fn a_run_of_signaling_measures_every_step() {
    let server = Server::start();
    let flags = [&SIGNALING[..], &["--duration", "9", "--cut-every", "4s"]].concat();
    let (run, lines) = server.run(&flags, "60/60 connections");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
    assert_eq!(report["connections"], serde_json::json!({"wanted": 60, "reached": 60}));
    let latencies = report["latency_ms"].as_object().unwrap();
    let kinds = "create http_join websocket_open websocket_joined relay offer answer candidate \
                 message fan_out_first fan_out_median fan_out connected arrival resume";
    for kind in kinds.split_whitespace() {
        assert!(latencies.contains_key(kind), "no {kind} in {report:#}");
    }
    assert_eq!(latencies["offer"]["count"], 30);
    // From 4 to 12 for each side of 30 pairs.
    let candidates = latencies["candidate"]["count"].as_u64().unwrap();
    assert!((240..=720).contains(&candidates), "{candidates}");
}

#[test]
fn people_who_come_and_go_are_expected_to() {
    let server = Server::start();
    let flags = [&SIGNALING[..], &["--duration", "6", "--stay", "2s", "--churn"]].concat();
    let (run, lines) = server.run(&flags, "participants");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
    assert!(report["latency_ms"]["leave"]["count"].as_u64() > Some(10), "{report:#}");
    assert!(report["participants"]["reached"].as_u64() > Some(30), "{report:#}");
}

#[test]
fn rooms_last_as_long_as_the_run_that_is_planned() {
    let server = Server::start();
    let flags = [&SIGNALING[..], &["--duration", "23h"]].concat();
    let (run, lines) = server.run(&flags, "60/60 connections");
    let client = client_sdk::Client::new(&server.url).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rooms = runtime.block_on(client.list_rooms(&server.token)).unwrap();
    // The one of the probe is among them.
    assert_eq!(rooms.len(), 6);
    let at = |text: &str| OffsetDateTime::parse(text, &Rfc3339).unwrap();
    for room in rooms {
        let lasts = at(&room.expires_at) - at(&room.created_at);
        assert!(lasts > time::Duration::hours(23), "{lasts}");
    }
    send("-INT", &run);
    let (status, report) = result(run, lines);
    assert_eq!((status, &report["interrupted"]), (Some(0), &true.into()), "{report:#}");
    let too_long = loadtest(&[&SIGNALING[..], &["--duration", "24h"]].concat());
    let told = String::from_utf8(too_long.stderr).unwrap();
    assert_eq!(too_long.status.code(), Some(2), "{told}");
    assert!(told.contains("this run takes 24.0 hours"), "{told}");
}
